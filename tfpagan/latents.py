"""Codes: draws from the prior, and interpolation."""

from collections.abc import Callable, Mapping

import numpy as np
import tensorflow as tf

from tfpagan.errors import UserError

NEARLY_PARALLEL = 1e-4  # radians; for smaller angles the arc is a straight line, and its formula divides by zero


def prior(seed: tf.Tensor, num: tf.Tensor, latent_dim: int) -> tf.Tensor:
    """`num` codes [num, Z] from N(0, I), the same for the same seed; a larger `num` starts with the same codes."""
    return tf.random.stateless_normal([num, latent_dim], [seed, 0])


def on_sphere(z: tf.Tensor) -> tf.Tensor:
    """Codes [N, Z] projected to the unit sphere along their direction; N(0, I) becomes uniform (AGE section 2)."""
    return tf.math.l2_normalize(z, 1)


def linear(a: np.ndarray, b: np.ndarray, t: np.ndarray) -> np.ndarray:
    """(1 - t) a + t b.

    >>> linear(np.array([0.0, 2.0]), np.array([4.0, 2.0]), np.array([[0.25]])).tolist()
    [[1.0, 2.0]]
    """
    return (1.0 - t) * a + t * b


def spherical(a: np.ndarray, b: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Along the arc between the directions of a and b (White, 2016, 'Sampling generative networks', section 2.1).

    Codes from a Gaussian prior in many dimensions lie near a sphere, which a straight line leaves.

    >>> spherical(np.array([1.0, 0.0]), np.array([0.0, 1.0]), np.array([[0.5]])).round(4).tolist()
    [[0.7071, 0.7071]]
    """
    norms = np.linalg.norm(a, axis=-1, keepdims=True) * np.linalg.norm(b, axis=-1, keepdims=True)
    cosine = np.sum(a * b, -1, keepdims=True) / np.maximum(norms, np.finfo(np.float64).tiny)
    angle = np.arccos(np.clip(cosine, -1.0, 1.0))
    straight = (norms == 0.0) | (angle < NEARLY_PARALLEL) | (angle > np.pi - NEARLY_PARALLEL)
    sine = np.where(straight, 1.0, np.sin(angle))
    arc = (np.sin((1.0 - t) * angle) * a + np.sin(t * angle) * b) / sine
    return np.where(straight, linear(a, b, t), arc)


WAYS: Mapping[str, Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]] = {"spherical": spherical, "linear": linear}


def between(a: np.ndarray, b: np.ndarray, count: int, way: str) -> np.ndarray:
    """`count` codes from a to b, both included: [..., Z] twice to [count, ..., Z].

    Raises:
      UserError: on an unknown way, or fewer than 2.
    """
    if way not in list(WAYS):  # a list, because `way` may be unhashable
        raise UserError(f"way {way!r} is not legal: it must be one of {', '.join(WAYS)}")
    if count < 2:
        raise UserError(f"{count} codes cannot interpolate between two; at least 2 are needed")
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    t = np.linspace(0.0, 1.0, count).reshape(-1, *[1] * a.ndim)
    return WAYS[way](a, b, t).astype(np.float32)
