"""A cache entry: `train.npy`, `test.npy` and, of some data sets, `validation.npy`, uint8 [N, H, W, C], labels of the first two,
`about.json`; written atomically, and checked when it is read."""

import collections
import dataclasses
import hashlib
import itertools
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from absl import logging
from tqdm import tqdm

from tfpagan.data.geometry import Geometry
from tfpagan.data.places import check_writable
from tfpagan.data.source import Example, Source
from tfpagan.errors import UserError, one_line
from tfpagan.evaluation.image_files import ImageFileError

CHUNK = 64  # images that a thread decodes at a time; one by one, threads mostly wait for each other
CHUNKS_AHEAD = 8  # decoded ahead
MOST_NAMED = 5  # corrupt images named in a message
LARGE = 2**30
"""Bytes; a larger file is summed again only if its size or the time of its last change is another: that takes seconds."""
PIECE = 2**20
UNFINISHED = ".unfinished-"
ABANDONED_SECONDS = 24 * 3600.0


@dataclasses.dataclass(frozen=True)
class Splits:
    """Which splits of the source fill which arrays; without a test split every `hold_out`th image is held out for testing."""

    train: str
    test: str | None
    validation: str | None
    hold_out: int

    def names(self) -> list[str]:
        """Those of the arrays."""
        return ["train", "test", *(["validation"] if self.validation else [])]

    def examples(self, source: Source) -> Iterator[tuple[str, Example]]:
        """The name of its array, with each example, in the source's order."""
        for i, example in enumerate(source.examples(self.train)):
            yield "test" if self.test is None and i % self.hold_out == 0 else "train", example
        for name, split in (("test", self.test), ("validation", self.validation)):
            if split is not None:
                for example in source.examples(split):
                    yield name, example


@dataclasses.dataclass(frozen=True)
class Pixels:
    """From an encoded image to its pixels in their final size, uint8 [S, S, C].

    Attributes:
      decode: bytes to uint8 [H, W, C]; raises ImageFileError.
      geometry: crop and size.
      channels: C.
    """

    decode: Callable[[bytes], np.ndarray]
    geometry: Geometry
    channels: int

    def of(self, example: Example) -> np.ndarray | ImageFileError:
        """The pixels, or why there are none.

        Raises:
          UserError: when the image does not fit.
        """
        try:
            image = self.decode(example.read())
        except ImageFileError as e:
            return e
        except OSError as e:
            return ImageFileError(e.strerror)
        try:
            return self.geometry.apply(image)
        except UserError as e:
            raise UserError(f"{example.name}: {e}") from None


def write(folder: Path, source: Source, splits: Splits, pixels: Pixels, *, skip_corrupt: bool, progress: bool | None) -> None:
    """Decode a source into `folder`, which appears when complete.

    Two processes may do this at once: the first to finish wins, and the other's identical result is dropped.

    Raises:
      UserError: on corrupt images unless `skip_corrupt`, images that do not fit, too few images, a full disk.
    """
    check_writable(folder.parent, "cache_dir")
    remove_abandoned(folder.parent, UNFINISHED)
    began = time.monotonic()
    unfinished = Path(tempfile.mkdtemp(prefix=UNFINISHED, dir=folder.parent))
    try:
        count = _fill(unfinished, source, splits, pixels, skip_corrupt, progress)
        unfinished.chmod(0o755)  # mkdtemp's folders are private to one user
        _publish(unfinished, folder)
    except OSError as e:
        raise UserError(f"cannot write decoded images into {folder.parent}: {one_line(e)}") from None
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    logging.info("decoded %d images into %s in %.1f seconds", count, folder, time.monotonic() - began)


def read(folder: Path, image_shape: tuple[int, int, int]) -> dict[str, Any]:
    """What `write` wrote of images [H, W, C], by field of `Images`; arrays are read-only memory maps.

    Raises:
      `evaluation.statistics.UNREADABLE`: when a file is missing or damaged.
    """
    about = json.loads((folder / "about.json").read_text())
    for name, facts in about.get("files", {}).items():  # version 0.1 did not write them
        _require_as_written(folder / name, facts)
    splits = ("train", "test", *(["validation"] if "validation" in about["checksums"] else []))
    arrays: dict[str, Any] = {name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in splits}
    for array in arrays.values():
        if array.dtype != np.uint8 or array.ndim != 4 or array.shape[1:] != image_shape or not len(array):
            raise ValueError(f"images {array.dtype} {list(array.shape)} in the place of {list(image_shape)}")
    names = tuple(map(str, about["label_names"])) if about["label_names"] else None
    if not (isinstance(about["checksums"], dict) and {"train", "test"} <= about["checksums"].keys()):
        raise ValueError("about.json has no checksums of train and test")
    if not isinstance(about["skipped"], int) or isinstance(about["label_names"], str):
        raise ValueError("about.json has no number of skipped images, or no list of classes")
    for split in ("train", "test"):
        file, images = folder / f"{split}_labels.npy", len(arrays[split])
        arrays[f"{split}_labels"] = _labels(file, images, len(names)) if names else None
    return arrays | {"label_names": names, "skipped": about["skipped"], "checksums": about["checksums"]}


def _facts(file: Path) -> dict[str, Any]:
    """What a file is recognised by."""
    found = file.stat()
    return {"bytes": found.st_size, "changed_ns": found.st_mtime_ns, "sha256": _sum(file)}


def _sum(file: Path) -> str:
    digest = hashlib.sha256()
    with file.open("rb") as f:
        while piece := f.read(PIECE):
            digest.update(piece)
    return digest.hexdigest()


def _require_as_written(file: Path, facts: dict[str, Any]) -> None:
    found = file.stat()
    if found.st_size != facts["bytes"]:
        raise ValueError(f"{file.name} has {found.st_size} bytes, and {facts['bytes']} were written")
    unchanged = found.st_size > LARGE and found.st_mtime_ns == facts["changed_ns"]
    if not unchanged and _sum(file) != facts["sha256"]:
        raise ValueError(f"{file.name} has other contents than were written")


def _labels(file: Path, images: int, classes: int) -> np.ndarray:
    labels = np.load(file)
    if labels.dtype.kind not in "iu" or labels.shape != (images,):
        raise ValueError(f"labels {labels.dtype} {list(labels.shape)} of {images} images")
    if labels.min(initial=0) < -1 or labels.max(initial=0) >= classes:  # -1: TFDS's of images without a label
        raise ValueError(f"labels from {labels.min()} to {labels.max()} of {classes} classes")
    return labels


class _Rows:
    """A growing `.npy` file of uint8 [N, S, S, C], so that data sets need not fit into memory."""

    def __init__(self, path: Path, image_shape: tuple[int, int, int]) -> None:
        self._file = path.open("wb")
        self._image_shape = image_shape
        self.labels: list[int | None] = []
        self._digest = hashlib.sha256()
        self._write_header()

    def append(self, image: np.ndarray, label: int | None) -> None:
        row = np.ascontiguousarray(image).data
        self._file.write(row)
        self._digest.update(row)
        self._digest.update(repr(label).encode())
        self.labels.append(label)

    def checksum(self) -> str:
        """Of the images and labels in their order: the first 16 hexadecimal digits of SHA-256."""
        return self._digest.hexdigest()[:16]

    def close(self) -> None:
        self._file.seek(0)
        self._write_header()  # numpy's header has room for N to grow in place
        self._file.close()

    def _write_header(self) -> None:
        header = {"descr": "|u1", "fortran_order": False, "shape": (len(self.labels), *self._image_shape)}
        np.lib.format.write_array_header_1_0(self._file, header)


def _fill(folder: Path, source: Source, splits: Splits, pixels: Pixels, skip_corrupt: bool, progress: bool | None) -> int:
    """Write all files of an entry; returns its number of images."""
    size = pixels.geometry.image_size
    rows = {name: _Rows(folder / f"{name}.npy", (size, size, pixels.channels)) for name in splits.names()}
    corrupt: list[str] = []
    bar = tqdm(total=_total(source, splits), unit=" images", disable=None if progress is None else not progress)
    try:
        for (name, example), image in _in_order(pixels.of, splits.examples(source)):
            if isinstance(image, ImageFileError):
                corrupt.append(f"{example.name} ({image})")
            else:
                rows[name].append(image, example.label)
            bar.update()
    finally:
        bar.close()
        for part in rows.values():
            part.close()
    _judge(corrupt, {name: len(part.labels) for name, part in rows.items()}, source, skip_corrupt)
    if source.label_names:
        for name in ("train", "test"):
            np.save(folder / f"{name}_labels.npy", np.array(rows[name].labels, np.int64))
    about: dict[str, Any] = {"source": source.name, "label_names": source.label_names, "skipped": len(corrupt)}
    about["checksums"] = {name: part.checksum() for name, part in rows.items()}
    about["files"] = {file.name: _facts(file) for file in sorted(folder.glob("*.npy"))}
    (folder / "about.json").write_text(json.dumps(about | dataclasses.asdict(pixels.geometry), indent=2))
    return sum(len(part.labels) for part in rows.values())


def _in_order(
    work: Callable[[Example], Any], examples: Iterator[tuple[str, Example]]
) -> Iterator[tuple[tuple[str, Example], Any]]:
    """Each example with the result of `work`, in order; on all cores, a few chunks at a time."""

    def work_on(chunk: list[tuple[str, Example]]) -> list[tuple[tuple[str, Example], Any]]:
        return [(item, work(item[1])) for item in chunk]

    pending: collections.deque[Future] = collections.deque()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        try:
            while chunk := list(itertools.islice(examples, CHUNK)):
                pending.append(pool.submit(work_on, chunk))
                if len(pending) > CHUNKS_AHEAD:
                    yield from pending.popleft().result()
            for future in pending:
                yield from future.result()
        finally:
            pool.shutdown(cancel_futures=True)


def _judge(corrupt: list[str], counts: dict[str, int], source: Source, skip_corrupt: bool) -> None:
    """Refuse corrupt images unless they may be skipped, and splits without images."""
    if corrupt:
        total = len(corrupt) + sum(counts.values())
        named = ", ".join(corrupt[:MOST_NAMED]) + (", ..." if len(corrupt) > MOST_NAMED else "")
        found = f"{source.name}: {len(corrupt)} of {total} images cannot be used: {named}"
        if not skip_corrupt:
            clear = ", show transparent pixels on a --background" if any("transparent" in image for image in corrupt) else ""
            raise UserError(f"{found}; repair or remove them{clear}, or skip them with --skip_corrupt_images")
        logging.warning("%s; skipping them", found)
    if not all(counts.values()):
        having = " and ".join(f"{count} to {name.replace('validation', 'validate')} on" for name, count in counts.items())
        raise UserError(f"{source.name}: too few images: {having}; at least one of each is needed")


def _total(source: Source, splits: Splits) -> int | None:
    sizes = source.split_sizes()
    counts = [sizes.get(name) for name in (splits.train, splits.test, splits.validation) if name is not None]
    known = [count for count in counts if count is not None]
    return sum(known) if len(known) == len(counts) else None


def _publish(unfinished: Path, folder: Path) -> None:
    try:
        unfinished.rename(folder)
    except OSError:
        if not folder.exists():  # unless another process was faster
            raise


def remove_abandoned(folder: Path, prefix: str) -> None:
    """Remove what killed processes left: unfinished folders of that prefix that have not been written to for a day."""
    for left in folder.glob(f"{prefix}*"):
        with suppress(FileNotFoundError):  # another process has just finished or removed it
            newest = max((path.stat().st_mtime for path in [left, *left.rglob("*")]), default=0.0)
            if time.time() - newest > ABANDONED_SECONDS:
                shutil.rmtree(left, ignore_errors=True)
