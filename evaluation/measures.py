"""The metrics of one pass: each looks at every batch as it comes, and gives its numbers at the end."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from evaluation.errors import EvaluationError
from evaluation.fid import frechet_distance
from evaluation.inception_score import InceptionScore
from evaluation.kid import kernel_distance
from evaluation.ms_ssim import Diversity
from evaluation.protocols import Protocol
from evaluation.reference import KID_IMAGES, Chosen, Reference
from evaluation.rid import ReconstructionDissimilarity
from evaluation.rmse import PixelErrors
from evaluation.sources import Images
from evaluation.statistics import Moments

NOTHING = np.zeros([0, 0])
Pair = tuple[float, np.ndarray, np.ndarray]


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
    chosen = Chosen(count, KID_IMAGES, seed=seed)
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
