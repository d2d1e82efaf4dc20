"""Log-likelihood of test images by annealed importance sampling (Wu et al., 2017); the chains are in `annealed_chains.py`."""

import dataclasses
import math
from typing import Any

import numpy as np

from tfpagan.evaluation.errors import EvaluationError
from tfpagan.evaluation.metrics.base import Batch, Context, Key, Measurement, Metric, Need, Over, Settings, known
from tfpagan.evaluation.statistics import random_places


@dataclasses.dataclass(frozen=True)
class Annealing:
    """How a likelihood is estimated; part of a protocol.

    Attributes:
      images: number of test images, chosen at random with the protocol's seed.
      chains: number of independent chains per image, whose weights are averaged.
      distributions: number of distributions between prior and posterior.
      sigma: standard deviation of the noise, for pixels in [0, 1]; 0: the best of several on as many training images.
      leapfrog_steps: steps of one Hamiltonian proposal.
      first_step: initial size of a leapfrog step, which pilot chains then adapt.
      images_at_once: number of images whose chains run together.
    """

    images: int = 100
    chains: int = 16
    distributions: int = 1000
    sigma: float = 0.0
    leapfrog_steps: int = 10
    first_step: float = 0.05
    images_at_once: int = 50


class AIS(Metric):
    """Log-likelihood of some test images."""

    name, help = "ais", "log-likelihood of test images by annealed importance sampling"
    over, needs = Over.TEST_IMAGES, frozenset({Need.DIFFERENTIABLE_DECODER})
    in_full = False

    def keys(self, official: bool) -> tuple[Key, ...]:
        name = "ais_log_likelihood_nats"
        of_images = Key(name, "nats", better="higher", column="log p(x) nats", beside=f"{name}_error")
        return of_images, Key(f"{name}_error", "nats"), Key("ais_sigma")

    def facts(self, protocol: Settings, image_shape: tuple[int, ...]) -> dict[str, Any]:
        return {"ais": dataclasses.asdict(protocol.annealing) | {"images_chosen_with_seed": protocol.seed}}

    def start(self, context: Context) -> Measurement:
        return AnnealedLikelihood(context)


class AnnealedLikelihood(Measurement):
    """Keeps the chosen images; the chains run at the end.

    Raises:
      EvaluationError: when there are fewer test images than the protocol requires, or no images to choose the noise on.
    """

    def __init__(self, context: Context):
        self._context, self._annealing = context, context.protocol.annealing
        if context.count < self._annealing.images:
            test = known(context.test)
            raise EvaluationError(f"{test.name} has {test.count} images; {self._annealing.images} are requested")
        if not self._annealing.sigma and context.training is None:
            raise EvaluationError("sigma is not given, and there are no training images to choose it on")
        self._places = set(random_places(context.count, self._annealing.images, context.protocol.seed).tolist())
        self._images: list[np.ndarray] = []
        self._seen = 0

    def update(self, batch: Batch) -> None:
        self._images += [image.copy() for i, image in enumerate(batch.images, self._seen) if i in self._places]
        self._seen += len(batch.images)

    def result(self) -> tuple[float, float, float]:
        """Mean log-likelihood per image in nats, its standard error, and sigma."""
        from tfpagan.evaluation.images import chosen
        from tfpagan.evaluation.metrics import annealed_chains as chains

        c, a = self._context, self._annealing
        decode, latent_dim, sigma = known(c.subject.decode_tensor), c.subject.latent_dim, a.sigma
        options: dict[str, Any] = {"seed": c.protocol.seed, "between": c.stop_if_interrupted}
        if not sigma:
            training = np.concatenate(list(chosen(known(c.training), a.images, c.protocol.seed).batches(c.batch_size)))
            sigma = chains.best_sigma(decode, latent_dim, training, a, **options)
        nats = chains.log_likelihoods(decode, latent_dim, np.stack(self._images), sigma, a, **options)
        if not np.isfinite(nats).all():
            raise EvaluationError(f"the log-likelihoods are not finite with sigma {sigma:g}")
        return float(nats.mean()), float(nats.std(ddof=1) / math.sqrt(len(nats))), sigma
