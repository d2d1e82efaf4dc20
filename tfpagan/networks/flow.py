"""A normalising flow of codes: a sequence of coupling layers, invertible with tractable densities."""

from functools import partial

import tensorflow as tf

from tfpagan.networks.initializers import Initializers

LARGEST_LOG_SCALE = 0.5  # of one coupling
LARGEST_SUM = 4.0  # of the log-scales of all couplings that change a half


class Flow(tf.keras.layers.Layer):
    """z = F(z0), codes [N, Z] to [N, Z], by RealNVP's couplings (Dinh et al., 2017, eq. 7), each initialised to the identity.

    AS-VAE (section 5) names a flow of length 80 (Rezende and Mohamed, 2015). Its equation (9) needs log q(z | x) at codes
    of the prior, and hence the inverse, which couplings have and planar flows do not. tensorflow_probability's RealNVP is the
    oracle of the tests; a chain of 80 of them takes several times as long to trace and to run. Shift and log-scale are divided
    among the couplings that change the same half: at full strength, 80 overflow after some hundred updates of Adam.

    Args:
      dims: Z, at least 2.
      length: number of couplings; they keep the first and the second half in turn.
      init: of the layer.
    """

    def __init__(self, dims: int, length: int, init: Initializers):
        super().__init__(name=init.name, dtype=tf.float32)  # densities need it, also with mixed precision
        self.halves = (dims // 2, dims - dims // 2)
        self.share = 1.0 / max(1.0, length / 2)
        self.largest = min(LARGEST_LOG_SCALE, LARGEST_SUM * self.share)
        self.hidden, self.outputs = [], []
        dense = partial(tf.keras.layers.Dense, dtype=tf.float32)
        for i in range(length):
            layer = init.layer(f"coupling{i}")
            self.hidden.append(dense(dims, tf.nn.relu, kernel_initializer=layer.kernel(), name=f"hidden{i}"))
            self.outputs.append(dense(2 * self.halves[1 - i % 2], kernel_initializer="zeros", name=f"output{i}"))

    def call(self, z0: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """z and log |dz / dz0| [N]."""
        parts, log_det = tf.split(z0, self.halves, 1), tf.zeros(tf.shape(z0)[0])
        for i in range(len(self.outputs)):
            shift, log_scale = self._coupling(i, parts[i % 2])
            parts[1 - i % 2] = parts[1 - i % 2] * tf.exp(log_scale) + shift
            log_det += tf.reduce_sum(log_scale, 1)
        return tf.concat(parts, 1), log_det

    def inverse(self, z: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """z0 and log |dz0 / dz| [N]."""
        parts, log_det = tf.split(z, self.halves, 1), tf.zeros(tf.shape(z)[0])
        for i in reversed(range(len(self.outputs))):
            shift, log_scale = self._coupling(i, parts[i % 2])
            parts[1 - i % 2] = (parts[1 - i % 2] - shift) * tf.exp(-log_scale)
            log_det -= tf.reduce_sum(log_scale, 1)
        return tf.concat(parts, 1), log_det

    def _coupling(self, i: int, kept: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Shift and log-scale of one half, computed from the half that is kept."""
        shift, raw = tf.split(self.outputs[i](self.hidden[i](kept)), 2, 1)
        return self.share * shift, self.largest * tf.tanh(raw)
