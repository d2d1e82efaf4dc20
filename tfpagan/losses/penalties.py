"""Losses without an opponent, one value per sample, and the gradient penalty of critics."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from tfpagan.losses.lazy import tf

if TYPE_CHECKING:
    from tensorflow import Tensor

SMALLEST_SQUARE = 1e-12  # under the square root, whose derivative at zero is infinite


def l1(x: "Tensor", y: "Tensor") -> "Tensor":
    """Mean absolute difference of two batches of images [N, H, W, C], per sample [N] (PAGAN-L1, Table 3)."""
    return tf.reduce_mean(tf.abs(x - y), axis=[1, 2, 3])


def l2(x: "Tensor", y: "Tensor") -> "Tensor":
    """Mean squared difference of two batches of images [N, H, W, C] or features [N, D], per sample [N]."""
    return tf.reduce_mean(tf.square(x - y), axis=list(range(1, x.shape.rank)))


def squared_distance(z: "Tensor", y: "Tensor") -> "Tensor":
    """|z - y|^2 of two batches of codes [N, Z], per sample [N] (AGE eq. 4)."""
    return tf.reduce_sum(tf.square(z - y), 1)


def cosine_distance(z: "Tensor", y: "Tensor") -> "Tensor":
    """(1 - cos(z, y)) / Z of two batches of codes [N, Z], per sample [N], as AGE's public code has it up to a constant.

    On the unit sphere this is |z - y|^2 / 2Z.
    """
    return (1.0 - tf.reduce_sum(tf.math.l2_normalize(z, 1) * tf.math.l2_normalize(y, 1), 1)) / z.shape[1]


def gradient_penalty(
    disc: "Callable[[Tensor | tuple[Tensor, ...]], Tensor]",
    real: "Tensor | tuple[Tensor, ...]",
    fake: "Tensor | tuple[Tensor, ...]",
    alpha: "Tensor",
) -> "Tensor":
    """(|gradient of the critic| - 1)^2 between real and fake, per sample [N] (Gulrajani et al., 2017, eq. 3).

    For a critic of pairs the gradient is taken with respect to both parts, and pairs are interpolated part by part: with one
    alpha for both (PAGAN eq. 38) or one for each (eq. 39).

    Args:
      disc: the critic; it must not couple its samples, so it has no batch norm.
      real: tensor [N, ...], or tuple of them.
      fake: likewise.
      alpha: uniform numbers [N, 1], or [N, parts]; at 1 the interpolation is real.
    """
    ends = zip(tf.nest.flatten(real), tf.nest.flatten(fake), strict=True)
    between = []
    for i, (r, f) in enumerate(ends):
        share = tf.reshape(alpha[:, min(i, alpha.shape[1] - 1)], [-1] + [1] * (r.shape.rank - 1))
        between.append(tf.stop_gradient(share * r + (1.0 - share) * f))
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(between)
        logits = disc(tf.nest.pack_sequence_as(real, between))
    slopes = tape.gradient(logits, between)
    square = tf.add_n([tf.reduce_sum(tf.square(s), list(range(1, s.shape.rank))) for s in slopes])  # [N]
    return tf.square(tf.sqrt(square + SMALLEST_SQUARE) - 1.0)
