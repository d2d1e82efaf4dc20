"""Sample diversity, 1 - MS-SSIM of random pairs (Rosca et al., 2017, section 5)."""

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from tfpagan.evaluation.errors import EvaluationError
from tfpagan.evaluation.metrics.base import Batch, Context, Key, Measurement, Metric, Over, Settings

if TYPE_CHECKING:
    from tfpagan.evaluation.images import Images

FILTER_PX = 11
WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""Weights of the scales, finest first (Wang et al., 2003)."""
AT_ONCE = 250  # pairs
NOISE = 25.5
"""Standard deviation, in grey levels, of the normal noise on the test images of the third number. The paper has that number and
does not say how much noise."""


class MSSSIM(Metric):
    """Diversity of samples; because it means nothing alone, of test images, and of these with noise, which have too much."""

    name, help = "ms_ssim", "diversity of samples, and of test images, plain and with noise, for comparison"
    over, few_images = Over.SAMPLES, 0

    def keys(self, official: bool) -> tuple[Key, ...]:
        name, real = "ms_ssim_diversity", "ms_ssim_diversity_real"
        of_samples = Key(name, column="diversity", beside=f"{name}_error", overview=True, nearest_to=real)
        return of_samples, Key(f"{name}_error"), Key(real), Key(f"{real}_error"), Key(f"{name}_noisy")

    def facts(self, protocol: Settings, image_shape: tuple[int, ...]) -> dict[str, Any]:
        return {"ms_ssim_scales": scales(*image_shape[:2])} if image_shape else {}

    def start(self, context: Context) -> Measurement:
        seed, test = context.protocol.seed, context.test
        real = _of_images(test, seed, context.batch_size) if test else (None, None, None)
        return Diversity(context.count, seed=seed, real=real)


class Diversity(Measurement):
    """1 - mean MS-SSIM of random pairs of images, to be compared with the same number for real images.

    Args:
      count: total number of images.
      pairs: number of pairs of distinct images; fewer if there are fewer images.
      seed: of the choice.
      real: the diversity of real images, its error, and their diversity with noise.

    Raises:
      EvaluationError: on fewer than two images.
    """

    undefined = "no test images"

    def __init__(
        self,
        count: int,
        *,
        pairs: int = 1000,
        seed: int = 0,
        real: tuple[float | None, float | None, float | None] = (None, None, None),
    ):
        if count < 2:
            raise EvaluationError(f"too few images for MS-SSIM: {count}; at least 2 are needed")
        chosen = np.random.default_rng(seed).permutation(count)[: 2 * min(pairs, count // 2)]
        self._place = {int(image): place for place, image in enumerate(chosen)}
        self._kept: dict[int, np.ndarray] = {}
        self._seen, self._real = 0, real

    def update(self, batch: Batch) -> None:
        for i, image in enumerate(batch.images, self._seen):
            if i in self._place:
                self._kept[self._place[i]] = image.copy()  # a view would keep its whole batch in memory
        self._seen += len(batch.images)

    def result(self) -> tuple[float | None, ...]:
        """The diversity and its standard error over pairs; then those of real images."""
        images = np.stack([self._kept[place] for place in range(len(self._place))])
        left, right = images[0::2], images[1::2]
        parts = [ms_ssim(left[i : i + AT_ONCE], right[i : i + AT_ONCE]) for i in range(0, len(left), AT_ONCE)]
        similarity = np.concatenate(parts)
        error = float(similarity.std(ddof=1) / math.sqrt(len(similarity))) if len(similarity) > 1 else math.nan
        return 1.0 - float(similarity.mean()), error, *self._real


def _of_images(images: "Images", seed: int, batch_size: int) -> tuple[float | None, float | None, float | None]:
    plain, noisy = Diversity(images.count, seed=seed), Diversity(images.count, seed=seed)
    random = np.random.default_rng(seed)
    for batch in images.batches(batch_size):
        plain.update(Batch(batch))
        noise = random.normal(0.0, NOISE, batch.shape)
        noisy.update(Batch(np.clip(np.rint(batch + noise), 0, 255).astype(np.uint8)))
    value, error, *_ = plain.result()
    return value, error, noisy.result()[0]


def scales(height: int, width: int) -> int:
    """How many of the five scales images of this size have: the coarsest must be at least as large as the 11 px filter.

    >>> scales(32, 32), scales(64, 64), scales(176, 176)
    (2, 3, 5)
    """
    return sum(min(height, width) // 2**i >= FILTER_PX for i in range(len(WEIGHTS)))


def ms_ssim(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Multi-scale structural similarity of uint8 images [n, H, W, C], pair by pair [n].

    Small images have fewer scales, whose weights are normalised to sum to 1.

    Raises:
      EvaluationError: when the images are smaller than the filter.
    """
    count = scales(*left.shape[1:3])
    if not count:
        raise EvaluationError(f"MS-SSIM needs images of at least {FILTER_PX} px; these are {left.shape[1]} x {left.shape[2]}")
    weights = np.array(WEIGHTS[:count]) / sum(WEIGHTS[:count])
    import tensorflow as tf

    return tf.image.ssim_multiscale(left, right, 255, weights.tolist(), FILTER_PX).numpy().astype(np.float64)
