"""A TFDS data set as a source, by its TFDS name; `shapes` is one of them, with our own builder.

tensorflow_datasets is imported inside functions: it takes seconds."""

import contextlib
import importlib
import io
import itertools
import os
import re
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from absl import logging
from google.protobuf import json_format

from tfpagan.data import recipe
from tfpagan.data.places import check_writable, path_meant
from tfpagan.data.source import Example
from tfpagan.errors import UserError, one_line
from tfpagan.settings.registries import SOURCES
from tfpagan.settings.setting import closest, unknown

# What TFDS builders are known to raise when a download fails or its files are unexpected.
# requests' and urllib's errors are OSErrors.
PREPARE_ERRORS = (
    OSError,
    AssertionError,
    EOFError,
    ImportError,
    LookupError,
    RuntimeError,
    TypeError,
    ValueError,
    tarfile.TarError,
    zipfile.BadZipFile,
    tf.errors.OpError,
)

CROSSING = 64  # examples


class Catalogued:
    """A data set of the TFDS catalogue, or one that TFDS can read from data_dir.

    Raises:
      UserError: when TFDS does not know the name, the data set in data_dir is damaged, or it has no images.
    """

    def __init__(self, dataset: str, data_dir: Path, cache_dir: Path) -> None:
        self._root = _shapes_root(data_dir, cache_dir) if _is_shapes(dataset) else data_dir
        self._dataset = dataset
        self._builder = _open(dataset, self._root)
        self.name = re.sub(r"[^A-Za-z0-9.]+", "-", self._builder.info.full_name)
        features = self._builder.info.features
        self._image_key = _image_key(dataset, features)
        height, width, channels = features[self._image_key].shape
        self.image_px = (height, width) if height and width else None
        self.channels = 1 if channels == 1 else 3
        self._label_key, self.label_names = _labels(features)

    @property
    def _folder(self) -> Path:
        return Path(self._builder.data_path)

    @property
    def downloads(self) -> str:
        """What will be downloaded, with sizes of the download and on disk."""
        if self._folder.exists():
            return f"nothing to download: found {self._folder}"
        if _is_shapes(self._dataset):
            return f"nothing to download: drawn in seconds, 25 MB in {self._folder}"
        return f"{recipe.sizes(self._builder)}, into {self._root}"

    def split_sizes(self) -> dict[str, int | None]:
        """Examples per split, if known before a download."""
        sizes: dict[str, int | None] = {str(name): info.num_examples for name, info in self._builder.info.splits.items()}
        return sizes or {"train": None, "test": None}

    @property
    def train_split(self) -> str:
        """`train`, or the only split."""
        names = list(self.split_sizes())
        if "train" not in names and len(names) > 1:
            raise UserError(f"--dataset={self._dataset} has no split train; it has {', '.join(names)}")
        return "train" if "train" in names else names[0]

    @property
    def test_split(self) -> str | None:
        """`test`, else `validation`, else None."""
        others = [name for name in ("test", "validation") if name in self.split_sizes() and name != self.train_split]
        return others[0] if others else None

    @property
    def validation_split(self) -> str | None:
        """`validation`, where there is a `test` too."""
        return "validation" if {"test", "validation"} <= self.split_sizes().keys() else None

    def fetch(self) -> None:
        """Download and prepare the data set with TFDS, unless data_dir holds it.

        Raises:
          UserError: saying what failed, and how to place the files by hand.
        """
        if self._folder.exists():
            return
        check_writable(self._root, "data_dir")
        logging.info("preparing %s: %s", self._dataset, self.downloads)
        import tensorflow_datasets as tfds
        from tensorflow_datasets.core.download.download_manager import NonMatchingChecksumError

        try:
            with _quiet():
                self._builder.download_and_prepare()
        except (*PREPARE_ERRORS, tfds.download.DownloadError, NonMatchingChecksumError) as e:
            # TFDS renames a finished folder into place, which fails when another process was faster.
            if not (self._folder / "dataset_info.json").exists():
                raise UserError(recipe.failed(self._dataset, self._root, self._builder, e)) from None
            self._builder = _open(self._dataset, self._root)

    def identity(self) -> str:
        """The name with its version, and the name, size and times of every file."""
        listing = []
        if self._folder.exists():
            with os.scandir(self._folder) as entries:
                found = [(entry.name, entry.stat()) for entry in entries]
            listing = sorted((name, s.st_size, s.st_mtime_ns, s.st_ctime_ns) for name, s in found)
        return repr((self._builder.info.full_name, str(self._folder), listing))

    def examples(self, split: str) -> Iterator[Example]:
        """The split's examples, in file order.

        Raises:
          UserError: when a file of the data set is missing or truncated.
        """
        import tensorflow_datasets as tfds

        keys = [self._image_key, *([self._label_key] if self._label_key else [])]
        decoders = tfds.decode.PartialDecoding(
            dict.fromkeys(keys, True), decoders={self._image_key: tfds.decode.SkipDecoding()}
        )
        in_order = tfds.ReadConfig(interleave_cycle_length=1, try_autocache=False)
        try:
            with _quiet():
                dataset = self._builder.as_dataset(split=split, decoders=decoders, read_config=in_order)
            # Moving from TensorFlow to Python costs more than decoding a small image, so many move at once.
            for first, many in enumerate(dataset.batch(CROSSING).as_numpy_iterator()):
                labels = many[self._label_key].tolist() if self._label_key else itertools.repeat(None)
                for i, (data, label) in enumerate(zip(many[self._image_key], labels, strict=False)):
                    yield Example(f"{self._dataset}, {split} image {first * CROSSING + i}", _Bytes(data), label)
        except (tf.errors.OpError, ValueError, AssertionError) as e:
            remedy = f"delete {self._folder} and run again to prepare it anew"
            raise UserError(f"{self._folder} is damaged or incomplete: {one_line(e)}; {remedy}") from None


class _Bytes:
    """Bytes in memory, with the interface of a file."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def __call__(self) -> bytes:
        return self._data


def _is_shapes(dataset: str) -> bool:
    return re.split("[/:]", dataset)[0] == "shapes"


def _shapes_root(data_dir: Path, cache_dir: Path) -> Path:
    """The folder of `shapes`: data_dir, which may be read-only, if it is there already; else cache_dir."""
    is_there = any(data_dir.glob("shapes/*/dataset_info.json"))
    return data_dir if is_there else cache_dir / "tensorflow_datasets"


def _open(dataset: str, data_dir: Path) -> Any:
    """The TFDS builder of a name, without network access."""
    import tensorflow_datasets as tfds

    if _is_shapes(dataset):
        importlib.import_module("tfpagan.data.shapes.builder")  # its class registers itself with TFDS
    known = _names()
    if not re.fullmatch(r"\w+(/[\w.+-]+)?(:[\d.*]+)?", dataset):
        near = closest(dataset, known)[:1]
        guess = f"; did you mean {near[0]}?" if near else ""
        legal = "name, name/config, name:version, folder:PATH, npz:FILE"
        raise UserError(f"--dataset={dataset!r} is not legal: it must be {legal}{path_meant(dataset) or guess}")
    name = re.split("[/:]", dataset)[0]
    if name not in known and not (data_dir / name).is_dir():
        raise UserError(_unknown_name(name, known, data_dir))
    try:
        with _quiet():
            if name in known and not (data_dir / dataset.partition(":")[0]).is_dir():
                _check_config(dataset, name)
            builder = _builder(dataset, data_dir, in_catalogue=name in known)
    except tfds.core.registered.DatasetNotFoundError:
        found = ", ".join(sorted(path.name for path in (data_dir / name).glob("*"))) or "nothing"
        raise UserError(
            f"no version of --dataset={dataset} with dataset_info.json and features.json under {data_dir / name}: found {found}"
        ) from None
    except json_format.ParseError as e:
        remedy = "delete that version's folder and run again"
        raise UserError(f"damaged dataset_info.json under {data_dir / name}: {one_line(e)}; {remedy}") from None
    except (OSError, AssertionError, ImportError, RuntimeError, ValueError) as e:
        reason = re.sub(r"^Failed to construct dataset .*?\}\": ", "", one_line(e))
        raise UserError(f"cannot open --dataset={dataset} in {data_dir}: {reason}") from None
    folder = Path(builder.data_path)
    if folder.exists() and not (folder / "dataset_info.json").exists():
        raise UserError(f"{folder} is half-written: it has no dataset_info.json; delete it and run again")
    return builder


def is_known(dataset: str) -> bool:
    """Whether a data set of that name is in TFDS's catalogue, or registered."""
    return re.split("[/:]", dataset)[0] in {*_names(), *SOURCES}


def _names() -> set[str]:
    import tensorflow_datasets as tfds

    return {*tfds.list_builders(with_community_datasets=False), "shapes"}


def _unknown_name(name: str, known: set[str], data_dir: Path) -> str:
    if there := path_meant(name):
        return f"unknown data set {name!r}{there}"
    if closest(name, known):
        return unknown(name, known, "data set") + f" ({data_dir} has none of that name either)"
    listed = "https://www.tensorflow.org/datasets/catalog/overview"
    return f"unknown data set {name!r}: not among the {len(known)} of {listed}, nor in {data_dir}; or use folder:PATH, npz:FILE"


def _check_config(dataset: str, name: str) -> None:
    """Refuse a config that the builder's code does not know; TFDS's own message is a page long."""
    import tensorflow_datasets as tfds

    config = dataset.partition("/")[2].partition(":")[0]
    known = tfds.builder_cls(name).builder_configs
    if config and config not in known:
        if known:
            raise UserError(unknown(config, known, f"config of {name}"))
        raise UserError(f"--dataset={dataset}: {name} has no configs; use --dataset={name}")


def _builder(dataset: str, data_dir: Path, in_catalogue: bool) -> Any:
    import tensorflow_datasets as tfds
    from tensorflow_datasets.core import read_only_builder

    if in_catalogue:
        return tfds.builder(dataset, data_dir=str(data_dir))
    # tfds.builder would first ask the network whether a community data set has this name.
    return read_only_builder.builder_from_files(dataset, data_dir=str(data_dir))


def _image_key(dataset: str, features: Any) -> str:
    """The name of the image feature: `image`, or the only one."""
    import tensorflow_datasets as tfds

    # The exact class: its subclasses are segmentation masks and the like.
    images = [key for key, feature in features.items() if type(feature) is tfds.features.Image]
    images = [key for key in images if features[key].np_dtype == np.uint8]
    if "image" in images:
        return "image"
    if len(images) != 1:
        found = f"{len(images)} image features ({', '.join(images)})" if images else "no 8-bit image feature"
        raise UserError(f"--dataset={dataset} is not an image data set: it has {found} among {', '.join(features)}")
    return str(images[0])


def _labels(features: Any) -> tuple[str | None, tuple[str, ...] | None]:
    """The name of the label feature, and its classes; `label`, the only one, or None."""
    import tensorflow_datasets as tfds

    labels = [key for key, feature in features.items() if isinstance(feature, tfds.features.ClassLabel)]
    key = "label" if "label" in labels else labels[0] if len(labels) == 1 else None
    return (key, tuple(features[key].names)) if key else (None, None)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Suppress TFDS's banners and log lines, and its progress bars outside a terminal."""
    import tensorflow_datasets as tfds

    bars, verbosity = sys.stderr.isatty(), logging.get_verbosity()
    logging.set_verbosity(logging.ERROR)
    if not bars:
        tfds.disable_progress_bar()
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        logging.set_verbosity(verbosity)
        if not bars:
            tfds.enable_progress_bar()
