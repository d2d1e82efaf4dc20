"""Preprocessing of images for a classifier; the resize is part of the metric."""

import tensorflow as tf

RESIZE = "bilinear, TensorFlow 1's kernel"
"""The resize of the 2015 graph; `tf.image.resize` has another kernel and gives other scores."""


def for_classifier(images: tf.Tensor, shape: tuple[int, int, int]) -> tf.Tensor:
    """uint8 [N, H, W, C] -> float32 in [-1, 1) of the classifier's shape (height, width, channels).

    Greyscale images are tiled to 3 channels if necessary; images of the right size are not resized.
    """
    height, width, channels = shape
    x = tf.cast(images, tf.float32)
    if (images.shape[1], images.shape[2]) != (height, width):
        x = tf.raw_ops.ResizeBilinear(images=x, size=[height, width], align_corners=False, half_pixel_centers=False)
    if images.shape[3] == 1 and channels == 3:
        x = tf.tile(x, [1, 1, 1, 3])
    return (x - 128.0) / 128.0
