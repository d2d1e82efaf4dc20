"""The independent Wasserstein critic (Danihelka et al., 2017; Rosca et al., 2017, section 5)."""

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np

from tfpagan.evaluation.metrics.base import Batch, Context, Key, Measurement, Metric, Need, Over, Settings

if TYPE_CHECKING:
    from tfpagan.evaluation.metrics.critic_training import Curve


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
    """Minus the Wasserstein distance between test images and samples, as estimated by critics; higher is better."""

    name, help = "critic", "independent Wasserstein critic between samples and test images"
    over, needs = Over.TEST_IMAGES, frozenset({Need.SAMPLES})
    in_full, uses_validation = False, True

    def keys(self, official: bool) -> tuple[Key, ...]:
        name = "negative_wasserstein_distance"
        return Key(name, better="higher", column="critic", beside=f"{name}_std", overview=True), Key(f"{name}_std")

    def facts(self, protocol: Settings, image_shape: tuple[int, ...]) -> dict[str, Any]:
        return {"critic": dataclasses.asdict(protocol.critics)}

    def start(self, context: Context) -> Measurement:
        return CriticDistance(context)


class CriticDistance(Measurement):
    """Keeps all images; the critics are trained at the end, with equally many samples.

    They are trained on validation images, and their distance is that of the test images, as in the paper; without validation
    images they are trained on a random half of the test images, and their distance is that of the other half.
    """

    def __init__(self, context: Context):
        self._context = context
        self._images: list[np.ndarray] = []
        self._curves: list[Curve] = []

    def update(self, batch: Batch) -> None:
        self._images.append(batch.images)

    def result(self) -> tuple[float, float]:
        """Minus the distance, and its standard deviation over critics."""
        from tfpagan.evaluation.metrics.critic_training import Sides, distances

        c, test = self._context, np.concatenate(self._images)
        validation = np.concatenate(list(c.validation.batches(c.batch_size))) if c.validation else test[:0]
        samples = c.samples(len(validation) + len(test), c.protocol.seed + 1)  # independent of other metrics' samples
        fake = np.concatenate(list(samples.batches(c.batch_size)))
        if len(validation):
            seen, held_out = Sides(validation, fake[: len(validation)]), Sides(test, fake[len(validation) :])
        else:
            seen, held_out = Sides(test, fake).halves(c.protocol.seed)
        p = c.protocol
        self._curves = distances(seen, held_out, p.critics, seed=p.seed, between=c.stop_if_interrupted)
        last = [curve.held_out[-1] for curve in self._curves]
        return -float(np.mean(last)), float(np.std(last, ddof=1)) if len(last) > 1 else float("nan")

    def details(self) -> dict[str, Any]:
        """The curves of the critics."""
        return {"critic_curves": [dataclasses.asdict(curve) for curve in self._curves]}
