"""The classifier's outputs for batches of images, computed once for all metrics, on all replicas of a strategy."""

import contextlib

import numpy as np
import tensorflow as tf

from tfpagan.evaluation.classifiers.classifier import Classifier
from tfpagan.evaluation.classifiers.mixed_precision import bfloat16, require_bfloat16
from tfpagan.evaluation.errors import EvaluationError


class FeatureExtractor:
    """Logits and features of batches of images, whose rows are divided among the replicas.

    Where the replicas are of several workers, every one of them must ask for the same batches, and gets all rows.

    Args:
      classifier: the network.
      strategy: default: the current one, that is, a single device.

    Raises:
      EvaluationError: when the classifier is to compute in bfloat16, and a device cannot.
    """

    def __init__(self, classifier: Classifier, strategy: tf.distribute.Strategy | None = None):
        self.classifier = classifier
        self._strategy = strategy or tf.distribute.get_strategy()
        self._replicas = self._strategy.num_replicas_in_sync
        self.several_workers = isinstance(self._strategy, tf.distribute.MultiWorkerMirroredStrategy)
        if classifier.bfloat16:
            require_bfloat16(self._strategy)
        self._precision = bfloat16 if classifier.bfloat16 else contextlib.nullcontext
        self._run = tf.function(self._on_all, reduce_retracing=True)

    def __call__(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """uint8 [n, H, W, C] to logits [n, K] and features [n, D].

        Raises:
          EvaluationError: when the classifier takes greyscale images and these are in colour, or an output is not finite.
        """
        self.classifier.require(images.shape[3])
        missing = -len(images) % self._replicas
        if missing:  # pads the last batch so that it divides among the replicas; the padding is dropped below
            images = np.concatenate([images, np.zeros_like(images[:1]).repeat(missing, 0)])
        with self._precision():
            outputs = [o.numpy() for o in self._run(tf.constant(images))]
        logits, features = (o[: len(o) - missing] for o in outputs)
        for what, values in (("logits", logits), ("features", features)):
            if not np.isfinite(values).all():
                raise EvaluationError(f"classifier {self.classifier.name} returns {what} that are not finite")
        return logits, features

    def _on_all(self, images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        share = tf.shape(images)[0] // self._replicas

        def on_replica() -> tuple[tf.Tensor, tf.Tensor]:
            context = tf.distribute.get_replica_context()
            replica = context.replica_id_in_sync_group
            logits, features = self.classifier(images[replica * share : (replica + 1) * share])
            if self.several_workers:
                return context.all_gather(logits, 0), context.all_gather(features, 0)
            return logits, features

        outputs = (self._strategy.experimental_local_results(o) for o in self._strategy.run(on_replica))
        logits, features = (o[0] if self.several_workers else tf.concat(o, 0) for o in outputs)
        return logits, features
