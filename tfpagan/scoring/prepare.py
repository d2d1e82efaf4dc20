"""What an evaluation needs: a classifier, and a scorer on a run's own data set."""

from collections.abc import Callable
from pathlib import Path

import tensorflow as tf
from absl import logging

from tfpagan.data import Images, Part
from tfpagan.evaluation import protocols
from tfpagan.evaluation.classifiers import find, inception
from tfpagan.evaluation.classifiers.classifier import Classifier
from tfpagan.evaluation.errors import EvaluationError
from tfpagan.evaluation.images import ArrayImages
from tfpagan.evaluation.images import Images as SomeImages
from tfpagan.evaluation.metrics import METRICS, Metric, Need
from tfpagan.evaluation.protocols import Protocol
from tfpagan.evaluation.scorer import Scorer


def classifier(
    protocol: Protocol, name: str, inception_path: str = "", *, flag: str = "--classifier", inception_flag: str = ""
) -> tuple[Classifier | None, str]:
    """The classifier that a protocol needs, or None; and why it is None, else "".

    If Inception is not available, a warning says how to get it.

    Args:
      protocol: what will be measured.
      name: inception, one that comes with the package, or a SavedModel folder.
      inception_path: path of Inception; "": $TFPAGAN_INCEPTION, else a download from TF-Hub.
      flag: the command's flag for `name`, for messages.
      inception_flag: its flag for `inception_path`, for messages; "": it has none.

    Raises:
      EvaluationError: when a path was given and there is no usable classifier there.
    """
    if not protocol.needs(Need.CLASSIFIER):
        return None, "no classifier is needed"
    return find.find_if_here(name, inception_path, how_to_get_it=how_to_get_inception(flag, inception_flag))


def features(name: str, channels: int) -> Callable[[tf.Tensor], tf.Tensor]:
    """A differentiable function from images [N, H, W, C] in [-1, 1] to a classifier's features [N, D].

    Args:
      name: as of `classifier`.
      channels: of the images.

    Raises:
      EvaluationError: when there is no such classifier, or it does not take these images.
    """
    network, why = classifier(protocols.get("fid50k"), name, flag="--perceptual_classifier")
    if network is None:
        raise EvaluationError(why)
    network.require(channels)
    return lambda images: network((images + 1.0) * 127.5)[1]


def how_to_get_inception(flag: str, inception_flag: str) -> str:
    """Advice for a message, without the final full stop; arguments as `classifier`."""
    others = [name for name, metric in METRICS.items() if Need.CLASSIFIER not in metric.needs]
    place = f"{inception_flag} or ${find.INCEPTION_VARIABLE}" if inception_flag else f"${find.INCEPTION_VARIABLE}"
    return (
        f"Set {place} to one of: {inception.FORMS}. "
        f"Or give an in-domain classifier with {flag} (bin/train_classifier trains one). "
        f"Metrics that need no classifier ({', '.join(others)}) are computed without one"
    )


def scorer(
    protocol: Protocol,
    images: Images,
    strategy: tf.distribute.Strategy | None,
    network: Classifier | None,
    why: str,
    *,
    held_out: Part | None = None,
    validation: Part | None = None,
    batch_size: int = 64,
    collect: Metric | None = None,
    interrupted: Callable[[], bool] = lambda: False,
) -> Scorer:
    """A scorer on the test images of a data set, with its training images as the reference.

    Args:
      protocol: what is measured.
      images: of the data set.
      strategy: distributes the passes through the networks.
      network: the classifier.
      why: it is None, else "".
      held_out: images to use instead of test images.
      validation: images that the subject was not trained on, besides test images.
      batch_size: images per batch.
      collect: measured besides the protocol's metrics.
      interrupted: whether to give up.

    Raises:
      EvaluationError: when the network cannot take these images.
    """
    if network:
        network.require(images.shape[2])
        if network.dataset not in ("", images.config.dataset):
            logging.warning("classifier %s knows the classes of %s, not of these images", network.name, network.dataset)
    data = images.config
    name = f"{data.dataset} {{}}, crop {data.crop}, {data.image_size} px"
    test, reference = ArrayImages(images.test, name.format("test")), ArrayImages(images.train, name.format("train"))

    return Scorer(
        protocol,
        classifier=network,
        why_no_classifier=why,
        test=test if held_out is None else _taken(held_out, name),
        validation=None if validation is None else _taken(validation, name),
        reference=reference,
        strategy=strategy,
        batch_size=batch_size,
        cache_dir=Path(data.cache_dir) / "statistics",
        collect=collect,
        interrupted=interrupted,
    )


def _taken(part: Part, name: str) -> SomeImages:
    return ArrayImages(part.images).take(part.places, f"{name.format(part.split)}, {len(part.places)} held out")
