"""Advice after a failed download: what went wrong, and how to place the files by hand.

TFDS 4.9 looks for `<data_dir>/downloads/manual/<file name>` before it downloads a file whose name it has on record, and
accepts it if size and checksum match.
"""

import errno
from pathlib import Path
from typing import Any

from absl import logging

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
    """The failure in one line; how to place the files by hand, where that is possible, is logged before."""
    line = f"cannot prepare --dataset={dataset} in {data_dir}: {one_line(error)}"
    manual = data_dir / "downloads" / "manual"
    if isinstance(error, ImportError):
        return f"{line}; TFDS needs that package for this data set: install it with pip and run again"
    if isinstance(error, OSError) and error.errno in LOCAL_ERRORS:
        return line
    if builder.MANUAL_DOWNLOAD_INSTRUCTIONS:
        _log(
            f"TFDS cannot download this data set; put its files into {manual}/ and run the same command again:",
            builder.MANUAL_DOWNLOAD_INSTRUCTIONS.split("\n"),
        )
        return f"{line}; which files to put into {manual}/ is said above"
    files = {file.filename: (file.size, url) for url, file in (builder.url_infos or {}).items() if file.filename}
    if not files:
        return f"{line}; try again later: TFDS has no record of its files, so they cannot be put in place by hand"
    few = [f"{name} ({int(size):,} bytes), from {url}" for name, (size, url) in list(files.items())[:MOST_FILES]]
    if len(files) > MOST_FILES:
        few.append(f"and {len(files) - MOST_FILES} more")
    _log(
        f"if it was the download (hosts have quotas), try again later, or fetch the files in another way, put them into "
        f"{manual}/ and run the same command again; sizes and checksums must be the original ones:",
        few,
    )
    return f"{line}; which files to put into {manual}/ is said above"


def _log(first: str, lines: list[str]) -> None:
    logging.warning("%s", "\n".join([first, *(f"  {line.strip()}" for line in lines if line.strip())]))


def _bytes(count: int) -> str:
    if not count:
        return "of unknown size"
    return f"{count / 1e9:.2f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"
