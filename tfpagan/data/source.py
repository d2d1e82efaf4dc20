"""The protocol of a data source, which `prepare` reads; `folder.py` and `catalogue.py` implement it."""

import dataclasses
import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import numpy as np


@dataclasses.dataclass(frozen=True)
class Example:
    """One encoded image: its name for messages, a function that reads its bytes, and its label, if any."""

    name: str
    read: Callable[[], bytes]
    label: int | None


class Source(Protocol):
    """Encoded images in splits, in a fixed order."""

    @property
    def name(self) -> str:
        """Readable name, for messages and for the cache folder."""

    @property
    def channels(self) -> int:
        """Number of channels, 1 or 3."""

    @property
    def image_px(self) -> tuple[int, int] | None:
        """(height, width) in px, if all images share them."""

    @property
    def label_names(self) -> tuple[str, ...] | None:
        """Names of classes by label; None: no labels."""

    @property
    def downloads(self) -> str:
        """Readable: what will be downloaded, and how large it is."""

    @property
    def train_split(self) -> str:
        """The split to train on; known after `fetch`."""

    @property
    def test_split(self) -> str | None:
        """The split to test on; None: every 10th training image is held out."""

    @property
    def validation_split(self) -> str | None:
        """The split to choose checkpoints on, besides one to test on; None: there is none."""

    def split_sizes(self) -> dict[str, int | None]:
        """Examples per split, if known without decoding."""

    def fetch(self) -> None:
        """Download or generate what is missing."""

    def identity(self) -> str:
        """Text that changes whenever the images may have changed; known after `fetch`."""

    def examples(self, split: str) -> Iterator[Example]:
        """The examples of a split, in order."""


Opener = Callable[[str, Path, Path], tuple[str, Source]]
"""Function called for `--dataset=KIND:REST` with REST, `data_dir` and `cache_dir`. It returns the name, with REST independent
of the working directory, and the source; it raises UserError if REST cannot be used."""


def checksum(*arrays: np.ndarray) -> str:
    """Of types, shapes and values, for `identity`: 64 hexadecimal digits of SHA-256."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.dtype} {array.shape}".encode() + np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
