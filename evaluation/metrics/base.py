"""The metrics of one pass: each looks at every batch as it comes, and gives its numbers at the end."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from tfpagan.evaluation.classifiers.classifier import Classifier
from tfpagan.evaluation.errors import EvaluationError
from tfpagan.evaluation.images import Images
from tfpagan.evaluation.metrics.fid import frechet_distance
from tfpagan.evaluation.metrics.inception_score import InceptionScore
from tfpagan.evaluation.metrics.kid import kernel_distance
from tfpagan.evaluation.metrics.ms_ssim import Diversity
from tfpagan.evaluation.metrics.rid import ReconstructionDissimilarity
from tfpagan.evaluation.metrics.rmse import PixelErrors
from tfpagan.evaluation.protocols import Protocol
from tfpagan.evaluation.reference import KID_IMAGES, Reference
from tfpagan.evaluation.results import Pair
from tfpagan.evaluation.statistics import Moments, RandomSubset

NOTHING = np.zeros([0, 0])


class Batch(NamedTuple):
    """What measures look at; empty where nobody needs it.

    Attributes:
      images: samples or reconstructions, uint8 [n, H, W, C].
      logits: of the images, [n, K].
      features: of the images, [n, D].
      originals: what reconstructions are of, uint8 [n, H, W, C].
      logits_of_originals: [n, K].
    """

    images: np.ndarray
    logits: np.ndarray = NOTHING
    features: np.ndarray = NOTHING
    originals: np.ndarray = NOTHING
    logits_of_originals: np.ndarray = NOTHING


@dataclasses.dataclass(frozen=True)
class Measure:
    """One metric of one pass.

    Attributes:
      update: takes the next batch.
      result: the numbers, in the order of the metric's keys (`keys.py`); may raise EvaluationError.
      undefined: why one of them may be None.
      worst: (value, original, reconstruction) of the pairs that it finds worst, worst first.
    """

    update: Callable[[Batch], None]
    result: Callable[[], Sequence[float | None]]
    undefined: str = "not defined here"
    worst: Callable[[], list[Pair]] = list


def inception_score(count: int, protocol: Protocol) -> Measure:
    """IS of `count` images."""
    score = InceptionScore(count, splits=protocol.splits, seed=protocol.seed)
    return Measure(lambda b: score.update(b.logits), score.result)


def frechet(real: Reference) -> Measure:
    """Frechet distance to the reference."""
    moments = Moments()
    return Measure(lambda b: moments.update(b.features), lambda: [frechet_distance(real.moments, moments)])


def kernel(real: Reference, count: int, seed: int) -> Measure:
    """Kernel distance of some of `count` images to some of the reference."""
    if not len(real.features):
        raise EvaluationError(f"{real.name} holds no features, which the kernel distance needs")
    chosen = RandomSubset(count, KID_IMAGES, seed=seed)
    return Measure(
        lambda b: chosen.update(b.features),
        lambda: kernel_distance(real.features, chosen.array()),
        undefined="one block of images has no error",
    )


def diversity(count: int, seed: int, test: Images | None, batch_size: int) -> Measure:
    """1 - MS-SSIM of pairs of `count` images, and the same of test images: only beside it does it mean anything."""
    real: Sequence[float | None] = _of_test(test, seed, batch_size) if test else (None, None)
    found = Diversity(count, seed=seed)
    return Measure(lambda b: found.update(b.images), lambda: [*found.result(), *real], undefined="no test images")


def dissimilarity(count: int, splits: int) -> Measure:
    """RID of `count` images."""
    rid = ReconstructionDissimilarity(count, splits=splits)
    return Measure(
        lambda b: rid.update(b.logits_of_originals, b.logits, b.originals, b.images),
        lambda: list(rid.result().values()),
        worst=rid.worst,
    )


def pixel_errors() -> Measure:
    """RMSE and PSNR."""
    errors = PixelErrors()
    return Measure(
        lambda b: errors.update(b.originals, b.images),
        lambda: list(errors.result().values()),
        undefined="an image is reproduced exactly, or it is the only one",
    )


def _of_test(test: Images, seed: int, batch_size: int) -> tuple[float, float]:
    found = Diversity(test.count, seed=seed)
    for batch in test.batches(batch_size):
        found.update(batch)
    return found.result()


HIGHER_IS_BETTER = ("score_mean", "log_likelihood_nats", "psnr", "class_kept", "negative_wasserstein_distance")
LOWER_IS_BETTER = (
    "_distance",
    "_distance_of_reconstructions",
    "_nats",
    "_bits_per_dim",
    "dissimilarity_mean",
    "dissimilarity_median",
)
"""Ends of keys; RMSE is lower too, but not that of codes. Other metrics have no better and worse of their own: diversity and
codes are read beside a reference."""


def has_direction(key: str) -> bool:
    """Whether a best value of this metric means anything."""
    return key == "rmse" or key.endswith(HIGHER_IS_BETTER + LOWER_IS_BETTER)


def improves(key: str, value: float, best: float) -> bool:
    """Whether a value of a metric is better than the best so far."""
    return value > best if key.endswith(HIGHER_IS_BETTER) else value < best


def keys_by_metric(classifier: Classifier | None) -> Mapping[str, tuple[str, ...]]:
    """The keys that every metric writes."""
    inception = classifier is None or classifier.official
    score, network = ("inception_score", "inception") if inception else ("classifier_score", "classifier")
    rid = f"reconstruction_{network}_dissimilarity"
    return {
        "is": (f"{score}_mean", f"{score}_std"),
        "fid": (f"frechet_{network}_distance",),
        "kid": (f"kernel_{network}_distance", f"kernel_{network}_distance_error"),
        "rid": (f"{rid}_mean", f"{rid}_std", f"{rid}_median", f"{rid}_percentile_95", "class_kept"),
        "fid_rec": (f"frechet_{network}_distance_of_reconstructions",),
        "rmse": ("rmse", "rmse_error", "psnr"),
        "ms_ssim": tuple(f"ms_ssim_diversity{which}{error}" for which in ("", "_real") for error in ("", "_error")),
        "panel": (
            "latent_mean_rms",
            "latent_mean_max",
            "latent_variance_of_means",
            "latent_mean_of_variances",
            "latent_covariance_rms",
            "latent_cycle_rmse",
        ),
        "nll": ("nll_bound_nats", "nll_bound_nats_error", "nll_bound_bits_per_dim"),
        "ais": ("ais_log_likelihood_nats", "ais_log_likelihood_nats_error", "ais_sigma"),
        "critic": ("negative_wasserstein_distance", "negative_wasserstein_distance_std"),
    }
