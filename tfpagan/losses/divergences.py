"""Divergences of a batch of codes from the prior N(0, I), per dimension; scalars that belong to the whole batch."""

import math
from typing import TYPE_CHECKING

from tfpagan.losses.lazy import tf

if TYPE_CHECKING:
    from tensorflow import Tensor

FLOOR = 1e-12  # added inside logarithms, so that collapsed codes stay finite


def kl_of_fitted_normal(codes: "Tensor", floor: float = FLOOR) -> "Tensor":
    """KL(Q || N(0, I)) / M of the Gaussian with diagonal covariance fitted to codes [N, M]; a scalar.

    AGE eq. (7), alpha-GAN eq. (18): mean over dimensions of (s^2 + m^2) / 2 - log s - 1/2. The constant
    makes it zero for m = 0, s = 1; the papers print others, which do not affect gradients. alpha-GAN's appendix D divides by M
    too.

    Args:
      codes: of the whole batch.
      floor: added to every variance inside the logarithm; it bounds the divergence of collapsed codes.
    """
    mean, variance = tf.nn.moments(codes, 0)  # each [M]
    return tf.reduce_mean(0.5 * (variance + mean**2) - 0.5 * tf.math.log(variance + floor) - 0.5)


def kozachenko_leonenko(codes: "Tensor", floor: float = FLOOR) -> "Tensor":
    """KL(Q || N(0, I)) / M of codes [N, M] without a fitted distribution; a scalar (AGE section 3.1).

    KL = -H(Q) - E log N(z; 0, I), with the entropy of Kozachenko and Leonenko (1987) from the distance e_i of each code
    to its nearest neighbour: H = M / N sum log e_i + log(N - 1) + log V_M - psi(1), V_M the volume of the unit ball.

    Args:
      codes: of the whole batch.
      floor: added, for each dimension, to every squared distance inside the logarithm.
    """
    count, dims = codes.shape
    squares = tf.reduce_sum(tf.square(codes[:, None] - codes[None]), 2) + tf.eye(count) * codes.dtype.max  # [N, N]
    log_distances = 0.5 * tf.math.log(tf.reduce_min(squares, 1) + dims * floor)
    log_ball = 0.5 * dims * math.log(math.pi) - math.lgamma(0.5 * dims + 1.0)
    euler = 0.5772156649015329  # -psi(1)
    entropy = dims * tf.reduce_mean(log_distances) + math.log(count - 1) + log_ball + euler
    energy = 0.5 * tf.reduce_mean(tf.reduce_sum(tf.square(codes), 1)) + 0.5 * dims * math.log(2.0 * math.pi)
    return (energy - entropy) / dims


BATCH_DIVERGENCES = {"fitted_normal": kl_of_fitted_normal, "kozachenko_leonenko": kozachenko_leonenko}
