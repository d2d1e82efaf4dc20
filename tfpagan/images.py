"""Images as numbers and as pictures: uint8 to [-1, 1] and back, grids, PNG files."""

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO

import numpy as np
import tensorflow as tf


def to_unit_range(images: tf.Tensor) -> tf.Tensor:
    """uint8 [N, H, W, C] -> float32 in [-1, 1]."""
    return tf.cast(images, tf.float32) / 127.5 - 1.0


def to_bytes(x: tf.Tensor | np.ndarray) -> np.ndarray:
    """float [N, H, W, C] in [-1, 1] -> uint8, rounded; what lies outside is clipped."""
    return np.clip(np.rint((np.asarray(x, np.float32) + 1.0) * 127.5), 0, 255).astype(np.uint8)


def grid(images: np.ndarray, columns: int) -> np.ndarray:
    """uint8 [N, H, W, C] -> one picture, row by row; the last row is filled with black.

    >>> grid(np.zeros([6, 32, 32, 3], np.uint8), columns=4).shape
    (64, 128, 3)
    """
    n, height, width, channels = images.shape
    rows = math.ceil(n / columns)
    filled = np.zeros([rows * columns, height, width, channels], np.uint8)
    filled[:n] = images
    tiles = filled.reshape(rows, columns, height, width, channels).transpose(0, 2, 1, 3, 4)
    return tiles.reshape(rows * height, columns * width, channels)


def interleaved(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Two batches [N, H, W, C] as one [2 N, H, W, C]: left, right, left, right, ... so that odd columns are `left`."""
    return np.stack([left, right], 1).reshape(-1, *left.shape[1:])


def write_png(picture: np.ndarray, path: str) -> None:
    """Write a uint8 picture [H, W, C] as a PNG file, whole or not at all."""
    with whole(path) as f:
        f.write(tf.io.encode_png(picture).numpy())


@contextmanager
def whole(path: str) -> Iterator[BinaryIO]:
    """A file to write that is at `path` only when all of it was written, and nowhere else when it was not."""
    part = path + ".part"
    try:
        with open(part, "wb") as f:
            yield f
        os.replace(part, path)
    except BaseException:
        with suppress(OSError):
            os.remove(part)
        raise
