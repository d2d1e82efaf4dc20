"""Prepares data sets: every image is decoded, cropped and resized once into `cache_dir`, and memory-mapped from there."""

import dataclasses
import hashlib
import inspect
import re
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from absl import logging

from tfpagan import errors
from tfpagan.data import cache, npz, places
from tfpagan.data.catalogue import Catalogued
from tfpagan.data.color_mnist import ColorMNIST
from tfpagan.data.decode import decode
from tfpagan.data.folder import Folder
from tfpagan.data.geometry import Geometry, resolve
from tfpagan.data.pipeline import held_out
from tfpagan.data.source import Source
from tfpagan.data.tiny_imagenet import TinyImageNet, is_tiny_imagenet
from tfpagan.errors import UserError
from tfpagan.evaluation.statistics import UNREADABLE
from tfpagan.settings.registries import SOURCES
from tfpagan.settings.sections import DataConfig
from tfpagan.settings.setting import check

LAYOUT = 2  # version of the cache's format; entries of other versions are ignored
HOLD_OUT = 10  # without a test split, images 0, 10, 20, ... of the training split are the test images


@dataclasses.dataclass(frozen=True)
class Described:
    """What is known of a data set before anything is downloaded or decoded."""

    config: DataConfig  # concrete: absolute paths, image_size in px, no `auto`
    channels: int  # 1 or 3
    downloads: str  # for display: nothing to download, or how much
    splits: dict[str, int | None]  # numbers of training, test and, in some, validation images; None: not known yet
    holds: Callable[[Path], bool]  # whether images written into a folder would become part of the data set

    def holding_out(self, count: int) -> dict[str, int | None]:
        """The splits of a run that holds out as many images for validation.

        Raises:
          UserError: when there are not so many, as far as it is known.
        """
        split = "validation" if "validation" in self.splits else "train"
        if (total := self.splits[split]) is None or not count:
            return self.splits
        if split == "validation":
            _require_validation(self.config.dataset, total, count)
            return {**self.splits, "validation": count}
        return {**self.splits, "train": len(held_out(total, count)[0]), "validation": count}


@dataclasses.dataclass(frozen=True)
class Images:
    """Decoded images: read-only memory maps uint8 [N, H, W, C], with labels int64 [N] if the data set has any."""

    config: DataConfig  # concrete, as in `Described`
    train: np.ndarray
    test: np.ndarray
    train_labels: np.ndarray | None
    test_labels: np.ndarray | None
    label_names: tuple[str, ...] | None
    checksums: Mapping[str, str]  # of the images and labels, by split
    skipped: int  # images left out because they could not be decoded
    validation: np.ndarray | None = None  # of data sets that have such a split besides one for testing

    @property
    def shape(self) -> tuple[int, int, int]:
        """(H, W, C) of every image."""
        _, height, width, channels = self.train.shape
        return height, width, channels

    def places(self, validation_images: int) -> np.ndarray:
        """Places of the images to train on: all, unless some are held out because there is no validation split.

        Raises:
          UserError: when nothing is left to train on.
        """
        return held_out(len(self.train), 0 if self.validation is not None else validation_images)[0]

    def held_out(self, count: int) -> "Part":
        """Some images that are not trained on, always the same: of the validation split, or without one of the training images.

        Raises:
          UserError: when there are not so many.
        """
        if self.validation is None:
            return Part("train", self.train, held_out(len(self.train), count)[1])
        _require_validation(self.config.dataset, len(self.validation), count)
        total = len(self.validation)
        places = np.arange(total) if count == total else held_out(total, count)[1]
        return Part("validation", self.validation, places)


@dataclasses.dataclass(frozen=True)
class Part:
    """Some images of a split: its name and array, and their places."""

    split: str
    images: np.ndarray
    places: np.ndarray


def _require_validation(dataset: str, total: int, count: int) -> None:
    if count > total:
        raise UserError(f"--validation_images={count} is not legal: {dataset} has {total} validation images")


def describe(config: DataConfig) -> Described:
    """Describe a data set without network access and without decoding anything.

    Raises:
      UserError: on an unknown data set, an unusable folder, or an impossible crop or size.
    """
    return _open(config)[0]


def prepare(config: DataConfig, *, progress: bool | None = None) -> Images:
    """The images of a data set; downloaded and decoded on the first call, then read from `cache_dir`.

    Args:
      config: which images; it need not be the concrete one from `describe`.
      progress: whether to show a progress bar; None: if stderr is a terminal.

    Raises:
      UserError: on anything that `describe` refuses, a failed download, a damaged data set, corrupt or too small images
        (corrupt ones only without `skip_corrupt_images`), or a folder that cannot be written.
    """
    described, source = _open(config)
    source.fetch()
    resolved = described.config
    geometry = Geometry(resolved.crop, resolved.image_size)
    folder = Path(resolved.cache_dir) / _entry(source, resolved)
    if not folder.exists():
        if source.test_split is None:
            logging.info("%s has no test split: every %dth training image is held out", source.name, HOLD_OUT)
        splits = cache.Splits(source.train_split, source.test_split, source.validation_split, HOLD_OUT)
        decoder = partial(decode, channels=source.channels, background=config.background)
        pixels = cache.Pixels(decoder, geometry, source.channels)
        cache.write(folder, source, splits, pixels, skip_corrupt=config.skip_corrupt_images, progress=progress)
    return _read(folder, resolved, source.channels)


def _open(config: DataConfig) -> tuple[Described, Source]:
    check(config)
    data_dir, cache_dir = places.data_dir(config.data_dir), places.cache_dir(config.cache_dir)
    dataset, source = _source(config.dataset.strip(), data_dir, cache_dir)
    geometry = resolve(config.crop, config.image_size, source.image_px)
    resolved = dataclasses.replace(
        config,
        dataset=dataset,
        data_dir=str(data_dir),
        cache_dir=str(cache_dir),
        image_size=geometry.image_size,
        crop=geometry.crop,
    )
    holds = source.holds if isinstance(source, Folder) else lambda folder: False
    return Described(resolved, source.channels, source.downloads, _split_sizes(source), holds), source


def _source(dataset: str, data_dir: Path, cache_dir: Path) -> tuple[str, Source]:
    """The name of a data set, independent of the working directory, and its source."""
    kind, _, rest = dataset.partition(":")
    if not dataset or dataset in ("folder:", "npz:"):
        others = ", ".join(name for name in SOURCES if name not in ("folder", "npz"))
        legal = f"a TFDS name (celeb_a, cifar10, mnist, ...), folder:PATH, npz:FILE, {others} or shapes"
        raise UserError(f"--dataset={dataset!r} is not legal: it must be {legal}")
    if kind in SOURCES:
        return _opened(kind, SOURCES.get(kind)(rest, data_dir, cache_dir))
    return dataset, Catalogued(dataset, data_dir, cache_dir)


def _opened(kind: str, result: Any) -> tuple[str, Source]:
    """What an opener returned, which may be a plugin's.

    Raises:
      UserError: when it is not a name and a source.
    """
    if not (isinstance(result, tuple) and len(result) == 2 and isinstance(result[0], str)):
        raise UserError(f"--dataset={kind}: its function must return a name and a source, not {result!r}")
    required, absent = (name for name in dir(Source) if not name.startswith("_")), object()
    if missing := [name for name in required if inspect.getattr_static(result[1], name, absent) is absent]:
        raise UserError(f"--dataset={kind}: its source lacks {', '.join(missing)} (tfpagan/data/source.py)")
    return result


def open_folder(rest: str, data_dir: Path, cache_dir: Path) -> tuple[str, Source]:
    """`folder:PATH`: a folder of images, or the unpacked Tiny ImageNet."""
    if not rest:
        raise UserError("--dataset=folder is not legal: it must be folder:PATH")
    root = places.local(rest, "dataset=folder:")
    return f"folder:{root}", TinyImageNet(root) if is_tiny_imagenet(root) else Folder(root)


def open_npz(rest: str, data_dir: Path, cache_dir: Path) -> tuple[str, Source]:
    """`npz:FILE`: arrays of images."""
    if not rest:
        raise UserError("--dataset=npz is not legal: it must be npz:FILE")
    file = places.local(rest, "dataset=npz:", "it must be a file of this machine")
    return f"npz:{file}", npz.read(file)


def open_color_mnist(rest: str, data_dir: Path, cache_dir: Path) -> tuple[str, Source]:
    """`color_mnist`."""
    if rest:
        raise UserError(f"--dataset=color_mnist:{rest} is not legal: it must be color_mnist")
    return "color_mnist", ColorMNIST(data_dir, cache_dir)


def _split_sizes(source: Source) -> dict[str, int | None]:
    sizes = source.split_sizes()
    train = sizes[source.train_split]
    if source.test_split is not None:
        validation = {"validation": sizes[source.validation_split]} if source.validation_split else {}
        return {"train": train, "test": sizes[source.test_split], **validation}
    held_out = None if train is None else -(-train // HOLD_OUT)
    return {"train": None if train is None or held_out is None else train - held_out, "test": held_out}


def _entry(source: Source, config: DataConfig) -> str:
    """Name of the cache entry: readable text, then a hash of everything that determines its pixels."""
    choices = (config.crop, config.image_size, config.skip_corrupt_images, config.background)
    with_validation = ("validation",) if source.validation_split else ()
    decisive = (LAYOUT, source.identity(), source.channels, *choices, *with_validation)
    digest = hashlib.sha256(repr(decisive).encode("utf-8", "surrogateescape")).hexdigest()[:16]
    readable = re.sub(r"[^A-Za-z0-9.]+", "-", f"{source.name}-{config.crop}-{config.image_size}px")
    return f"{readable[:80]}-{digest}"


def _read(folder: Path, config: DataConfig, channels: int) -> Images:
    try:
        arrays = cache.read(folder, (config.image_size, config.image_size, channels))
    except UNREADABLE as e:
        raise UserError(f"the cache entry {folder} is damaged: {errors.one_line(e)}; delete it and run again") from None
    return Images(config=config, **arrays)
