"""The bound of the negative log-likelihood in nats and in bits."""

import math

import numpy as np
import pytest

from tfpagan.evaluation.images import ArrayImages
from tfpagan.evaluation.metrics.base import Batch
from tfpagan.evaluation.metrics.nll import LikelihoodBound
from tfpagan.evaluation.protocols import Protocol
from tfpagan.evaluation.scorer import Scorer
from tfpagan.evaluation.subjects import Subject


def images(n: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, [n, 2, 2, 1]).astype(np.uint8)


def test_nats_errors_and_bits_by_hand() -> None:
    given = iter([np.array([8 * math.log(2), 10 * math.log(2)]), np.array([12 * math.log(2)])])
    bound = LikelihoodBound(lambda x, random: next(given), np.random.default_rng(0))
    bound.update(Batch(images(2)))
    bound.update(Batch(images(1)))
    nats, error, bits = bound.result()
    assert nats == pytest.approx(10 * math.log(2))
    assert error == pytest.approx(2 * math.log(2) / math.sqrt(3))
    assert bits == pytest.approx(2.5)


def test_uniform_noise_costs_eight_bits() -> None:
    """A decoder of constant density over the 256 levels: 1 / 256 a level."""

    def bound(x: np.ndarray, random: np.random.Generator) -> np.ndarray:
        return np.full(len(x), x[0].size * math.log(256.0))

    scored = Scorer(Protocol(metrics=("nll",)), test=ArrayImages(images(10), "x")).score(Subject("uniform", bound=bound))
    assert scored.metrics["nll_bound_bits_per_dim"] == pytest.approx(8.0)
