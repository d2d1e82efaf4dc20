"""Checkpoints with one weight."""

from pathlib import Path

import tensorflow as tf

from tfpagan.run_folder.checkpoints import Checkpoints


class Kept:
    """Checkpoints of one weight and the step."""

    def __init__(self, folder: Path, keep: int = 3, size: int = 1000):
        self.step, self.weight = tf.Variable(0, dtype=tf.int64), tf.Variable(tf.zeros([size]))
        checkpoint = tf.train.Checkpoint(step=self.step, weight=self.weight)
        self.checkpoints = Checkpoints(checkpoint, folder, keep=keep)

    def save(self, step: int) -> None:
        self.step.assign(step)
        self.weight.assign(tf.fill(self.weight.shape, float(step)))
        self.checkpoints.save()
