"""The independent Wasserstein critic (Danihelka et al., 2017; Rosca et al., 2017, section 5)."""

import dataclasses
from typing import Any

import numpy as np

from tfpagan.evaluation.metrics.base import Batch, Context, Key, Measurement, Metric, Need, Over, Settings


@dataclasses.dataclass(frozen=True)
class Critics:
    """How many critics there are, and how each is trained, on which distances depend; part of a protocol.

    Attributes:
      channels: of the first of three convolutions.
      steps: number of updates.
      batch_size: images of each side per update.
      learning_rate: Adam's, with betas 0.5 and 0.9 (Gulrajani et al., 2017).
      penalty: weight of the gradient penalty.
      seeds: number of critics, each trained from scratch.
    """

    channels: int = 32
    steps: int = 1000
    batch_size: int = 64
    learning_rate: float = 1e-4
    penalty: float = 10.0
    seeds: int = 3


class WassersteinCritic(Metric):
    """Minus the Wasserstein distance between test images and samples, as estimated by critics."""

    name, help = "critic", "independent Wasserstein critic between samples and test images"
    over, needs = Over.TEST_IMAGES, frozenset({Need.SAMPLES})
    in_full = False

    def keys(self, official: bool) -> tuple[Key, ...]:
        name = "negative_wasserstein_distance"
        return Key(name, better="higher", column="critic", beside=f"{name}_std", overview=True), Key(f"{name}_std")

    def facts(self, protocol: Settings, image_shape: tuple[int, ...]) -> dict[str, Any]:
        return {"critic": dataclasses.asdict(protocol.critics)}

    def start(self, context: Context) -> Measurement:
        return CriticDistance(context)


class CriticDistance(Measurement):
    """Keeps all images; the critics are trained at the end, with equally many samples."""

    def __init__(self, context: Context):
        self._context = context
        self._images: list[np.ndarray] = []

    def update(self, batch: Batch) -> None:
        self._images.append(batch.images)

    def result(self) -> tuple[float, float]:
        """Minus the distance, and its standard deviation over critics."""
        from tfpagan.evaluation.metrics.critic_training import negative_distance

        c, real = self._context, np.concatenate(self._images)
        samples = c.samples(len(real), c.protocol.seed + 1)  # independent of other metrics' samples
        fake = np.concatenate(list(samples.batches(c.batch_size)))
        return negative_distance(real, fake, c.protocol.critics, seed=c.protocol.seed, between=c.stop_if_interrupted)
