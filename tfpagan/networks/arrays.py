"""Networks for inference, as functions of arrays, each traced once."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from tfpagan.images import normalize


def decoding(generator: tf.keras.Model) -> Callable[[np.ndarray], np.ndarray]:
    """G as a function of arrays: codes [n, Z] to images in (-1, 1)."""
    run = tf.function(lambda z: generator(z), reduce_retracing=True)
    return lambda z: run(tf.constant(z)).numpy()


def recolouring(colouriser: Callable[[tf.Tensor, tf.Tensor], tf.Tensor]) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """G given lightness, as a function of arrays: codes [n, Z] and images in [-1, 1] to images of the same lightness."""
    run = tf.function(lambda z, x: colouriser(z, x), reduce_retracing=True)
    return lambda z, x: run(tf.constant(z), tf.constant(x)).numpy()


def encoding(encoder: tf.keras.Model) -> Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """E as a function of arrays: images in [-1, 1] to the mean and the log-variance of their codes [n, Z]."""
    run = tf.function(lambda x: encoder(x), reduce_retracing=True)

    def moments(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        mean, log_variance = run(tf.constant(x))
        return mean.numpy(), log_variance.numpy()

    return moments


def features(encoder: tf.keras.Model) -> Callable[[np.ndarray], np.ndarray]:
    """Features of E's last layers, as a function of arrays: uint8 images [n, H, W, C] to [n, F]."""
    run = tf.function(lambda x: encoder.features(normalize(x)), reduce_retracing=True)
    return lambda x: run(tf.constant(x)).numpy()
