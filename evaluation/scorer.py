"""Computes all metrics in one pass over samples, one over test images with reconstructions, and one over test images."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from absl import logging

from tfpagan.evaluation import reference as references
from tfpagan.evaluation.classifiers.classifier import Classifier
from tfpagan.evaluation.classifiers.features import FeatureExtractor
from tfpagan.evaluation.classifiers.preprocessing import RESIZE
from tfpagan.evaluation.errors import EvaluationError, GivenUpError
from tfpagan.evaluation.images import Images, WatchedImages, checksum, chosen
from tfpagan.evaluation.metrics import METRICS
from tfpagan.evaluation.metrics.base import FEW_IMAGES, NOTHING, Batch, Context, Key, Measurement, Metric, Need, Over
from tfpagan.evaluation.originals import Originals
from tfpagan.evaluation.pairs import Pairs
from tfpagan.evaluation.protocols import Protocol
from tfpagan.evaluation.reference import Reference
from tfpagan.evaluation.results import Result, Scores, result
from tfpagan.evaluation.subjects import Subject
from tfpagan.version import __version__

Array = np.ndarray


class Scorer:
    """Scores subjects under a protocol; the classifier is loaded and the reference is read once for all of them.

    Args:
      protocol: what to measure and how.
      classifier: classifier, or None, without which the metrics that need one are missing.
      why_no_classifier: the reason for these missing metrics.
      test: test images, or None.
      validation: training images that the subject was not trained on, or None.
      reference: the real images that samples are compared with, or their statistics, or None.
      strategy: where the classifier runs.
      batch_size: images per batch, over all replicas; affects only memory and speed.
      cache_dir: folder for statistics of the reference and logits of test images; None: they are not stored.
      collect: measured over the same images, besides the protocol's metrics.
      interrupted: called before every batch; when it returns True, `score` raises `GivenUpError`.
    """

    def __init__(
        self,
        protocol: Protocol,
        *,
        classifier: Classifier | None = None,
        why_no_classifier: str = "no classifier",
        test: Images | None = None,
        validation: Images | None = None,
        reference: Images | Reference | None = None,
        strategy: tf.distribute.Strategy | None = None,
        batch_size: int = 64,
        cache_dir: Path | None = None,
        collect: Metric | None = None,
        interrupted: Callable[[], bool] = lambda: False,
    ):
        self._collect = collect
        self.protocol, self._batch_size, self._cache_dir = protocol, batch_size, cache_dir
        self.why_no_classifier, self._interrupted = why_no_classifier, interrupted
        self._extract = FeatureExtractor(classifier, strategy) if classifier else None
        official = classifier is None or classifier.official
        self._keys = {metric.name: metric.keys(official) for metric in protocol.declared()}
        self._test = (
            None if test is None else self._watched(chosen(test, protocol.reconstructions or test.count, protocol.seed))
        )
        self._validation = self._watched(validation) if validation else None
        self._training = None if reference is None or isinstance(reference, Reference) else self._watched(reference)
        self._reference = reference if isinstance(reference, Reference) else None
        self._shape: tuple[int, ...] = ()
        self._originals: Originals | None = None

    def measured(self, subject: Subject) -> list[Key]:
        """Keys of the metrics that the subject, the data and the classifier, if there is one, support."""
        able = [metric for metric in self.protocol.declared() if not self._obstacle(metric, subject)]
        return [key for metric in able for key in self._keys[metric.name]]

    def score(self, subject: Subject) -> Scores:
        """All metrics of the protocol; those that the subject, the data or the machine does not support have a reason.

        Raises:
          EvaluationError: on images that cannot be scored.
          GivenUpError: when it was interrupted.
        """
        scores, able = Scores(), []
        if self.protocol.needs(Need.REFERENCE):
            self._read_reference()
        for metric in self.protocol.declared():
            if why := self._obstacle(metric, subject):
                scores.missing(self._names([metric]), why)
            else:
                able.append(metric)
        of_samples, of_pairs, of_test = ([metric for metric in able if metric.over is over] for over in Over)
        if self._collect:
            of_samples.append(self._collect)
        pairs = self._pairs(subject, scores, of_pairs)
        if pairs and subject.same and pairs.count == self.protocol.samples:  # the samples are the reconstructions
            of_samples, of_pairs = [], of_samples + of_pairs
        self._over_samples(subject, scores, of_samples)
        if pairs:
            self._warn_of_few(pairs.count, Over.RECONSTRUCTIONS, of_pairs)
            source = ((x_rec, x) for x, x_rec in pairs.batches(self._batch_size))
            self._measure(of_pairs, source, self._context(subject, pairs.count), scores)
        if self._test and of_test:
            source = ((x, NOTHING) for x in self._test.batches(self._batch_size))
            self._measure(of_test, source, self._context(subject, self._test.count), scores)
        scores.in_order({metric.name: self._names([metric]) for metric in self.protocol.declared()})
        scores.protocol = self._facts()
        return scores

    def _obstacle(self, metric: Metric, subject: Subject) -> str:
        """Why a metric cannot be measured; "" if it can."""
        needs, over, name = metric.needs, metric.over, subject.name
        obstacles = (
            ((over is Over.SAMPLES or Need.SAMPLES in needs) and subject.samples is None, f"{name} gives no samples"),
            (over is Over.RECONSTRUCTIONS and subject.pairs is None, f"{name} gives no reconstructions"),
            (Need.ENCODER in needs and subject.encode is None, f"{name} has no encoder"),
            (Need.DECODER in needs and subject.decode is None, f"{name} has no decoder that takes only codes"),
            (
                Need.LIKELIHOOD_BOUND in needs and subject.bound is None,
                f"{name} has no likelihood: its decoder returns images without a density",
            ),
            (
                Need.DIFFERENTIABLE_DECODER in needs and subject.decode_tensor is None,
                f"{name} has no differentiable decoder",
            ),
            (over is not Over.SAMPLES and not (self._test and self._test.count), "no test images"),
            (Need.CLASSIFIER in needs and self._extract is None, self.why_no_classifier),
            (Need.REFERENCE in needs and self._reference is None and self._training is None, "no reference images"),
        )
        return next((why for lacking, why in obstacles if lacking), "")

    def _context(self, subject: Subject, count: int) -> Context:
        return Context(
            subject=subject,
            protocol=self.protocol,
            count=count,
            samples=lambda count, seed: self._samples(subject, count, seed),
            test=self._test,
            validation=self._validation,
            training=self._training,
            reference=self._reference,
            batch_size=self._batch_size,
            interrupted=self._interrupted,
        )

    def _samples(self, subject: Subject, count: int, seed: int) -> Images:
        assert subject.samples is not None
        images = self._watched(subject.samples(count, seed))
        return WatchedImages(images, lambda batch: self._require_shape(batch.shape[1:], images.name))

    def _pairs(self, subject: Subject, scores: Scores, metrics: Sequence[Metric]) -> Pairs | None:
        make, test, p = subject.pairs, self._test, self.protocol
        if not metrics or make is None or test is None:
            return None
        return scores.attempt(self._names(metrics), lambda: make(test, p.code, p.seed))

    def _over_samples(self, subject: Subject, scores: Scores, metrics: Sequence[Metric]) -> None:
        if not metrics:
            return
        p = self.protocol
        images = scores.attempt(self._names(metrics), lambda: self._samples(subject, p.samples, p.seed))
        if images is None:
            return
        self._warn_of_few(images.count, Over.SAMPLES, metrics)
        source = ((x, NOTHING) for x in images.batches(self._batch_size))
        self._measure(metrics, source, self._context(subject, images.count), scores)

    def _measure(
        self, metrics: Sequence[Metric], source: Iterable[tuple[Array, Array]], context: Context, scores: Scores
    ) -> None:
        """One pass over batches of images and their originals; a metric that fails has a reason instead of numbers."""
        begun: list[tuple[Metric, Measurement]] = []
        for metric in metrics:
            measurement = scores.attempt(self._names([metric]), partial(metric.start, context))
            begun += [(metric, measurement)] if measurement else []
        needs = frozenset(need for metric, _ in begun for need in metric.needs)
        done = 0
        for images, originals in source if begun else ():
            batch = self._classified(Batch(images, originals=originals), needs, done)
            done += len(images)
            for _, measurement in begun:
                measurement.update(batch)
        for metric, measurement in begun:
            names = self._names([metric])
            if (values := scores.attempt(names, measurement.result)) is not None:
                scores.give(names, values, measurement.undefined)
                scores.details |= measurement.details()
                scores.arrays |= measurement.arrays()
            scores.worst += measurement.worst()

    def _classified(self, batch: Batch, needs: frozenset[Need], done: int) -> Batch:
        """The batch with the classifier's outputs, where they are needed; `done` images were before it."""
        if self._extract and Need.CLASSIFIER in needs:
            logits, features = self._extract(batch.images)
            batch = batch._replace(logits=logits, features=features)
        if self._extract and Need.CLASSIFIED_ORIGINALS in needs:
            assert self._test is not None
            self._originals = self._originals or Originals(self._test, self._extract, self._cache_dir)
            batch = batch._replace(logits_of_originals=self._originals.logits(batch.originals, done))
        return batch

    def _names(self, metrics: Sequence[Metric]) -> tuple[str, ...]:
        return tuple(key.name for metric in metrics for key in self._keys.get(metric.name, ()))

    def _watched(self, images: Images) -> Images:
        return WatchedImages(images, lambda batch: self._stop_if_interrupted())

    def _stop_if_interrupted(self) -> None:
        if self._interrupted():
            raise GivenUpError

    def _require_shape(self, shape: tuple[int, ...], name: str) -> None:
        """Refuse images of different shapes in one evaluation, because the shape is part of the protocol."""
        if not self._shape and self._test is not None and self._test.count:
            self._shape = next(iter(self._test.batches(1))).shape[1:]
        self._shape = self._shape or shape
        if shape != self._shape:
            raise EvaluationError(
                f"images of {name} are {list(shape)}, but the real ones are {list(self._shape)}; all must have one shape"
            )

    def _read_reference(self) -> None:
        if self._reference is None and self._training is not None and self._extract is not None:
            self._reference = references.of_images(
                self._training, self._extract, cache_dir=self._cache_dir, batch_size=self._batch_size
            )

    def _facts(self) -> dict[str, Any]:
        """The protocol as stored: everything that two numbers must share to be compared."""
        p, test, real = self.protocol, self._test, self._reference
        facts: dict[str, Any] = {"name": p.name, "splits": p.splits, "seed": p.seed}
        facts |= {"samples": p.samples} if p.goes_over(Over.SAMPLES) else {}
        facts |= {"image_shape": list(self._shape)} if self._shape else {}
        facts |= self._facts_of(Over.SAMPLES) | self._facts_of(Over.RECONSTRUCTIONS)
        if test is not None:
            facts |= {"test_images": test.name, "test_count": test.count, "test_checksum": checksum(test)}
        facts |= {"code": p.code} if p.goes_over(Over.RECONSTRUCTIONS) else {}
        if self._extract and p.needs(Need.CLASSIFIER):
            c = self._extract.classifier
            facts |= {"classifier": c.name, "classifier_checksum": c.checksum}
            facts |= {"classifier_input": list(c.shape), "resize": RESIZE}
        facts |= self._facts_of(Over.TEST_IMAGES)
        if self._validation and any(metric.uses_validation for metric in p.declared()):
            facts |= {"validation_images": self._validation.name, "validation_count": self._validation.count}
        if real and p.needs(Need.REFERENCE):
            facts |= {"reference": real.name, "reference_count": real.count, "reference_checksum": real.checksum}
        return facts

    def _facts_of(self, over: Over) -> dict[str, Any]:
        """The facts that metrics over these images add."""
        facts: dict[str, Any] = {}
        for name, metric in METRICS.items():
            if name in self.protocol.metrics and metric.over is over:
                facts |= metric.facts(self.protocol, self._shape)
        return facts

    def _warn_of_few(self, count: int, over: Over, metrics: Sequence[Metric]) -> None:
        if any(count < metric.few_images for metric in metrics):
            logging.warning(
                "only %d %s: below %d, scores vary between draws, and FID is biased upwards", count, over.value, FEW_IMAGES
            )


def named(scores: Scores, model: str, step: int | None = None) -> Result:
    """Scores as a `Result`, with the subject and the software's versions."""
    versions = {"tfpagan": __version__, "tensorflow": tf.__version__, "numpy": np.__version__}
    subject = {"model": model} | ({} if step is None else {"step": step})
    return result(scores.metrics, scores.reasons, scores.protocol, subject=subject, versions=versions, details=scores.details)
