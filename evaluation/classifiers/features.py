"""Images through the classifier, once for all metrics, on every replica of a strategy."""

import numpy as np
import tensorflow as tf

from tfpagan.evaluation.classifiers.classifier import Classifier
from tfpagan.evaluation.errors import EvaluationError


class FeatureExtractor:
    """Logits and features of batches of images; each replica takes its rows, and what they give is put together again.

    Args:
      classifier: whose outputs are wanted.
      strategy: default: the one device there is.
    """

    def __init__(self, classifier: Classifier, strategy: tf.distribute.Strategy | None = None):
        self.classifier = classifier
        self._strategy = strategy or tf.distribute.get_strategy()
        self._replicas = self._strategy.num_replicas_in_sync
        self._run = tf.function(self._on_all, reduce_retracing=True)

    def __call__(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """uint8 [n, H, W, C] to logits [n, K] and features [n, D].

        Raises:
          EvaluationError: when the classifier is for greyscale and the images are not, or an output is not finite.
        """
        self.classifier.require(images.shape[3])
        missing = -len(images) % self._replicas
        if missing:  # the last batch: every replica gets as many, and what was added is dropped
            images = np.concatenate([images, np.zeros_like(images[:1]).repeat(missing, 0)])
        outputs = [o.numpy() for o in self._run(tf.constant(images))]
        logits, features = (o[: len(o) - missing] for o in outputs)
        for what, values in (("logits", logits), ("features", features)):
            if not np.isfinite(values).all():
                raise EvaluationError(f"classifier {self.classifier.name} gives {what} that are not finite")
        return logits, features

    def _on_all(self, images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        share = tf.shape(images)[0] // self._replicas

        def on_replica() -> tuple[tf.Tensor, tf.Tensor]:
            replica = tf.distribute.get_replica_context().replica_id_in_sync_group
            return self.classifier(images[replica * share : (replica + 1) * share])

        outputs = self._strategy.run(on_replica)
        logits, features = (tf.concat(self._strategy.experimental_local_results(o), 0) for o in outputs)
        return logits, features
