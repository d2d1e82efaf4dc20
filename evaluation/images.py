"""What can be scored: images from arrays, tf.data sets, folders or a model, and pairs of images with their reconstructions.

Every source says how many images it has and gives them as uint8 batches, always in the same order.
"""

import hashlib
import os
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import tensorflow as tf
from absl import logging

from tfpagan.evaluation.errors import EvaluationError, GivenUpError

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif")
PNG = b"\x89PNG\r\n\x1a\n"


class Images(Protocol):
    """Images of one size."""

    @property
    def name(self) -> str:
        """For people."""

    @property
    def count(self) -> int:
        """How many."""

    @property
    def names(self) -> Sequence[str] | None:
        """Of every image, where they have names."""

    def batches(self, size: int) -> Iterator[np.ndarray]:
        """uint8 [n, H, W, C], n = size but for the last."""


class ArrayImages:
    """An array [N, H, W, C] of uint8, or of floats in [-1, 1]; a memory map is read piece by piece."""

    names = None

    def __init__(self, images: np.ndarray, name: str = "array"):
        self.name, self.count, self._images = name, len(images), images

    def batches(self, size: int) -> Iterator[np.ndarray]:
        for i in range(0, self.count, size):
            yield to_bytes(self._images[i : i + size])


class DatasetImages:
    """The first `count` images of a tf.data set of single images [H, W, C], pairs (image, label), or TFDS's {"image": ...}."""

    names = None

    def __init__(self, dataset: tf.data.Dataset, count: int, name: str = "tf.data"):
        self.name, self.count, self._dataset = name, count, dataset

    def batches(self, size: int) -> Iterator[np.ndarray]:
        left = self.count
        try:
            for element in self._dataset.take(self.count).batch(size).prefetch(2).as_numpy_iterator():
                images = to_bytes(_image_of(element))
                left -= len(images)
                yield images
        except tf.errors.OpError as e:
            raise EvaluationError(f"{self.name} cannot be read as images of one size: {_first_line(e)}") from None
        if left:
            raise EvaluationError(f"{self.name} ended {left} images before the {self.count} that were asked for")


class FolderImages:
    """Every image file under a folder, also through links, in the order of the paths; what is hidden is not looked at.

    Raises:
      EvaluationError: when there is none, something that cannot be read, or a file that is no image by its name; when
        reading, on a file that cannot be decoded, has more than 8 bits a sample, an alpha channel, or another size or
        number of channels than the first.
    """

    def __init__(self, folder: Path):
        if not folder.is_dir():
            raise EvaluationError(f"there is no folder {folder}")
        files = _files_under(folder)
        for file in files:
            if not file.is_file():
                raise EvaluationError(f"{file} is no file that can be read")
            if file.suffix.lower() not in SUFFIXES:
                raise EvaluationError(f"{file} is no image; {folder} may hold only {', '.join(SUFFIXES)}")
        if not files:
            raise EvaluationError(f"{folder} holds no images ({', '.join(SUFFIXES)})")
        self.name, self.count, self._files = str(folder), len(files), files
        self.names = [str(file.relative_to(folder).with_suffix("")) for file in files]

    def batches(self, size: int) -> Iterator[np.ndarray]:
        first: tuple[Path, tuple[int, ...]] | None = None
        for i in range(0, self.count, size):
            batch = []
            for file in self._files[i : i + size]:
                image = self._decoded(file)
                first = first or (file, image.shape)
                if image.shape != first[1]:
                    raise EvaluationError(
                        f"{file} is {_size(image.shape)}, and {first[0]} is {_size(first[1])}; one size is wanted"
                    )
                batch.append(image)
            yield np.stack(batch)

    @staticmethod
    def _decoded(file: Path) -> np.ndarray:
        try:
            data = file.read_bytes()
            if data.startswith(PNG) and data[24:25] == b"\x10":  # TensorFlow would drop the lower 8 bits
                raise EvaluationError(f"{file} has 16 bits a sample; 8 are wanted")
            image = tf.io.decode_image(data, expand_animations=False).numpy()
        except (tf.errors.OpError, OSError) as e:
            raise EvaluationError(f"{file} cannot be decoded: {_first_line(e)}") from None
        if image.shape[2] not in (1, 3):
            raise EvaluationError(f"{file} has {image.shape[2]} channels; 1 or 3 are wanted, without transparency")
        return image


class GeneratedImages:
    """Samples G(z), z drawn from N(0, I): the same for the same seed, whatever the batch size.

    Args:
      decode: latents float32 [n, Z] to images in [-1, 1].
      latent_dim: Z.
      count: how many.
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


class InterruptibleImages:
    """Images that end in `GivenUpError` as soon as `interrupted` says so."""

    def __init__(self, images: Images, interrupted: Callable[[], bool]):
        self.name, self.count, self.names = images.name, images.count, images.names
        self._images, self._interrupted = images, interrupted

    def batches(self, size: int) -> Iterator[np.ndarray]:
        for batch in self._images.batches(size):
            if self._interrupted():
                raise GivenUpError
            yield batch


class Pairs:
    """Images x with their reconstructions.

    Args:
      x: the originals.
      reconstruct: float32 images in [-1, 1] to reconstructions of the same shape, or the reconstructions themselves.

    Raises:
      EvaluationError: when there are not as many reconstructions as originals, or files have other names.
    """

    def __init__(self, x: Images, reconstruct: Callable[[np.ndarray], np.ndarray] | Images):
        self.name, self.count, self._x, self._reconstruct = x.name, x.count, x, reconstruct
        if callable(reconstruct):
            return
        if reconstruct.count != x.count:
            raise EvaluationError(f"{x.count} images in {x.name} and {reconstruct.count} in {reconstruct.name} make no pairs")
        for one, other in zip(x.names or (), reconstruct.names or (), strict=False):
            if one != other:
                raise EvaluationError(f"{one} in {x.name} and {other} in {reconstruct.name} make no pair: name them alike")

    def batches(self, size: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """uint8 x and x_rec, each [n, H, W, C]."""
        if not callable(self._reconstruct):
            for x, x_rec in zip(self._x.batches(size), self._reconstruct.batches(size), strict=True):
                yield x, _same_shape(x, x_rec)
            return
        for x in self._x.batches(size):
            yield x, _same_shape(x, to_bytes(self._reconstruct(x.astype(np.float32) / 127.5 - 1.0)))


def first(images: Images, count: int) -> Images:
    """The first `count` images."""
    return images if count == images.count else _First(images, count)


class _First:
    def __init__(self, images: Images, count: int):
        if images.count < count:
            raise EvaluationError(f"{images.name} has {images.count} images; {count} are asked for")
        self.name, self.count, self._images = images.name, count, images
        self.names = images.names[:count] if images.names else None

    def batches(self, size: int) -> Iterator[np.ndarray]:
        left = self.count
        for batch in self._images.batches(size):
            yield batch[:left]
            left -= len(batch[:left])
            if not left:
                return


def _files_under(folder: Path) -> list[Path]:
    def refuse(e: OSError) -> None:
        raise EvaluationError(f"{e.filename} cannot be read: {e.strerror}")

    found: list[Path] = []
    for root, folders, names in os.walk(folder, followlinks=True, onerror=refuse):
        if os.path.realpath(root) in map(os.path.realpath, Path(root).parents):
            raise EvaluationError(f"{root} is a link that leads back to where it lies")
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [Path(root, name) for name in names if not name.startswith(".")]
    return sorted(found)


def checksum(images: Images) -> str:
    """Of the pixels, sizes and order: the first 16 digits of SHA-256; it does not depend on where they are kept."""
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


def _first_line(e: Exception) -> str:
    """Of a message, without the names of TensorFlow's internal functions."""
    text = re.sub(r"\{\{.*?\}\}|\[Op:\w+\].*", "", str(e)).strip()
    return (text.splitlines() or [type(e).__name__])[0].strip()[:200]


def _same_shape(x: np.ndarray, x_rec: np.ndarray) -> np.ndarray:
    if x.shape != x_rec.shape:
        raise EvaluationError(f"reconstructions {list(x_rec.shape)} do not have the shape of the images {list(x.shape)}")
    return x_rec


def _size(shape: tuple[int, ...]) -> str:
    return f"{shape[0]} x {shape[1]} with {shape[2]} channel(s)"


def to_bytes(images: np.ndarray) -> np.ndarray:
    """Images [N, H, W, C] as uint8, 1 or 3 channels: bytes as they are, floats in [-1, 1] rounded.

    Raises:
      EvaluationError: on another rank, dtype, range or number of channels.
    """
    images = np.asarray(images)
    if images.ndim != 4 or images.shape[3] not in (1, 3):
        raise EvaluationError(
            f"images of shape {list(images.shape)} cannot be scored; [N, H, W, C] with 1 or 3 channels is wanted"
        )
    if images.dtype == np.uint8:
        return images
    if images.dtype not in (np.float16, np.float32, np.float64):
        raise EvaluationError(f"images of type {images.dtype} cannot be scored; uint8, or floats in [-1, 1], are wanted")
    low, high = images.min(initial=0.0), images.max(initial=0.0)
    if not (low >= -1.001 and high <= 1.001):  # NaN fails too
        raise EvaluationError(f"float images in [{low:g}, {high:g}] cannot be scored; they must be in [-1, 1]")
    if low == 0.0 and len(images) > 1:
        logging.log_first_n(
            logging.WARNING, "no pixel of these images is below 0: floats are taken as in [-1, 1], not [0, 1]", 1
        )
    return np.clip(np.rint((images.astype(np.float32) + 1.0) * 127.5), 0, 255).astype(np.uint8)
