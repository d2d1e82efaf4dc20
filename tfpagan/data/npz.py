"""Arrays of images in an .npz or .npy file as a source: splits under the names that Keras, MedMNIST and others give them."""

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

import numpy as np

from tfpagan.data.decode import encode
from tfpagan.data.source import Example, checksum
from tfpagan.errors import UserError, one_line
from tfpagan.evaluation.images import to_bytes
from tfpagan.evaluation.statistics import UNREADABLE, arrays_in

SPLITS = {
    "train": ("train", "x_train", "train_images"),
    "test": ("test", "x_test", "test_images"),
    "validation": ("validation", "x_validation", "x_val", "val_images"),
}
LABELS = {"train": ("train_labels", "y_train"), "test": ("test_labels", "y_test"), "all": ("labels", "arr_1")}
TYPES = ("uint8", "float16", "float32", "float64")
MOST_CLASSES = 100_000


def read(file: Path) -> "Npz":
    """The source `npz:FILE`.

    Raises:
      UserError: when it cannot be read, or holds no such arrays.
    """
    where = f"--dataset=npz:{file}"
    try:
        arrays = arrays_in(file)
    except UNREADABLE as e:
        raise UserError(f"{where} cannot be read: {one_line(e)}") from None
    return Npz(arrays, where, f"npz-{file.stem}")


class Npz:
    """Arrays by name: images uint8 [N, H, W, C] or [N, H, W], or floats in [-1, 1], with C = 1 or 3.

    `train` and, if there are any, `test` and `validation` are splits, with `train_labels` and `test_labels`, whole numbers from
    0 (`SPLITS` and `LABELS` have other names for them). Else there is one array of images, and perhaps `labels`.

    Args:
      arrays: by name.
      where: they come from, for messages.
      name: for the cache.

    Raises:
      UserError: when they are of another form.
    """

    downloads = "nothing to download"

    def __init__(self, arrays: Mapping[str, np.ndarray], where: str, name: str = "arrays") -> None:
        self.name, self._where = name, where
        self._images = {split: self._bytes(name, arrays[name]) for split, name in self._splits(arrays).items()}
        self.train_split = "train" if "train" in self._images else "all"
        self.test_split = "test" if "test" in self._images else None
        self.validation_split = "validation" if "validation" in self._images and self.test_split else None
        self._labels = self._labels_in(arrays)
        self.label_names = self._names(arrays)
        _, *size, self.channels = self._images[self.train_split].shape
        self.image_px: tuple[int, int] | None = (size[0], size[1])
        for split, images in self._images.items():
            if images.shape[1:] != (*size, self.channels):
                raise self._refused(f"has {split} images {list(images.shape[1:])} and others {[*size, self.channels]}")

    def _refused(self, what: str) -> UserError:
        return UserError(f"{self._where} {what}")

    def _splits(self, arrays: Mapping[str, np.ndarray]) -> dict[str, str]:
        """The array of each split."""
        found = {split: [name for name in names if name in arrays] for split, names in SPLITS.items()}
        if twice := next((names for names in found.values() if len(names) > 1), None):
            raise self._refused(f"has {' and '.join(twice)}; one of them is needed")
        splits = {split: names[0] for split, names in found.items() if names}
        if splits and "train" not in splits:
            raise self._refused(f"has {', '.join(splits.values())} but no train")
        if splits:
            if "validation" in splits and "test" not in splits:  # the only one that is not trained on
                splits["test"] = splits.pop("validation")
            return splits
        images = [name for name, array in arrays.items() if array.ndim in (3, 4)]
        if len(images) != 1:
            legal = "expected train, and perhaps test and validation, or a single array of images"
            raise self._refused(f"has {len(images)} arrays of images ({', '.join(sorted(arrays)) or 'none'}); {legal}")
        return {"all": images[0]}

    def _bytes(self, name: str, array: np.ndarray) -> np.ndarray:
        """Images as uint8 [N, H, W, C]."""
        what = f"has {name or 'an array'} {array.dtype} {list(array.shape)}"
        if array.ndim == 3 and array.shape[2] in (1, 3):
            raise self._refused(f"{what}, a single image; expected [N, H, W, C]")
        images = array[..., None] if array.ndim == 3 else array
        if images.ndim == 4 and images.shape[3] not in (1, 3) and images.shape[1] in (1, 3):
            raise self._refused(f"{what}: its channels must be last, [N, H, W, C]")
        if images.ndim == 4 and not images.size:
            raise self._refused(f"{what}: it is empty")
        if images.ndim != 4 or images.shape[3] not in (1, 3) or images.dtype.name not in TYPES:
            raise self._refused(f"{what}: expected uint8, or floats in [-1, 1], [N, H, W, C] with 1 or 3 channels")
        if not np.isfinite(images).all():
            raise self._refused(f"{what}: it has values that are not finite")
        low, high = images.min(), images.max()
        if images.dtype != np.uint8 and not (-1.001 <= low < 0.0 and high <= 1.001):
            raise self._refused(f"{what} in [{low:g}, {high:g}]: expected uint8, or floats in [-1, 1], some of them below 0")
        return to_bytes(images)

    def _labels_in(self, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Labels [N] by split: of all that are trained and tested on, or none."""
        labels = {}
        for split in (self.train_split, *([self.test_split] if self.test_split else [])):
            name = next((name for name in LABELS[split] if name in arrays), None)
            if name is None:
                continue
            given, count = arrays[name], len(self._images[split])
            flat = given.reshape(-1)
            if flat.dtype.kind not in "iu" or len(flat) != count or flat.min() < 0 or flat.max() >= MOST_CLASSES:
                legal = f"expected {count} whole numbers, at least 0 and below {MOST_CLASSES}"
                span = f" in [{flat.min()}, {flat.max()}]" if flat.dtype.kind in "iu" and len(flat) else ""
                raise self._refused(f"has {name} {given.dtype} {list(given.shape)}{span}; {legal}")
            labels[split] = flat.astype(np.int64)
        if labels and self.test_split and len(labels) < 2:
            raise self._refused(f"has labels of {next(iter(labels))} alone; give those of train and of test, or none")
        return labels

    def _names(self, arrays: Mapping[str, np.ndarray]) -> tuple[str, ...] | None:
        """Names of the classes; their numbers where the file does not name them."""
        if not self._labels:
            return None
        classes = 1 + int(max(labels.max() for labels in self._labels.values()))
        if "label_names" not in arrays:
            return tuple(map(str, range(classes)))
        names = tuple(map(str, arrays["label_names"].reshape(-1)))
        if len(names) < classes:
            raise self._refused(f"has {len(names)} label_names, but a label {classes - 1}")
        return names

    def split_sizes(self) -> dict[str, int | None]:
        """The lengths of the arrays."""
        return {split: len(images) for split, images in self._images.items()}

    def fetch(self) -> None:
        """Nothing to do."""

    def identity(self) -> str:
        """Of the contents, wherever the file lies."""
        return checksum(*self._images.values(), *self._labels.values()) + str((*self._images, self.label_names))

    def examples(self, split: str) -> Iterator[Example]:
        """The images of a split, as PNG."""
        labels = self._labels.get(split)
        for i, image in enumerate(self._images[split]):
            label = None if labels is None else int(labels[i])
            yield Example(f"{self._where}, {split} image {i}", partial(encode, image), label)
