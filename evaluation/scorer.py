"""One pass over samples, one over test images and their reconstructions, one over the reference: every metric from them."""

import dataclasses
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from absl import logging

from tfpagan.evaluation import reference as references
from tfpagan.evaluation.classifiers.classifier import Classifier
from tfpagan.evaluation.classifiers.features import FeatureExtractor
from tfpagan.evaluation.classifiers.preprocessing import RESIZE
from tfpagan.evaluation.errors import EvaluationError
from tfpagan.evaluation.images import Images, InterruptibleImages, checksum, first
from tfpagan.evaluation.metrics import ais, base
from tfpagan.evaluation.metrics.base import NOTHING, Batch, Measure, keys_by_metric
from tfpagan.evaluation.metrics.kid import BLOCK_SIZE
from tfpagan.evaluation.metrics.latent_statistics import EncoderPanel
from tfpagan.evaluation.metrics.likelihood import LikelihoodBound
from tfpagan.evaluation.metrics.ms_ssim import scales
from tfpagan.evaluation.metrics.wasserstein_critic import Budget, negative_distance
from tfpagan.evaluation.protocols import FEW_IMAGES, NEED_CLASSIFIER, OF_RECONSTRUCTIONS, OF_SAMPLES, TO_REFERENCE, Protocol
from tfpagan.evaluation.reference import KID_IMAGES, Reference
from tfpagan.evaluation.results import Scores
from tfpagan.evaluation.subjects import Subject

Array = np.ndarray
CRITIC = Budget()


class Scorer:
    """Scores subjects under a protocol; the classifier is loaded and the reference is read once for all of them.

    Args:
      protocol: what to measure and how.
      classifier: or None.
      why_no_classifier: the reason of the metrics that need one.
      test: test images; or None.
      reference: the real images that samples are held against, or their statistics; or None.
      strategy: where the classifier runs.
      batch_size: images at a time, over all replicas; changes nothing but memory and speed.
      cache_dir: where statistics of the reference are kept; None: nowhere.
      interrupted: asked before every batch; when it says so, `score` ends by raising `GivenUpError`.
    """

    def __init__(
        self,
        protocol: Protocol,
        *,
        classifier: Classifier | None = None,
        why_no_classifier: str = "no classifier",
        test: Images | None = None,
        reference: Images | Reference | None = None,
        strategy: tf.distribute.Strategy | None = None,
        batch_size: int = 64,
        cache_dir: Path | None = None,
        interrupted: Callable[[], bool] = lambda: False,
    ):
        self.protocol, self._test, self._batch_size, self.why_no_classifier = protocol, test, batch_size, why_no_classifier
        self._extract = FeatureExtractor(classifier, strategy) if classifier else None
        self._interrupted = interrupted
        self._real = None if isinstance(reference, Reference) else reference
        self._given, self._cache_dir = reference, cache_dir
        self._reference: Reference | None = None
        self._shape: tuple[int, ...] = ()
        self._keys = keys_by_metric(classifier)
        if test is not None:
            self._test = InterruptibleImages(first(test, protocol.reconstructions or test.count), interrupted)

    def measured(self) -> list[str]:
        """Under which keys it writes what it can measure: without a classifier the metrics that need one are left out."""
        return self._all_keys([m for m in self.protocol.metrics if self._extract or m not in NEED_CLASSIFIER])

    def score(self, subject: Subject) -> Scores:
        """Every metric of the protocol; those that the subject, the data or the machine cannot give have a reason.

        Raises:
          EvaluationError: on images that cannot be scored.
          GivenUpError: when it was.
        """
        scores, able = Scores(), []
        if self.protocol.wants(*TO_REFERENCE):
            self._reference = self._reference or self._read_reference()
        for metric in self.protocol.metrics:
            if why := self._obstacle(metric, subject):
                scores.missing(self._keys[metric], why)
            else:
                able.append(metric)
        of_samples = [metric for metric in able if metric in OF_SAMPLES]
        of_reconstructions = [metric for metric in able if metric in OF_RECONSTRUCTIONS]
        if subject.same and of_reconstructions and self._test and self._test.count == self.protocol.samples:
            of_samples, of_reconstructions = [], of_samples + of_reconstructions
        self._of_samples(subject, scores, of_samples)
        self._of_reconstructions(subject, scores, of_reconstructions)
        if "panel" in able:
            self._panel(subject, scores)
        if "nll" in able:
            self._bound(subject, scores)
        if "ais" in able:
            self._annealed(subject, scores)
        if "critic" in able:
            self._critic(subject, scores)
        scores.in_order({metric: self._keys[metric] for metric in self.protocol.metrics})
        scores.protocol = self._facts()
        return scores

    def _obstacle(self, metric: str, subject: Subject) -> str:
        """Why a metric cannot be measured; "" when nothing stands against it."""
        if metric in (*OF_SAMPLES, "critic") and subject.samples is None:
            return f"{subject.name} gives no samples"
        if metric in OF_RECONSTRUCTIONS and subject.pairs is None:
            return f"{subject.name} gives no reconstructions"
        if metric == "panel" and (subject.encode is None or subject.decode is None):
            missing = "encoder" if subject.encode is None else "decoder of codes alone"
            return f"{subject.name} has no {missing}"
        if metric == "nll" and subject.bound is None:
            return f"{subject.name} has no likelihood: its decoder gives images and no density of them"
        if metric == "ais" and subject.decode_tensor is None:
            return f"{subject.name} has no decoder to follow"
        if metric == "ais" and not (self.protocol.annealing.sigma or self._real is not None):
            return "no training images to choose the noise on, and no sigma is given"
        if metric in (*OF_RECONSTRUCTIONS, "panel", "nll", "ais", "critic") and not (self._test and self._test.count):
            return "no test images"
        if metric in NEED_CLASSIFIER and self._extract is None:
            return self.why_no_classifier
        if metric in TO_REFERENCE and self._reference is None:
            return "no reference images"
        return ""

    def _of_samples(self, subject: Subject, scores: Scores, metrics: Sequence[str]) -> None:
        if not metrics:
            return
        draw = subject.samples
        assert draw is not None
        images = scores.attempt(self._all_keys(metrics), lambda: draw(self.protocol.samples, self.protocol.seed))
        if images is None:
            return
        images = InterruptibleImages(images, self._interrupted)
        self._warn_of_few(images.count, "samples", metrics)
        begun = self._begun(metrics, images.count, scores)
        for batch in images.batches(self._batch_size):
            self._require_shape(batch.shape[1:], images.name)
            logits, features = self._classified(batch, begun)
            for measure in begun.values():
                measure.update(Batch(batch, logits, features))
        self._finish(begun, scores)

    def _of_reconstructions(self, subject: Subject, scores: Scores, metrics: Sequence[str]) -> None:
        """Also of samples, where these are the same images."""
        if not metrics:
            return
        make, test, p = subject.pairs, self._test, self.protocol
        assert make is not None
        assert test is not None
        own = [metric for metric in metrics if metric in OF_RECONSTRUCTIONS]
        pairs = scores.attempt(self._all_keys(own), lambda: make(test, p.code, p.seed))
        if pairs is None:
            return self._of_samples(subject, scores, [metric for metric in metrics if metric not in own])
        self._warn_of_few(pairs.count, "reconstructions", metrics)
        begun = self._begun(metrics, pairs.count, scores)
        for x, x_rec in pairs.batches(self._batch_size):
            logits, features = self._classified(x_rec, begun)
            logits_x, _ = self._classified(x, [metric for metric in begun if metric == "rid"])
            for measure in begun.values():
                measure.update(Batch(x_rec, logits, features, x, logits_x))
        self._finish(begun, scores)

    def _all_keys(self, metrics: Sequence[str]) -> list[str]:
        return [key for metric in metrics for key in self._keys[metric]]

    def _begun(self, metrics: Sequence[str], count: int, scores: Scores) -> dict[str, Measure]:
        """The measures of `count` images, without those that cannot be made, which have their reason."""
        p, real, test = self.protocol, self._reference, self._test
        make: Mapping[str, Callable[[], Measure]] = {
            "is": lambda: base.inception_score(count, p),
            "fid": lambda: base.frechet(_known(real)),
            "kid": lambda: base.kernel(_known(real), count, p.seed),
            "ms_ssim": lambda: base.diversity(count, p.seed, test, self._batch_size),
            "rid": lambda: base.dissimilarity(count, p.splits),
            "rmse": base.pixel_errors,
            "fid_rec": lambda: base.frechet(_known(real)),
        }
        made = {metric: scores.attempt(self._keys[metric], make[metric]) for metric in metrics}
        return {metric: measure for metric, measure in made.items() if measure}

    def _classified(self, images: Array, metrics: Collection[str]) -> tuple[Array, Array]:
        """Logits and features, where any of the metrics needs them."""
        if self._extract and any(metric in NEED_CLASSIFIER for metric in metrics):
            return self._extract(images)
        return NOTHING, NOTHING

    def _finish(self, begun: Mapping[str, Measure], scores: Scores) -> None:
        for metric, measure in begun.items():
            keys = self._keys[metric]
            if values := scores.attempt(keys, measure.result):
                scores.give(keys, values, measure.undefined)
            scores.worst += measure.worst()

    def _panel(self, subject: Subject, scores: Scores) -> None:
        assert subject.encode is not None
        assert subject.decode is not None
        assert self._test is not None
        panel, random = EncoderPanel(), np.random.default_rng((self.protocol.seed, 2))
        for x in self._test.batches(self._batch_size):
            mean, log_variance = subject.encode(x.astype(np.float32) / 127.5 - 1.0)
            panel.update(mean, log_variance)
            z = subject.prior(random.standard_normal(mean.shape).astype(np.float32))
            panel.update_cycle(z, subject.encode(subject.decode(z))[0])
        if values := scores.attempt(self._keys["panel"], panel.result):
            scores.give(self._keys["panel"], list(values.values()))
            scores.details["latent_per_dimension"] = panel.per_dimension()

    def _bound(self, subject: Subject, scores: Scores) -> None:
        assert subject.bound is not None
        assert self._test is not None
        nll, random = LikelihoodBound(), np.random.default_rng((self.protocol.seed, 3))
        for x in self._test.batches(self._batch_size):
            nll.update(subject.bound(x, random), x[0].size)
        if values := scores.attempt(self._keys["nll"], nll.result):
            scores.give(self._keys["nll"], values)

    def _annealed(self, subject: Subject, scores: Scores) -> None:
        decode, annealing, test = subject.decode_tensor, self.protocol.annealing, self._test
        assert decode is not None
        assert test is not None
        x = np.concatenate(list(first(test, annealing.images).batches(self._batch_size)))
        sigma = annealing.sigma
        if not sigma:
            assert self._real is not None  # `_obstacle` has seen to it
            real = np.concatenate(list(first(self._real, annealing.images).batches(self._batch_size)))
            sigma = ais.best_sigma(decode, subject.latent_dim, real, annealing, seed=self.protocol.seed)
        nats = ais.log_likelihoods(decode, subject.latent_dim, x, sigma, annealing, seed=self.protocol.seed)
        if not np.isfinite(nats).all():
            scores.missing(self._keys["ais"], f"with a noise of {sigma:g} the log-likelihoods are not finite")
            return
        scores.give(self._keys["ais"], [float(nats.mean()), float(nats.std(ddof=1) / math.sqrt(len(nats))), sigma])

    def _critic(self, subject: Subject, scores: Scores) -> None:
        assert subject.samples is not None
        assert self._test is not None
        real = np.concatenate(list(self._test.batches(self._batch_size)))
        keys, draw = self._keys["critic"], subject.samples
        images = scores.attempt(keys, lambda: draw(len(real), self.protocol.seed + 1))
        if images is None:
            return
        fake = np.concatenate(list(images.batches(self._batch_size)))
        self._require_shape(fake.shape[1:], subject.name)
        if found := scores.attempt(keys, lambda: negative_distance(real, fake, CRITIC, seed=self.protocol.seed)):
            scores.give(keys, found)

    def _require_shape(self, shape: tuple[int, ...], name: str) -> None:
        """All images of an evaluation have one shape: metrics of different sizes would not be of one protocol."""
        if not self._shape and self._test is not None and self._test.count:
            self._shape = next(iter(self._test.batches(1))).shape[1:]
        self._shape = self._shape or shape
        if shape != self._shape:
            raise EvaluationError(
                f"images of {name} are {list(shape)}, and the real ones {list(self._shape)}; one shape is wanted"
            )

    def _read_reference(self) -> Reference | None:
        given = self._given
        if isinstance(given, Reference) or given is None or self._extract is None:
            return given if isinstance(given, Reference) else None
        return references.of_images(
            InterruptibleImages(given, self._interrupted), self._extract, cache_dir=self._cache_dir, batch_size=self._batch_size
        )

    def _facts(self) -> dict[str, Any]:
        """Everything that two numbers must share to be compared."""
        p = self.protocol
        facts: dict[str, Any] = {"name": p.name, "splits": p.splits, "seed": p.seed}
        if p.wants(*OF_SAMPLES):
            facts["samples"] = p.samples
        if self._shape:
            facts["image_shape"] = list(self._shape)
        if p.wants("kid"):
            facts |= {"kid_images": KID_IMAGES, "kid_block_size": BLOCK_SIZE}
        if p.wants("ms_ssim") and self._shape:
            facts["ms_ssim_scales"] = scales(self._shape[0], self._shape[1])
        if self._test is not None:
            facts |= {"test_images": self._test.name, "test_count": self._test.count, "test_checksum": checksum(self._test)}
        if p.wants(*OF_RECONSTRUCTIONS):
            facts["code"] = p.code
        if self._extract and p.wants(*NEED_CLASSIFIER):
            c = self._extract.classifier
            facts |= {
                "classifier": c.name,
                "classifier_checksum": c.checksum,
                "classifier_input": list(c.shape),
                "resize": RESIZE,
            }
        if p.wants("ais"):
            facts["ais"] = dataclasses.asdict(p.annealing)
        if p.wants("critic"):
            facts["critic"] = dataclasses.asdict(CRITIC)
        if self._reference:
            r = self._reference
            facts |= {"reference": r.name, "reference_count": r.count, "reference_checksum": r.checksum}
        return facts

    def _warn_of_few(self, count: int, what: str, metrics: Sequence[str]) -> None:
        if count < FEW_IMAGES and set(metrics) != {"ms_ssim"}:
            logging.warning("%d %s are few: below %d scores vary, and FID is biased upwards", count, what, FEW_IMAGES)


def _known(reference: Reference | None) -> Reference:
    assert reference is not None  # `_obstacle` has seen to it
    return reference
