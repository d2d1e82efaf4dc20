"""A classifier with few weights, as a SavedModel."""

from pathlib import Path

import numpy as np
import tensorflow as tf


class Network(tf.Module):
    """Mean colours of the image's quarters, times a matrix: the two outputs of tf-gan's Inception, of any width."""

    def __init__(self, classes: int, features: int, shape: tuple[int | None, int | None, int | None], keys: tuple[str, str]):
        super().__init__()
        random = np.random.default_rng(0)
        self.to_features = tf.Variable(random.normal(size=[12, features]), dtype=tf.float32)
        self.to_logits = tf.Variable(random.normal(size=[features, classes]), dtype=tf.float32)
        self.keys, self.shape = keys, shape

    def outputs(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        quarters = tf.image.resize(images, [2, 2], "area")
        features = tf.reshape(quarters, [-1, 12]) @ self.to_features
        return dict(zip(self.keys, (features @ self.to_logits, features[:, None, None, :]), strict=True))


def write(
    folder: Path,
    classes: int = 10,
    features: int = 8,
    shape: tuple[int | None, int | None, int | None] = (16, 16, 3),
    keys: tuple[str, str] = ("logits", "pool_3"),
    signature: bool = False,
) -> Path:
    network = Network(classes, features, shape, keys)
    spec = tf.TensorSpec([None, *shape], tf.float32, "images")
    function = tf.function(network.outputs, input_signature=[spec])
    if not signature:
        network.__call__ = function
    tf.saved_model.save(network, str(folder), signatures={"serving_default": function})
    return folder
