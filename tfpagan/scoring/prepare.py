"""What scores a run: the classifier that is at hand, and a scorer on the run's own data set."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tensorflow as tf
from absl import logging

from tfpagan.data import Images, places
from tfpagan.evaluation.classifiers import inception
from tfpagan.evaluation.classifiers.classifier import Classifier, from_saved_model
from tfpagan.evaluation.errors import EvaluationError
from tfpagan.evaluation.images import ArrayImages
from tfpagan.evaluation.metrics import METRICS, Need
from tfpagan.evaluation.protocols import Protocol
from tfpagan.evaluation.results import Result, Scores, result
from tfpagan.evaluation.scorer import Scorer
from tfpagan.version import __version__

INCEPTION_VARIABLE = "TFPAGAN_INCEPTION"
"""The environment variable that says where Inception is."""


def classifier(protocol: Protocol, name: str, inception_path: str = "") -> tuple[Classifier | None, str]:
    """The classifier that a protocol needs and "", or None and why there is none; said once on stderr.

    Args:
      protocol: what will be measured.
      name: inception, or a SavedModel folder.
      inception_path: where Inception is; default: $TFPAGAN_INCEPTION, then a download from TF-Hub.

    Raises:
      EvaluationError: when a path was given and what is there cannot be used.
    """
    if not protocol.needs(Need.CLASSIFIER):
        return None, "no classifier is needed"
    if name != "inception":
        return from_saved_model(Path(os.path.expanduser(name))), ""
    path = inception_path or os.environ.get(INCEPTION_VARIABLE, "")
    try:
        return inception.load(path, cache_dir=_inception_cache(), how_to_get_it=how_to_get_inception()), ""
    except EvaluationError as e:
        if path:
            raise
        logging.warning("%s", e)
        return None, "no classifier: Inception cannot be had here"


def how_to_get_inception() -> str:
    """The ways for a message, without the last full stop."""
    others = [name for name, metric in METRICS.items() if Need.CLASSIFIER not in metric.needs]
    return (
        f"Give --inception, or ${INCEPTION_VARIABLE}, one of: {inception.FORMS}. "
        "Or name an in-domain network by --classifier (bin/train_classifier makes one). "
        f"Metrics that need no classifier ({', '.join(others)}) run without"
    )


def _inception_cache() -> Path:
    """$TFHUB_CACHE_DIR, else in the cache of all that this package downloads."""
    return Path(os.environ.get("TFHUB_CACHE_DIR") or places.cache_dir("") / "tfhub")


def scorer(
    protocol: Protocol,
    images: Images,
    strategy: tf.distribute.Strategy | None,
    network: Classifier | None,
    why: str,
    *,
    batch_size: int = 64,
    interrupted: Callable[[], bool] = lambda: False,
) -> Scorer:
    """Scores on the test images of a data set, with its training images as the reference.

    Raises:
      EvaluationError: when the network cannot take these images.
    """
    if network:
        network.require(images.shape[2])
    data = images.config
    name = f"{data.dataset} {{}}, crop {data.crop}, {data.image_size} px"
    return Scorer(
        protocol,
        classifier=network,
        why_no_classifier=why,
        test=ArrayImages(images.test, name.format("test")),
        reference=ArrayImages(images.train, name.format("train")),
        strategy=strategy,
        batch_size=batch_size,
        cache_dir=Path(data.cache_dir) / "statistics",
        interrupted=interrupted,
    )


def named(scores: Scores, model: str, step: int | None = None) -> Result:
    """Scores as a result of this software."""
    versions = {"tfpagan": __version__, "tensorflow": tf.__version__, "numpy": np.__version__}
    subject = {"model": model} | ({} if step is None else {"step": step})
    return result(scores.metrics, scores.reasons, scores.protocol, subject=subject, versions=versions, details=scores.details)
