"""Images: uint8 to [-1, 1] and back, CIE Lab, grids, PNG files.

Lab is computed from sRGB (IEC 61966-2-1) with the D65 white point and scaled to about [-1, 1]: L from 0 to 100, a and b divided
by 110, which sRGB colours do not exceed.
"""

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO

import numpy as np
import tensorflow as tf


def normalize(images: tf.Tensor) -> tf.Tensor:
    """uint8 [N, H, W, C] -> float32 in [-1, 1]."""
    return tf.cast(images, tf.float32) / 127.5 - 1.0


def to_bytes(x: tf.Tensor | np.ndarray) -> np.ndarray:
    """float [N, H, W, C] in [-1, 1] -> uint8, rounded and clipped."""
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
    """Two batches [N, H, W, C] as one [2 N, H, W, C]: left, right, left, right, ..., so that odd columns are `left`."""
    return np.stack([left, right], 1).reshape(-1, *left.shape[1:])


def write_png(picture: np.ndarray, path: str) -> None:
    """Write a uint8 image [H, W, C] as a PNG file, atomically."""
    with whole(path) as f:
        f.write(tf.io.encode_png(picture).numpy())


@contextmanager
def whole(path: str) -> Iterator[BinaryIO]:
    """A file to write that appears at `path` only when complete; removed on failure."""
    part = path + ".part"
    try:
        with open(part, "wb") as f:
            yield f
        os.replace(part, path)
    except BaseException:
        with suppress(OSError):
            os.remove(part)
        raise


# Rows X, Y, Z for linear red, green, blue; divided by the white point.
TO_XYZ = ((0.4124564, 0.3575761, 0.1804375), (0.2126729, 0.7151522, 0.0721750), (0.0193339, 0.1191920, 0.9503041))
WHITE = (0.95047, 1.0, 1.08883)
AB_SCALE = 110.0
THRESHOLD = 6.0 / 29.0  # below its cube, the cube root is replaced by a straight line
TINY = 1e-6  # under roots and powers, whose derivative at zero is infinite


def to_lab(x: tf.Tensor) -> tf.Tensor:
    """RGB images [N, H, W, 3] in [-1, 1] to scaled Lab images.

    >>> bool(tf.reduce_max(tf.abs(to_lab(tf.ones([1, 1, 1, 3])) - [1.0, 0.0, 0.0])) < 1e-3)  # white
    True
    """
    rgb = tf.clip_by_value(0.5 * (x + 1.0), 0.0, 1.0)
    linear = tf.where(rgb > 0.04045, tf.pow((tf.maximum(rgb, TINY) + 0.055) / 1.055, 2.4), rgb / 12.92)
    xyz = tf.linalg.matvec(tf.constant(TO_XYZ), linear) / tf.constant(WHITE)
    f = tf.where(xyz > THRESHOLD**3, tf.pow(tf.maximum(xyz, TINY), 1.0 / 3.0), xyz / (3.0 * THRESHOLD**2) + 4.0 / 29.0)
    fx, fy, fz = tf.unstack(f, axis=-1)
    lightness = 116.0 * fy - 16.0
    return tf.stack([lightness / 50.0 - 1.0, 500.0 * (fx - fy) / AB_SCALE, 200.0 * (fy - fz) / AB_SCALE], -1)


def to_rgb(lab: tf.Tensor) -> tf.Tensor:
    """Scaled Lab images to RGB images in [-1, 1]; colours outside sRGB are clipped."""
    lightness, a, b = tf.unstack(lab, axis=-1)
    fy = (50.0 * (lightness + 1.0) + 16.0) / 116.0
    f = tf.stack([fy + AB_SCALE * a / 500.0, fy, fy - AB_SCALE * b / 200.0], -1)
    xyz = tf.where(f > THRESHOLD, f**3, 3.0 * THRESHOLD**2 * (f - 4.0 / 29.0)) * tf.constant(WHITE)
    linear = tf.linalg.matvec(tf.linalg.inv(tf.constant(TO_XYZ)), xyz)
    curved = 1.055 * tf.pow(tf.maximum(linear, TINY), 1.0 / 2.4) - 0.055
    rgb = tf.where(linear > 0.0031308, curved, 12.92 * linear)
    return tf.clip_by_value(2.0 * rgb - 1.0, -1.0, 1.0)


def lightness(lab: tf.Tensor) -> tf.Tensor:
    """The lightness channel of Lab images: [N, H, W, 3] to [N, H, W, 1]."""
    return lab[..., :1]


def colour(lab: tf.Tensor) -> tf.Tensor:
    """The colour channels of Lab images: [N, H, W, 3] to [N, H, W, 2]."""
    return lab[..., 1:]


def grey(x: tf.Tensor) -> tf.Tensor:
    """RGB images [N, H, W, 3] in [-1, 1] without their colours."""
    lab = to_lab(x)
    return to_rgb(tf.concat([lightness(lab), tf.zeros_like(colour(lab))], -1))
