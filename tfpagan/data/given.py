"""Images that a Python program has in memory, as a data set with a name: an .npz in the cache, named after its contents."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tfpagan.data import places
from tfpagan.data.catalogue import is_known
from tfpagan.data.npz import Npz
from tfpagan.data.source import checksum
from tfpagan.errors import UserError, one_line
from tfpagan.evaluation.statistics import save_npz

LEGAL = (
    "a name (shapes, mnist, folder:PATH, npz:FILE), a path, an array of images, a pair of images and labels, a finite "
    "tf.data.Dataset of images or such pairs, or a dict of these with train and perhaps test and validation"
)
KEYS = ("train", "test", "validation")


def named(dataset: Any, cache_dir: str = "") -> str:
    """The value of `--dataset` that stands for what a Python program gives.

    Args:
      dataset: what `LEGAL` says; images are as `npz.Npz` takes them. Keras' `load_data()` returns ((x, y), (x, y)), which is
        legal, too.
      cache_dir: where images in memory are stored; "": as in `places`.

    Raises:
      UserError: on anything else, and when the images cannot be stored.
    """
    if isinstance(dataset, str) and not _is_path(dataset):
        return dataset
    if isinstance(dataset, str | Path):
        path = Path(os.path.expanduser(dataset))
        if not path.exists():
            raise UserError(f"dataset={dataset} is not legal: there is no such folder or file")
        return f"{'folder' if path.is_dir() else 'npz'}:{path}"
    parts = dict(dataset) if isinstance(dataset, Mapping) else {"train": dataset}
    if isinstance(dataset, tuple | list) and len(dataset) == 2 and all(isinstance(part, tuple | list) for part in dataset):
        parts = dict(zip(KEYS, dataset, strict=False))
    if "train" not in parts or not parts.keys() <= set(KEYS):
        raise UserError(f"dataset with {', '.join(map(str, parts)) or 'nothing'} is not legal: it must be {LEGAL}")
    arrays = {name: array for split, part in parts.items() for name, array in _arrays(split, part).items()}
    if list(parts) == ["train"]:  # of which a part becomes the test images
        arrays = {{"train": "images", "train_labels": "labels"}[name]: array for name, array in arrays.items()}
    if "images" in arrays and len(arrays["images"]) < 2:
        raise UserError(
            f"dataset has {len(arrays['images'])} image; at least 2 are needed, as every tenth becomes a test image"
        )
    Npz(arrays, "dataset")  # refuses them before they are stored
    folder = places.cache_dir(cache_dir) / "arrays"
    file = folder / f"{checksum(*arrays.values())[:24]}-{'-'.join(parts)}.npz"
    if not file.exists():
        places.check_writable(folder, "cache_dir")
        try:
            save_npz(file, **arrays)
        except OSError as e:
            raise UserError(f"cannot write the images into {folder}: {one_line(e)}") from None
    return f"npz:{file}"


def _is_path(text: str) -> bool:
    """Whether a text is a path rather than a name: it looks like one, or there is something and no data set of that name."""
    if text.startswith(("/", "./", "../", "~")):
        return True
    return ":" not in text and (text.endswith((".npz", ".npy")) or (Path(text).exists() and not is_known(text)))


def _arrays(split: str, part: Any) -> dict[str, np.ndarray]:
    """Images, and labels if there are any, by their names in the file."""
    images, labels = _collected(part) if isinstance(part, tf.data.Dataset) else _pair(part)
    if images.ndim not in (3, 4) or images.dtype == object:
        raise UserError(
            f"dataset's {split} is {images.dtype} {list(images.shape)}, not images [N, H, W, C]; dataset must be {LEGAL}"
        )
    return {split: images} | ({} if labels is None or split == "validation" else {f"{split}_labels": labels})


def _pair(part: Any) -> tuple[np.ndarray, np.ndarray | None]:
    try:
        if isinstance(part, tuple | list) and len(part) == 2 and np.ndim(part[0]) >= 3 > np.ndim(part[1]):
            return np.asarray(part[0]), np.asarray(part[1])
        return np.asarray(part), None
    except ValueError:  # a list of images of several sizes
        raise UserError(f"the images of a dataset must have one size; it must be {LEGAL}") from None


def _collected(dataset: tf.data.Dataset) -> tuple[np.ndarray, np.ndarray | None]:
    """All elements, of whatever batch size."""
    if dataset.cardinality() == tf.data.INFINITE_CARDINALITY:
        raise UserError("a tf.data.Dataset without an end cannot be trained on: give it without repeat(), or take(N) of it")
    images: list[np.ndarray] = []
    labels: list[np.ndarray] = []
    try:
        for image, label in _elements(dataset):
            if images and image.shape[1:] != images[0].shape[1:]:
                both = f"{list(images[0].shape[1:])} and {list(image.shape[1:])}"
                raise UserError(f"the images of a dataset must have one size; the tf.data.Dataset has {both}")
            images.append(image)
            if label is not None:
                labels.append(label)
        if not images:
            raise UserError("the tf.data.Dataset has no elements")
        return np.concatenate(images), np.concatenate(labels) if labels else None
    except (tf.errors.OpError, ValueError) as e:
        raise UserError(f"the tf.data.Dataset cannot be read as images of one size: {one_line(e)}") from None


def _elements(dataset: tf.data.Dataset) -> Iterator[tuple[np.ndarray, np.ndarray | None]]:
    """Images [n, H, W, C] with labels [n]."""
    for element in dataset.as_numpy_iterator():
        if isinstance(element, dict):
            if "image" not in element:
                raise UserError(f"elements with {', '.join(element)} have no image to train on")
            image, label = element["image"], element.get("label")
        elif isinstance(element, tuple):
            if len(element) > 2:
                raise UserError(f"elements of {len(element)} tensors are not legal: they must be images, or images and labels")
            image, label = (*element, None)[:2]
        else:
            image, label = element, None
        image = np.asarray(image)  # a text is bytes
        if image.ndim not in (2, 3, 4):
            raise UserError(f"elements of shape {list(image.shape)} are not images [H, W, C] or batches of them")
        if image.ndim == 2 or (image.ndim == 3 and image.shape[2] in (1, 3)):  # a single one
            image, label = image[None], None if label is None else np.asarray(label)[None]
        yield image, label
