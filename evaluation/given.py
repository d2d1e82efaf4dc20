"""Scores of what a Python program gives: arrays, tf.data datasets, folders, array files and files of statistics."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tfpagan.evaluation import cache, folders, from_statistics
from tfpagan.evaluation import reference as references
from tfpagan.evaluation.classifiers.classifier import Classifier
from tfpagan.evaluation.classifiers.features import FeatureExtractor
from tfpagan.evaluation.classifiers.find import find_if_here
from tfpagan.evaluation.errors import EvaluationError
from tfpagan.evaluation.images import ArrayImages, DatasetImages, Images, chosen
from tfpagan.evaluation.metrics.base import Need
from tfpagan.evaluation.pairs import Pairs
from tfpagan.evaluation.protocols import Protocol
from tfpagan.evaluation.results import Result
from tfpagan.evaluation.scorer import Scorer, named
from tfpagan.evaluation.subjects import Subject

LEGAL = "an array [N, H, W, C], a finite tf.data.Dataset, or the path of a folder of images, an .npz or an .npy"
Given = Images | Path | None
"""Images; the path of a file of statistics; or nothing."""


def score(
    real: Any,
    fake: Any,
    reconstructions: Any,
    metrics: Sequence[str] | str | None,
    *,
    classifier: str | Path | Classifier,
    inception: str | Path,
    samples: int | None,
    splits: int,
    seed: int,
    batch_size: int,
    cache_dir: str | Path | None,
) -> Result:
    """`tfpagan.evaluation.score`."""
    _require_types(metrics, classifier, samples=samples, splits=splits, seed=seed, batch_size=batch_size)
    splits, seed, batch_size = int(splits), int(seed), int(batch_size)  # NumPy's are not JSON's
    reals, fakes, pairs = source("real", real), source("fake", fake), source("reconstructions", reconstructions)
    if fakes is None and pairs is None:
        raise EvaluationError("there is nothing to score: give fake, reconstructions or both")
    for what, images in (("fake", fakes), ("reconstructions", pairs)):
        if images and not isinstance(images, Path) and images.count < 2:
            raise EvaluationError(f"{what} has {images.count} images; at least 2 are needed")
    if isinstance(reals, Path) and isinstance(fakes, Path) and classifier != "inception":
        raise EvaluationError(
            f"classifier={classifier} has nothing to do where both real and fake are statistics: leave it out"
        )
    if isinstance(pairs, Path) or (pairs is not None and (reals is None or isinstance(reals, Path))):
        raise EvaluationError("reconstructions are scored beside real, the images that they are of: give images for both")
    asked = metrics.split(",") if isinstance(metrics, str) else metrics or _usual(reals, fakes, pairs)
    count = 2 if fakes is None or isinstance(fakes, Path) else fakes.count if samples is None else int(samples)
    protocol = Protocol(metrics=tuple(name.strip() for name in asked), samples=count, splits=splits, seed=seed)
    network: Classifier | None = None
    why = "no classifier is needed"
    if protocol.needs(Need.CLASSIFIER) and not (isinstance(fakes, Path) and isinstance(reals, Path)):
        network, why = (classifier, "") if isinstance(classifier, Classifier) else find_if_here(classifier, inception)
    cached = Path(os.path.expanduser(cache_dir or cache.folder())) / "statistics"
    if isinstance(fakes, Path):
        return _of_statistics(protocol, reals, fakes, network, why, batch_size=batch_size, cache_dir=cached)
    test = None if isinstance(reals, Path) else reals
    if test:
        test, *rest = folders.of_one_kind(test, *(images for images in (fakes, pairs) if images))
        fakes, pairs = rest.pop(0) if fakes else None, rest.pop(0) if pairs else None
    scorer = Scorer(
        protocol,
        classifier=network,
        why_no_classifier=why,
        test=test,
        reference=references.of_file(reals, network) if isinstance(reals, Path) else test,
        batch_size=batch_size,
        cache_dir=cached,
    )
    subject = _subject(fakes, pairs)
    if test and pairs:
        Pairs(test, pairs)  # refuses what would be a metric without a number, as the next line does
    if fakes:
        chosen(fakes, count, seed)
    scores = scorer.score(subject)
    if fakes and count < fakes.count:
        scores.protocol["samples_chosen_with_seed"] = seed
    return named(scores, subject.name)


def _require_types(metrics: Any, classifier: Any, **counts: Any) -> None:
    """Refuse arguments of other types than `score` takes."""
    for name, value in counts.items():
        whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
        if not whole and not (name == "samples" and value is None):
            raise EvaluationError(f"{name}={value!r} is not legal: it must be a whole number")
    if counts["batch_size"] < 1:
        raise EvaluationError(f"batch_size={counts['batch_size']} is not legal: it must be at least 1")
    if metrics is not None and not isinstance(metrics, str) and not all(isinstance(name, str) for name in _items(metrics)):
        raise EvaluationError(f"metrics={metrics!r} is not legal: it must be a list of names")
    if not isinstance(classifier, str | Path | Classifier):
        raise EvaluationError(f"classifier={classifier!r} is not legal: it must be a name, a path or a Classifier")


def _items(given: Any) -> Sequence[Any]:
    return given if isinstance(given, Sequence) else [given]


def source(what: str, given: Any) -> Given:
    """Images to score; the path of a file of statistics as it is; None for None.

    Raises:
      EvaluationError: when it is nothing of `LEGAL`.
    """
    if given is None or (hasattr(given, "batches") and hasattr(given, "count")):  # images of a kind of one's own
        return given
    if isinstance(given, str | Path):
        path = Path(os.path.expanduser(str(given).removeprefix("folder:").removeprefix("npz:")))
        return folders.at(path) or path
    if isinstance(given, tf.data.Dataset):
        return _of_dataset(what, given)
    try:
        array = np.asarray(given)
    except ValueError:  # images of several sizes
        array = np.empty([0], object)
    array = array[..., None] if array.ndim == 3 else array
    if array.ndim != 4 or array.dtype == object:
        raise EvaluationError(f"{what} is {type(given).__name__} of shape {list(np.shape(array))}; it must be {LEGAL}")
    return ArrayImages(array, what)


def _of_dataset(what: str, dataset: tf.data.Dataset) -> DatasetImages:
    image = dataset.element_spec
    image = image.get("image") if isinstance(image, dict) else image[0] if isinstance(image, tuple) else image
    if image is not None and image.shape.rank == 4:
        dataset = dataset.unbatch()
    if dataset.cardinality() == tf.data.INFINITE_CARDINALITY:
        raise EvaluationError(f"{what} is a tf.data.Dataset without an end: give it without repeat(), or take(N) of it")
    count = int(dataset.cardinality())
    if count == tf.data.UNKNOWN_CARDINALITY:
        count = int(dataset.reduce(np.int64(0), lambda total, _: total + 1))
    return DatasetImages(dataset, count, what)


def _usual(real: Given, fake: Given, reconstructions: Given) -> tuple[str, ...]:
    """The metrics that suit what is given."""
    if isinstance(fake, Path):
        return ("fid",)
    of_samples = ("is", "fid", "kid") if real else ("is",)
    return (*(of_samples if fake else ()), *(("rid", "rmse", "fid_rec") if reconstructions else ()))


def _subject(fake: Images | None, reconstructions: Images | None) -> Subject:
    samples = (lambda count, seed: chosen(fake, count, seed)) if fake else None
    pairs = (lambda x, code, seed: Pairs(x, reconstructions)) if reconstructions else None
    name = " and ".join(images.name for images in (fake, reconstructions) if images)
    return Subject(name, samples=samples, pairs=pairs)


def _of_statistics(
    protocol: Protocol, real: Given, fake: Path, network: Classifier | None, why: str, *, batch_size: int, cache_dir: Path
) -> Result:
    """Scores of a file of statistics, beside another one or beside images."""
    if real is None:
        raise EvaluationError(f"{fake} has statistics, which are compared with those of real images: give real")
    if isinstance(real, Path):
        of_real = references.of_file(real)
    elif network is None:
        raise EvaluationError(f"the images of {real.name} cannot be compared with statistics: {why}")
    else:
        extract = FeatureExtractor(network, None)
        of_real = references.of_images(real, extract, cache_dir=cache_dir, batch_size=batch_size)
    return named(from_statistics.score(protocol, of_real, references.of_file(fake, network)), str(fake))
