"""Advice after a failed download: what went wrong, and how to place the files by hand.

TFDS 4.9 looks for `<data_dir>/downloads/manual/<file name>` before it downloads a file whose name it has on record, and
accepts it if size and checksum match.
"""

import errno
from pathlib import Path
from typing import Any

from tfpagan.errors import one_line

MOST_FILES = 8
LOCAL_ERRORS = (
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
)  # errors that another download would not fix


def sizes(builder: Any) -> str:
    """The sizes of the download and of the data set on disk."""
    total = sum(int(file.size) for file in (builder.url_infos or {}).values())
    at_most = "at most " if total and builder.BUILDER_CONFIGS else ""  # the record covers all configs together
    return f"download {at_most}{_bytes(total)}, on disk {_bytes(int(builder.info.dataset_size))}"


def failed(dataset: str, data_dir: Path, builder: Any, error: Exception) -> str:
    """A short message: the failure, then the workaround."""
    lines = [f"cannot prepare --dataset={dataset} in {data_dir}: {one_line(error)}"]
    manual = data_dir / "downloads" / "manual"
    if isinstance(error, ImportError):
        return f"{lines[0]}\nTFDS needs that package for this data set: install it with pip and run again."
    if isinstance(error, OSError) and error.errno in LOCAL_ERRORS:
        return lines[0]
    if builder.MANUAL_DOWNLOAD_INSTRUCTIONS:
        lines.append(f"TFDS cannot download this data set; put its files into {manual}/ and run the same command again:")
        return "\n".join([*lines, *_indented(builder.MANUAL_DOWNLOAD_INSTRUCTIONS.split("\n"))])
    files = {file.filename: (file.size, url) for url, file in (builder.url_infos or {}).items() if file.filename}
    if not files:
        return f"{lines[0]}\nTry again later; TFDS has no record of its files, so they cannot be put in place by hand."
    few = [f"{name} ({int(size):,} bytes), from {url}" for name, (size, url) in list(files.items())[:MOST_FILES]]
    if len(files) > MOST_FILES:
        few.append(f"and {len(files) - MOST_FILES} more")
    lines.append("If it was the download (hosts have quotas), try again later, or fetch the files in another way, put them")
    lines.append(f"into {manual}/ and run the same command again; sizes and checksums must be the original ones:")
    return "\n".join([*lines, *_indented(few)])


def _indented(lines: list[str]) -> list[str]:
    return [f"  {line.strip()}" for line in lines if line.strip()]


def _bytes(count: int) -> str:
    if not count:
        return "of unknown size"
    return f"{count / 1e9:.2f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"
