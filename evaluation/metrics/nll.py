"""Variational bound on the negative log-likelihood, in nats per image and in bits per dimension."""

import math
from collections.abc import Callable

import numpy as np

from tfpagan.evaluation.metrics.base import Batch, Context, Key, Measurement, Metric, Need, Over, known

Bound = Callable[[np.ndarray, np.random.Generator], np.ndarray]


class NLL(Metric):
    """Bound on the negative log-likelihood of test images."""

    name, help = "nll", "bound on the negative log-likelihood of test images, for a decoder with a likelihood"
    over, needs = Over.TEST_IMAGES, frozenset({Need.LIKELIHOOD_BOUND})
    in_full = False

    def keys(self, official: bool) -> tuple[Key, ...]:
        return (
            Key("nll_bound_nats", "nats", better="lower", column="NLL nats"),
            Key("nll_bound_nats_error", "nats"),
            Key("nll_bound_bits_per_dim", "bits per dimension", better="lower", column="NLL bits/dim"),
        )

    def start(self, context: Context) -> Measurement:
        return LikelihoodBound(known(context.subject.bound), np.random.default_rng((context.protocol.seed, 3)))


class LikelihoodBound(Measurement):
    """Mean over images of an upper bound of -log p(x), as AS-VAE's section 5.1 reports it.

    For 8-bit images the density is that of x + u, with u uniform over one grey level, so that the bound also holds for the
    discrete distribution (Theis et al., 2016, section 3.1); a uniform distribution has 8 bits per dimension.

    Args:
      bound: uint8 images [n, H, W, C] to bounds [n] in nats.
      random: its source of random numbers.
    """

    def __init__(self, bound: Bound, random: np.random.Generator):
        self._bound, self._random = bound, random
        self._nats: list[np.ndarray] = []
        self._dims = 0

    def update(self, batch: Batch) -> None:
        self._nats.append(np.asarray(self._bound(batch.images, self._random), np.float64))
        self._dims = batch.images[0].size

    def result(self) -> tuple[float, float, float]:
        """Mean bound per image in nats, its standard error, and the bound in bits per dimension."""
        nats = np.concatenate(self._nats)
        mean = float(nats.mean())
        return mean, float(nats.std(ddof=1) / math.sqrt(len(nats))), mean / (self._dims * math.log(2.0))
