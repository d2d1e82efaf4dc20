"""From images to what a classifier takes: the resize is part of the metric."""

import numpy as np
import tensorflow as tf
from absl import logging

from evaluation.errors import EvaluationError

RESIZE = "bilinear, TensorFlow 1's kernel"
"""As the 2015 graph resizes; `tf.image.resize` is another kernel and gives other scores."""


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


def for_classifier(images: tf.Tensor, shape: tuple[int, int, int]) -> tf.Tensor:
    """uint8 [N, H, W, C] -> float32 in [-1, 1) of the classifier's shape (height, width, channels).

    Greyscale is tiled to 3 channels where those are wanted; an image that has the right size is not resized.
    """
    height, width, channels = shape
    x = tf.cast(images, tf.float32)
    if (images.shape[1], images.shape[2]) != (height, width):
        x = tf.raw_ops.ResizeBilinear(images=x, size=[height, width], align_corners=False, half_pixel_centers=False)
    if images.shape[3] == 1 and channels == 3:
        x = tf.tile(x, [1, 1, 1, 3])
    return (x - 128.0) / 128.0
