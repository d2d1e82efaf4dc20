"""One pass over samples, one over test images and their reconstructions, one over the reference: every metric from them."""

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import tensorflow as tf
from absl import logging

from evaluation import reference as references
from evaluation.classifier import Classifier
from evaluation.encoder_panel import EncoderPanel
from evaluation.errors import EvaluationError
from evaluation.features import FeatureExtractor
from evaluation.fid import frechet_distance
from evaluation.inception_score import InceptionScore
from evaluation.keys import keys_by_metric
from evaluation.kid import BLOCK_SIZE, kernel_distance
from evaluation.ms_ssim import Diversity, scales
from evaluation.preprocessing import RESIZE
from evaluation.protocols import FEW_IMAGES, NEED_CLASSIFIER, OF_RECONSTRUCTIONS, OF_SAMPLES, TO_REFERENCE, Protocol
from evaluation.reference import KID_IMAGES, Chosen, Reference
from evaluation.rid import ReconstructionDissimilarity
from evaluation.rmse import PixelErrors
from evaluation.sources import Images, checksum, first
from evaluation.statistics import Moments
from evaluation.subjects import Subject
from evaluation.wasserstein_critic import Budget, negative_distance

T = TypeVar("T")
Array = np.ndarray
CRITIC = Budget()
Numbers = dict[str, float | None]


@dataclasses.dataclass
class Scores:
    """Numbers, reasons for those that are missing, and what they are of."""

    metrics: Numbers
    reasons: dict[str, str]
    protocol: dict[str, Any]
    details: dict[str, Any]
    worst: list[tuple[float, Array, Array]]
    failed: dict[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)  # metrics without any number: their keys

    def missing(self, reason: str, *keys: str) -> None:
        """Null with a reason."""
        for key in keys:
            self.metrics[key], self.reasons[key] = None, reason

    def attempt(self, keys: tuple[str, ...], make: Callable[[], T]) -> T | None:
        """What `make` gives; or None, with its EvaluationError as the reason of the keys."""
        try:
            return make()
        except EvaluationError as e:
            self.missing(str(e), *keys)
            return None


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
      cache_dir: where statistics of the reference are kept.
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
    ):
        self.protocol, self._test, self._batch_size, self._why = protocol, test, batch_size, why_no_classifier
        self._extract = FeatureExtractor(classifier, strategy) if classifier else None
        self._given, self._cache_dir = reference, cache_dir or Path("~/.cache/tfpagan/statistics").expanduser()
        self._reference: Reference | None = None
        self._shape: tuple[int, ...] = ()
        self._keys = keys_by_metric(classifier)
        if test is not None and protocol.reconstructions:
            self._test = first(test, protocol.reconstructions)

    def measured(self) -> list[str]:
        """Under which keys it writes what it can measure: without a classifier the metrics that need one are left out."""
        able = [m for m in self.protocol.metrics if self._extract or m not in NEED_CLASSIFIER]
        return [key for metric in able for key in self._keys[metric]]

    def score(self, subject: Subject) -> Scores:
        """Every metric of the protocol; those that the subject, the data or the machine cannot give have a reason.

        Raises:
          EvaluationError: on images that cannot be scored.
        """
        scores = Scores({}, {}, {}, {}, [])
        if self.protocol.wants(*TO_REFERENCE) and self._given is not None:
            self._reference = self._reference or self._read_reference(self._given)
        self._of_samples(subject, scores)
        self._of_reconstructions(subject, scores)
        if self.protocol.wants("panel"):
            self._panel(subject, scores)
        if self.protocol.wants("critic"):
            self._critic(subject, scores)
        scores.protocol = self._facts()
        asked = {metric: self._keys[metric] for metric in self.protocol.metrics}
        scores.failed = {m: keys for m, keys in asked.items() if all(scores.metrics.get(key) is None for key in keys)}
        return scores

    def _of_samples(self, subject: Subject, scores: Scores) -> None:
        if not self.protocol.wants(*OF_SAMPLES):
            return
        keys, wants = self._keys, self.protocol.wants
        if subject.samples is None:
            asked = [metric for metric in OF_SAMPLES if wants(metric)]
            return scores.missing(f"{subject.name} gives no samples", *(key for metric in asked for key in keys[metric]))
        images = subject.samples(self.protocol.samples, self.protocol.seed)
        self._warn_of_few(images.count, "samples", "is", "fid", "kid")
        count, seed, inception, diversity = images.count, self.protocol.seed, None, None
        if wants("is"):
            inception = scores.attempt(keys["is"], lambda: InceptionScore(count, splits=self.protocol.splits, seed=seed))
        if wants("ms_ssim"):
            diversity = scores.attempt(keys["ms_ssim"], lambda: Diversity(count, seed=seed))
        moments, features = Moments(), Chosen(count, KID_IMAGES, seed=seed)
        for batch in images.batches(self._batch_size):
            self._require_shape(batch.shape[1:], images.name)
            if diversity:
                diversity.update(batch)
            if self._extract and wants("is", "fid", "kid"):
                logits, activations = self._extract(batch)
                moments.update(activations)
                features.update(activations)
                if inception:
                    inception.update(logits)
        if inception and self._extract:
            scores.metrics[keys["is"][0]], scores.metrics[keys["is"][1]] = inception.result()
        elif inception:
            scores.missing(self._why, *keys["is"])
        self._to_reference(scores, "fid", lambda real: {keys["fid"][0]: frechet_distance(real.moments, moments)})
        self._to_reference(scores, "kid", lambda real: _kid(keys["kid"], real, features.array()))
        if diversity and (found := scores.attempt(keys["ms_ssim"], diversity.result)):
            scores.metrics |= dict(zip(keys["ms_ssim"][:2], found, strict=True))
            self._diversity_of_test(scores)

    def _of_reconstructions(self, subject: Subject, scores: Scores) -> None:
        keys, wants = self._keys, self.protocol.wants
        asked = [metric for metric in OF_RECONSTRUCTIONS if wants(metric)]
        if not asked:
            return
        if subject.pairs is None or self._test is None:
            reason = f"{subject.name} gives no reconstructions" if subject.pairs is None else "no test images"
            return scores.missing(reason, *(key for metric in asked for key in keys[metric]))
        if self._test.count < 1:
            return scores.missing("no test images", *(key for metric in asked for key in keys[metric]))
        pairs = subject.pairs(self._test, self.protocol.code, self.protocol.seed)
        self._warn_of_few(pairs.count, "reconstructions", *asked)
        errors, moments = PixelErrors(), Moments()
        rid = None
        if wants("rid") and self._extract:
            splits = self.protocol.splits
            rid = scores.attempt(keys["rid"], lambda: ReconstructionDissimilarity(pairs.count, splits=splits))
        for x, x_rec in pairs.batches(self._batch_size):
            errors.update(x, x_rec)
            if self._extract and wants("rid", "fid_rec"):
                logits_rec, activations = self._extract(x_rec)
                moments.update(activations)
                if rid:
                    rid.update(self._extract(x)[0], logits_rec, x, x_rec)
        if wants("rmse"):
            scores.metrics |= errors.result()
            scores.reasons |= {"psnr": "an image is reproduced exactly"} if scores.metrics["psnr"] is None else {}
        if rid:
            scores.metrics |= dict(zip(keys["rid"], rid.result().values(), strict=True))
            scores.worst = rid.worst()
        elif wants("rid") and not self._extract:
            scores.missing(self._why, *keys["rid"])
        self._to_reference(scores, "fid_rec", lambda real: {keys["fid_rec"][0]: frechet_distance(real.moments, moments)})

    def _panel(self, subject: Subject, scores: Scores) -> None:
        keys = self._keys["panel"]
        if subject.encode is None or subject.decode is None:
            return scores.missing(f"{subject.name} has no encoder", *keys)
        if self._test is None:
            return scores.missing("no test images", *keys)
        panel, random = EncoderPanel(), np.random.default_rng((self.protocol.seed, 2))
        for x in self._test.batches(self._batch_size):
            mean, log_variance = subject.encode(x.astype(np.float32) / 127.5 - 1.0)
            panel.update(mean, log_variance)
            z = random.standard_normal(mean.shape).astype(np.float32)
            panel.update_cycle(z, subject.encode(subject.decode(z))[0])
        scores.metrics |= panel.result()
        scores.details["latent_per_dimension"] = panel.per_dimension()

    def _critic(self, subject: Subject, scores: Scores) -> None:
        keys = self._keys["critic"]
        if subject.samples is None or self._test is None:
            return scores.missing("no test images" if subject.samples else f"{subject.name} gives no samples", *keys)
        real = np.concatenate(list(self._test.batches(self._batch_size)))
        fake = np.concatenate(list(subject.samples(len(real), self.protocol.seed + 1).batches(self._batch_size)))
        self._require_shape(fake.shape[1:], subject.name)
        logging.info("training %d critics of %d steps", CRITIC.seeds, CRITIC.steps)
        if found := scores.attempt(keys, lambda: negative_distance(real, fake, CRITIC, seed=self.protocol.seed)):
            scores.metrics |= dict(zip(keys, found, strict=True))

    def _to_reference(self, scores: Scores, metric: str, measure: Callable[[Reference], Mapping[str, float | None]]) -> None:
        if not self.protocol.wants(metric):
            return
        if self._extract is None or self._reference is None:
            reason = self._why if self._extract is None else "no reference images"
            return scores.missing(reason, *self._keys[metric])
        real = self._reference
        scores.metrics |= scores.attempt(self._keys[metric], lambda: measure(real)) or {}

    def _diversity_of_test(self, scores: Scores) -> None:
        """The same on as many pairs of test images: only beside it does diversity mean anything."""
        keys, test = self._keys["ms_ssim"][2:], self._test
        if test is None:
            return scores.missing("no test images", *keys)

        def diversity() -> tuple[float, float]:
            real = Diversity(test.count, seed=self.protocol.seed)
            for batch in test.batches(self._batch_size):
                real.update(batch)
            return real.result()

        if found := scores.attempt(keys, diversity):
            scores.metrics |= dict(zip(keys, found, strict=True))

    def _require_shape(self, shape: tuple[int, ...], name: str) -> None:
        """All images of an evaluation have one shape: metrics of different sizes would not be of one protocol."""
        if not self._shape and self._test is not None:
            self._shape = next(iter(self._test.batches(1))).shape[1:]
        self._shape = self._shape or shape
        if shape != self._shape:
            raise EvaluationError(
                f"images of {name} are {list(shape)}, and the real ones {list(self._shape)}; one shape is wanted"
            )

    def _read_reference(self, given: Images | Reference) -> Reference | None:
        if isinstance(given, Reference) or self._extract is None:
            return given if isinstance(given, Reference) else None
        return references.of_images(given, self._extract, cache_dir=self._cache_dir, batch_size=self._batch_size)

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
        if p.wants("critic"):
            facts["critic"] = dataclasses.asdict(CRITIC)
        if self._reference:
            r = self._reference
            facts |= {"reference": r.name, "reference_count": r.count, "reference_checksum": r.checksum}
        return facts

    def _warn_of_few(self, count: int, what: str, *metrics: str) -> None:
        if count < FEW_IMAGES and self.protocol.wants(*metrics):
            logging.warning("%d %s are few: below %d scores vary, and FID is biased upwards", count, what, FEW_IMAGES)


def _kid(keys: tuple[str, ...], real: Reference, fake: Array) -> Numbers:
    if not len(real.features):
        raise EvaluationError(f"{real.name} holds no features, which the kernel distance needs")
    return dict(zip(keys, kernel_distance(real.features, fake), strict=True))
