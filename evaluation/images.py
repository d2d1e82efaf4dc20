"""Sources of images to score: arrays, tf.data datasets and models; folders are in `folders.py`, pairs in `pairs.py`.

Every source knows its number of images and yields them in uint8 batches, always in the same order.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
import tensorflow as tf
from absl import logging

from tfpagan.evaluation.errors import EvaluationError, first_line
from tfpagan.evaluation.statistics import random_places


class Images(Protocol):
    """Images of one size."""

    @property
    def name(self) -> str:
        """Name of the source, for messages and protocols."""

    @property
    def count(self) -> int:
        """Number of images."""

    @property
    def names(self) -> Sequence[str] | None:
        """Names of all images; None if they have none."""

    def batches(self, size: int) -> Iterator[np.ndarray]:
        """Batches uint8 [n, H, W, C], with n = size for all but the last."""


@runtime_checkable
class RandomAccess(Images, Protocol):
    """Images that can be read at any place."""

    def take(self, places: np.ndarray, name: str) -> Images:
        """The images at these places [n], under a name."""


class ArrayImages:
    """An array [N, H, W, C] of uint8, or of floats in [-1, 1]; a memory map is read batch by batch.

    Raises:
      EvaluationError: on floats of which none is below 0, as those in [0, 1].
    """

    names = None

    def __init__(self, images: np.ndarray, name: str = "array", places: np.ndarray | None = None):
        if places is None:
            require_signed(images, name)
        self.name, self._images, self._places = name, images, places
        self.count = len(images if places is None else places)

    @property
    def channels(self) -> int:
        """C of the array."""
        return self._images.shape[-1]

    def batches(self, size: int) -> Iterator[np.ndarray]:
        for i in range(0, self.count, size):
            rows = slice(i, i + size)
            yield to_bytes(self._images[rows if self._places is None else self._places[rows]])

    def take(self, places: np.ndarray, name: str) -> Images:
        """The images at these places [n], under a name."""
        return ArrayImages(self._images, name, places if self._places is None else self._places[places])


class DatasetImages:
    """The first `count` images of a tf.data dataset of images [H, W, C], pairs (image, label), or TFDS's {"image": ...}."""

    names = None

    def __init__(self, dataset: tf.data.Dataset, count: int, name: str = "tf.data"):
        self.name, self.count, self._dataset = name, count, dataset

    @property
    def channels(self) -> int | None:
        """C of the images, if the data set states it."""
        spec: Any = _image_of(self._dataset.element_spec)
        return spec.shape[-1] if spec.shape.rank == 3 else None

    def batches(self, size: int) -> Iterator[np.ndarray]:
        left = self.count
        try:
            for element in self._dataset.take(self.count).batch(size).prefetch(2).as_numpy_iterator():
                if left == self.count > 1:
                    require_signed(_image_of(element), f"the first batch of {self.name}")
                images = to_bytes(_image_of(element))
                left -= len(images)
                yield images
        except tf.errors.OpError as e:
            raise EvaluationError(f"{self.name} cannot be read as images of one size: {first_line(e)}") from None
        if left:
            raise EvaluationError(f"{self.name} ended {left} images before the {self.count} that were requested")


class GeneratedImages:
    """Samples G(z) with z drawn from N(0, I); they depend on the seed, but not on the batch size.

    Args:
      decode: latents float32 [n, Z] to images in [-1, 1].
      latent_dim: Z.
      count: number of samples.
      seed: of z.
    """

    names = None

    def __init__(self, decode: Callable[[np.ndarray], np.ndarray], latent_dim: int, count: int, *, seed: int, name: str):
        self.name, self.count, self._decode, self._latent_dim, self._seed = name, count, decode, latent_dim, seed

    def batches(self, size: int) -> Iterator[np.ndarray]:
        random = np.random.default_rng(self._seed)
        for i in range(0, self.count, size):
            z = random.standard_normal([min(size, self.count - i), self._latent_dim]).astype(np.float32)
            yield to_bytes(self._decode(z))


class WatchedImages:
    """Images that pass every batch to `watch` before yielding it; an exception from `watch` ends the iteration."""

    def __init__(self, images: Images, watch: Callable[[np.ndarray], None]):
        self.name, self.count, self.names = images.name, images.count, images.names
        self._images, self._watch = images, watch

    def batches(self, size: int) -> Iterator[np.ndarray]:
        for batch in self._images.batches(size):
            self._watch(batch)
            yield batch


def chosen(images: Images, count: int, seed: int) -> Images:
    """Some of the images, chosen at random and in their own order: the same ones for the same seed.

    Data sets are often sorted by class, so their first images would be of few classes.

    Raises:
      EvaluationError: when there are fewer.
    """
    if images.count < count:
        raise EvaluationError(f"{images.name} has {images.count} images, but {count} are requested")
    if images.count == count:
        return images
    places = random_places(images.count, count, seed)
    name = f"{images.name}, {count} chosen with seed {seed}"
    return images.take(places, name) if isinstance(images, RandomAccess) else _Taken(images, places, name)


class _Taken:
    """The images at some places, in increasing order, of images that can only be read in order."""

    def __init__(self, images: Images, places: np.ndarray, name: str):
        self.name, self.count, self._images, self._places = name, len(places), images, places
        self.names = [images.names[i] for i in places] if images.names else None

    def batches(self, size: int) -> Iterator[np.ndarray]:
        start, waiting = 0, np.zeros(0)
        for batch in self._images.batches(size):
            rows = batch[self._places[(self._places >= start) & (self._places < start + len(batch))] - start]
            start += len(batch)
            waiting = np.concatenate([waiting, rows]) if len(waiting) else rows
            if len(waiting) >= size:
                yield waiting[:size]
                waiting = waiting[size:]
        if len(waiting):
            yield waiting


def checksum(images: Images) -> str:
    """First 16 hexadecimal digits of the SHA-256 of pixels, sizes and order; independent of where the images are stored."""
    digest = hashlib.sha256()
    for batch in images.batches(256):
        digest.update(repr(batch.shape[1:]).encode() + batch.tobytes())
    return digest.hexdigest()[:16]


def _image_of(element: Any) -> np.ndarray:
    if isinstance(element, dict):
        if "image" not in element:
            raise EvaluationError(f"elements with {', '.join(map(str, element))} have no image to score")
        return element["image"]
    return element[0] if isinstance(element, tuple) else element


def require_signed(images: np.ndarray, name: str) -> None:
    """Refuse floats of which none is below 0: they are in [0, 1], or [0, 255].

    Raises:
      EvaluationError: then.
    """
    if images.dtype.kind == "f" and images.size and images.min() >= 0.0:
        found = f"{name} is {images.dtype} in [{images.min():g}, {images.max():g}], with no value below 0"
        raise EvaluationError(f"{found}: give uint8, or floats in [-1, 1]")


def to_bytes(images: np.ndarray) -> np.ndarray:
    """Images [N, H, W, C] with 1 or 3 channels as uint8: bytes unchanged, floats in [-1, 1] rounded.

    Raises:
      EvaluationError: on another rank, dtype, range or number of channels.
    """
    images = np.asarray(images)
    if images.ndim != 4 or images.shape[3] not in (1, 3):
        raise EvaluationError(
            f"images of shape {list(images.shape)} cannot be scored; expected [N, H, W, C] with 1 or 3 channels"
        )
    if images.dtype == np.uint8:
        return images
    if images.dtype not in (np.float16, np.float32, np.float64):
        raise EvaluationError(f"images of type {images.dtype} cannot be scored; expected uint8, or floats in [-1, 1]")
    low, high = images.min(initial=0.0), images.max(initial=0.0)
    if not (low >= -1.001 and high <= 1.001):  # NaN fails too
        raise EvaluationError(f"float images in [{low:g}, {high:g}] cannot be scored; they must be in [-1, 1]")
    if low == 0.0 and len(images) > 1:
        logging.log_first_n(
            logging.WARNING, "no pixel of these images is below 0: floats are assumed to be in [-1, 1], not [0, 1]", 1
        )
    return np.clip(np.rint((images.astype(np.float32) + 1.0) * 127.5), 0, 255).astype(np.uint8)
