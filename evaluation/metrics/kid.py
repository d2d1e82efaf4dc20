"""Kernel Inception Distance (Binkowski et al., 2018, section 4): unbiased squared MMD with a cubic kernel, over blocks."""

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from tfpagan.evaluation.errors import EvaluationError
from tfpagan.evaluation.metrics.base import Batch, Context, Key, Measurement, Metric, Need, Over, Settings, known, network
from tfpagan.evaluation.statistics import KID_IMAGES, RandomSubset

if TYPE_CHECKING:
    from tfpagan.evaluation.reference import Reference

BLOCK_SIZE = 1000


class KID(Metric):
    """Kernel distance of some samples to some images of the reference."""

    name, help = "kid", "kernel distance of samples to the reference"
    over, needs = Over.SAMPLES, frozenset({Need.CLASSIFIER, Need.REFERENCE})

    def keys(self, official: bool) -> tuple[Key, ...]:
        name = f"kernel_{network(official)}_distance"
        return Key(name, better="lower", tag="kid" if official else ""), Key(f"{name}_error")

    def facts(self, protocol: Settings, image_shape: tuple[int, ...]) -> dict[str, Any]:
        return {"kid_images": KID_IMAGES, "kid_block_size": BLOCK_SIZE}

    def start(self, context: Context) -> Measurement:
        return KernelDistance(known(context.reference), context.count, seed=context.protocol.seed)


class KernelDistance(Measurement):
    """Kernel distance of a random subset of `count` images to the images whose features the reference holds.

    Raises:
      EvaluationError: when it holds none.
    """

    undefined = "a single block of images has no standard error"

    def __init__(self, real: "Reference", count: int, *, seed: int):
        if not len(real.features):
            raise EvaluationError(f"{real.name} holds no features, which the kernel distance needs")
        self._real, self._chosen = real, RandomSubset(count, KID_IMAGES, seed=seed)

    def update(self, batch: Batch) -> None:
        self._chosen.update(batch.features)

    def result(self) -> tuple[float, float | None]:
        return kernel_distance(self._real.features, self._chosen.array())


def kernel_distance(real: np.ndarray, fake: np.ndarray, *, block_size: int = BLOCK_SIZE) -> tuple[float, float | None]:
    """Mean over blocks of the unbiased squared MMD, and the standard error of that mean.

    Both sides are cut into the same number of consecutive blocks: the smallest for which no block exceeds `block_size`.

    Args:
      real: features [N, D].
      fake: features [M, D].

    Returns:
      The distance and its standard error; the latter is None if there is only one block.

    Raises:
      EvaluationError: when a block would have fewer than 2 images, or the two differ in their number of dimensions.
    """
    if real.shape[1:] != fake.shape[1:]:
        raise EvaluationError(f"features of {real.shape[1]} and {fake.shape[1]} dimensions cannot be compared")
    blocks = math.ceil(max(len(real), len(fake)) / block_size)
    if min(len(real), len(fake)) < 2 * blocks:
        raise EvaluationError(f"{len(real)} real and {len(fake)} fake images cannot make {blocks} block(s) of 2 or more each")
    pairs = zip(_cut(np.asarray(real, np.float64), blocks), _cut(np.asarray(fake, np.float64), blocks), strict=True)
    distances = np.array([unbiased_squared_mmd(r, f) for r, f in pairs])
    error = None if blocks == 1 else float(distances.std(ddof=1) / math.sqrt(blocks))
    return float(distances.mean()), error


def unbiased_squared_mmd(x: np.ndarray, y: np.ndarray) -> float:
    """Squared maximum mean discrepancy with k(a, b) = (a . b / D + 1)^3; unbiased, so it may be negative."""
    m, n = len(x), len(y)
    xx, yy, xy = _kernel(x, x), _kernel(y, y), _kernel(x, y)
    within = (xx.sum() - np.trace(xx)) / (m * (m - 1)) + (yy.sum() - np.trace(yy)) / (n * (n - 1))
    return float(within - 2.0 * xy.mean())


def _kernel(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return (a @ b.T / a.shape[1] + 1.0) ** 3


def _cut(features: np.ndarray, blocks: int) -> list[np.ndarray]:
    """Consecutive blocks of equal size; if that is impossible, the last ones have one image more."""
    size, rest = divmod(len(features), blocks)
    return np.split(features, np.cumsum([size] * (blocks - rest) + [size + 1] * rest)[:-1])
