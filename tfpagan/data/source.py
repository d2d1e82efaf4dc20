"""What `prepare` needs of a place where images come from; `folder.py` and `catalogue.py` provide it."""

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol


@dataclasses.dataclass(frozen=True)
class Example:
    """One encoded image: what to call it in a message, how to read its bytes, and its label if it has one."""

    name: str
    read: Callable[[], bytes]
    label: int | None


class Source(Protocol):
    """Encoded images in splits, in an order that never changes."""

    @property
    def name(self) -> str:
        """Readable, for messages and for the cache folder."""

    @property
    def channels(self) -> int:
        """1 or 3."""

    @property
    def image_px(self) -> tuple[int, int] | None:
        """(height, width) in px if all images share them."""

    @property
    def label_names(self) -> tuple[str, ...] | None:
        """Classes by label; None: the images have no labels."""

    @property
    def downloads(self) -> str:
        """For humans: what is to be downloaded, and how large it is."""

    @property
    def train_split(self) -> str:
        """The split to train on; known after `fetch`."""

    @property
    def test_split(self) -> str | None:
        """The split to test on; None: there is none, and every 10th training image is held out."""

    def split_sizes(self) -> dict[str, int | None]:
        """Examples per split, as far as known without decoding."""

    def fetch(self) -> None:
        """Download or generate what is missing."""

    def identity(self) -> str:
        """Text that changes whenever the images could have changed; known after `fetch`."""

    def examples(self, split: str) -> Iterator[Example]:
        """The examples of a split, in order."""


Opener = Callable[[str, Path, Path], tuple[str, Source]]
"""What `--dataset=KIND:REST` calls with REST, `data_dir` and `cache_dir`. It returns the name, with REST made independent of
the working directory, and the source, and raises UserError where REST cannot be used."""
