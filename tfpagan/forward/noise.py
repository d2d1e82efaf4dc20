"""Random numbers of a step that depend only on seed, step and name."""

import math
import zlib

import tensorflow as tf


class Noise:
    """Random numbers of one step: pure functions of (seed, step, name), so that a resumed run draws the same ones.

    The numbers are drawn for the batch of all replicas, and each replica takes its own rows: neither the number of replicas
    nor XLA changes them.

    Args:
      seed: of the run.
      step: scalar tensor, number of the step.
      batch: samples of this replica.
      replica: scalar tensor or int, index of this replica.
      replicas: number of replicas.
    """

    def __init__(self, seed: int, step: tf.Tensor, batch: int, *, replica: tf.Tensor | int = 0, replicas: int = 1):
        self.batch, self._replica, self.replicas = batch, replica, replicas
        pair = tf.stack([tf.constant(seed, tf.int32), tf.cast(step, tf.int32)])
        self._key = _bits([], pair)

    def uniform(self, name: str, size: int) -> tf.Tensor:
        """Uniform numbers in (0, 1), [N, size]."""
        named = tf.constant(zlib.crc32(name.encode()) & 0x7FFFFFFF, tf.int32)
        bits = _bits([self.batch * self.replicas, size], tf.stack([self._key, named]))
        bits = self.own_rows(bits)
        # The upper 23 bits plus one half: exact in float32, and neither 0 nor 1.
        return (tf.cast(tf.bitwise.right_shift(tf.bitcast(bits, tf.uint32), 9), tf.float32) + 0.5) * 2.0**-23

    def own_rows(self, whole: tf.Tensor) -> tf.Tensor:
        """This replica's rows of a whole batch."""
        return own_rows(whole, self._replica, self.replicas)

    def normal(self, name: str, size: int) -> tf.Tensor:
        """Standard normal numbers [N, size], by the Box-Muller transform of two uniform ones."""
        radius, angle = tf.split(self.uniform(name, 2 * size), 2, 1)
        return tf.sqrt(-2.0 * tf.math.log(radius)) * tf.cos(2.0 * math.pi * angle)


def own_rows(whole: tf.Tensor, replica: tf.Tensor | int, replicas: int) -> tf.Tensor:
    """This replica's rows [N / replicas, ...] of a whole batch [N, ...]."""
    return tf.gather(tf.reshape(whole, [replicas, whole.shape[0] // replicas, *whole.shape[1:]]), replica)


def _bits(shape: list[int], seed: tf.Tensor) -> tf.Tensor:
    """Random int32. TensorFlow's uniform and normal numbers for one seed differ under XLA; these do not."""
    return tf.random.stateless_uniform(shape, seed, None, None, tf.int32, alg="philox")
