"""Log-densities of images and codes, in nats, one per sample, and draws from them."""

import math
from typing import TYPE_CHECKING

from tfpagan.losses.lazy import tf

if TYPE_CHECKING:
    from tensorflow import Tensor

TINY = 1e-6
"""Pixel probabilities are kept this far from 0 and 1, which a float32 tanh reaches."""


def normal(x: "Tensor", mean: "Tensor", log_scale: "Tensor") -> "Tensor":
    """log N(x; mean, exp(2 log_scale)) summed over all dimensions but the first: [N, ...] to [N]."""
    squares = tf.square((x - mean) * tf.exp(-log_scale))
    return _summed(-0.5 * squares - log_scale - 0.5 * math.log(2.0 * math.pi))


def laplace(x: "Tensor", centre: "Tensor", log_scale: "Tensor") -> "Tensor":
    """log of exp(-|x - centre| / b) / (2 b), b = exp(log_scale), summed: [N, ...] to [N]."""
    return _summed(-tf.abs(x - centre) * tf.exp(-log_scale) - log_scale - math.log(2.0))


def bernoulli(x: "Tensor", centre: "Tensor") -> "Tensor":
    """Minus the cross-entropy of pixels read as probabilities of white, both scaled from [0, 1] to [-1, 1]: [N, ...] to [N].

    AS-VAE section 5.1: the continuous pixel is the probability of a binary one.
    """
    white, given = 0.5 * (x + 1.0), tf.clip_by_value(0.5 * (centre + 1.0), TINY, 1.0 - TINY)
    return _summed(white * tf.math.log(given) + (1.0 - white) * tf.math.log(1.0 - given))


def log_likelihood(likelihood: str, x: "Tensor", centre: "Tensor", log_scale: "Tensor") -> "Tensor":
    """log p(x | z) [N] of images [N, H, W, C] in [-1, 1] under a decoder whose output is the centre.

    Args:
      likelihood: gaussian, laplace or bernoulli.
      x: images.
      centre: of the same shape.
      log_scale: logarithm of the standard deviation, or of Laplace's b; a scalar.
    """
    if likelihood == "bernoulli":
        return bernoulli(x, centre)
    return {"gaussian": normal, "laplace": laplace}[likelihood](x, centre, log_scale)


def draw(likelihood: str, centre: "Tensor", log_scale: "Tensor", uniform: "Tensor") -> "Tensor":
    """x(z, xi): a draw from p(x | z), of the shape of the centre; the gradient flows to centre and scale.

    A bernoulli decoder returns its centre: pixels are probabilities, so nothing is drawn.

    Args:
      likelihood: gaussian, laplace or bernoulli.
      centre: of p(x | z).
      log_scale: a scalar.
      uniform: numbers in (0, 1) of the centre's shape.
    """
    if likelihood == "bernoulli":
        return centre
    if likelihood == "laplace":
        off = uniform - 0.5
        return centre - tf.exp(log_scale) * tf.sign(off) * tf.math.log1p(-2.0 * tf.abs(off))
    return centre + tf.exp(log_scale) * tf.math.ndtri(uniform)


def kl_to_standard_normal(mean: "Tensor", log_variance: "Tensor") -> "Tensor":
    """KL(N(mean, variance) || N(0, I)) [N], of moments [N, Z]."""
    return _summed(0.5 * (tf.exp(log_variance) + tf.square(mean) - 1.0 - log_variance))


def _summed(values: "Tensor") -> "Tensor":
    return tf.reduce_sum(values, list(range(1, values.shape.rank)))
