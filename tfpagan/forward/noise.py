"""Random numbers of a step that depend on seed, step and name alone."""

import math
import zlib

import tensorflow as tf


class Noise:
    """Random numbers of one step: pure functions of (seed, step, name), so that a resumed run draws the same again.

    The numbers are drawn for the whole batch of all replicas and each replica takes its own rows: how many replicas
    share a batch, and whether XLA compiles the step, changes nothing.

    Args:
      seed: of the run.
      step: scalar tensor, the number of steps done.
      batch: samples of this replica.
      replica: scalar tensor or int, which of `replicas` this one is.
      replicas: how many share the step.
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
        # The upper 23 bits and a half: exact in float32, and neither 0 nor 1.
        return (tf.cast(tf.bitwise.right_shift(tf.bitcast(bits, tf.uint32), 9), tf.float32) + 0.5) * 2.0**-23

    def own_rows(self, whole: tf.Tensor) -> tf.Tensor:
        """This replica's rows of a whole batch."""
        return own_rows(whole, self._replica, self.replicas)

    def normal(self, name: str, size: int) -> tf.Tensor:
        """Standard normal numbers [N, size], by Box and Muller's transform of two uniform ones."""
        radius, angle = tf.split(self.uniform(name, 2 * size), 2, 1)
        return tf.sqrt(-2.0 * tf.math.log(radius)) * tf.cos(2.0 * math.pi * angle)


def own_rows(whole: tf.Tensor, replica: tf.Tensor | int, replicas: int) -> tf.Tensor:
    """The rows [N / replicas, ...] of a whole batch [N, ...] that are this replica's."""
    return tf.gather(tf.reshape(whole, [replicas, whole.shape[0] // replicas, *whole.shape[1:]]), replica)


def _bits(shape: list[int], seed: tf.Tensor) -> tf.Tensor:
    """Random int32. TensorFlow's uniform and normal numbers of one seed differ under XLA; these do not."""
    return tf.random.stateless_uniform(shape, seed, None, None, tf.int32, alg="philox")
