"""A run as what is scored: the bound of a model whose likelihood is known, and codes of its prior."""

import math

import numpy as np
import pytest
import tensorflow as tf

from tfpagan.evaluation.images import ArrayImages
from tfpagan.evaluation.protocols import Protocol
from tfpagan.evaluation.scorer import Scorer
from tfpagan.evaluation.subjects import Subject
from tfpagan.scoring.adapters import of_run
from tfpagan.settings.sections import NetworkConfig

DIMS = 2 * 2 * 1
SLOPE, SCALE = 0.3, 0.2


class LinearGenerator:
    """x = a z, pixel by pixel, with normal noise: p(x) is N(0, a^2 + s^2) a pixel, and q below is the true posterior."""

    log_scale = tf.constant(math.log(SCALE))

    def __call__(self, z: tf.Tensor) -> tf.Tensor:
        return SLOPE * tf.reshape(z, [-1, 2, 2, 1])


class TruePosterior:
    flow = None

    def __init__(self, off: float = 0.0):
        self.off = off

    def base(self, x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        variance = SCALE**2 / (SLOPE**2 + SCALE**2)
        mean = SLOPE / (SLOPE**2 + SCALE**2) * tf.reshape(x, [-1, DIMS])
        return mean + self.off, tf.fill(tf.shape(mean), math.log(variance))


def subject(off: float = 0.0) -> Subject:
    config = NetworkConfig(latent_dim=DIMS, likelihood="gaussian")
    return of_run(LinearGenerator(), TruePosterior(off), config, "linear")  # type: ignore[arg-type]


def images(n: int) -> np.ndarray:
    x = np.random.default_rng(0).normal(0, math.sqrt(SLOPE**2 + SCALE**2), [n, 2, 2, 1])
    return np.clip(np.round((x + 1) * 127.5), 0, 255).astype(np.uint8)


def entropy_nats() -> float:
    """-E log p(x) of a grey level under N(0, a^2 + s^2), 1 / 127.5 wide: what a perfect model pays an image."""
    return DIMS * (0.5 * math.log(2 * math.pi * math.e * (SLOPE**2 + SCALE**2)) + math.log(127.5))


def test_with_the_true_posterior_the_bound_is_the_likelihood() -> None:
    bound = subject().bound
    assert bound is not None
    nats = bound(images(20_000), np.random.default_rng(1))
    assert nats.mean() == pytest.approx(entropy_nats(), abs=0.03)


def test_with_another_posterior_the_bound_is_higher_by_the_divergence() -> None:
    """The means are 0.1 off, where the posterior's variance is s^2 / (a^2 + s^2): KL is 0.1^2 / (2 variance) a dimension."""
    x, random = images(20_000), np.random.default_rng
    exact, off = subject().bound, subject(0.1).bound
    assert exact is not None
    assert off is not None
    kl = DIMS * 0.1**2 / (2 * SCALE**2 / (SLOPE**2 + SCALE**2))
    assert off(x, random(1)).mean() - exact(x, random(1)).mean() == pytest.approx(kl, abs=0.02)


def test_a_decoder_without_a_density_has_a_reason_in_the_place_of_a_number() -> None:
    plain = of_run(LinearGenerator(), TruePosterior(), NetworkConfig(latent_dim=DIMS), "gan")  # type: ignore[arg-type]
    scored = Scorer(Protocol(metrics=("nll",)), test=ArrayImages(images(10), "x")).score(plain)
    assert scored.metrics["nll_bound_nats"] is None
    assert "has no likelihood" in scored.reasons["nll_bound_nats"]


def test_codes_on_the_sphere_are_compared_with_a_prior_on_it() -> None:
    sphere = of_run(LinearGenerator(), None, NetworkConfig(latent_dim=DIMS, posterior="sphere"), "age")  # type: ignore[arg-type]
    codes = sphere.prior(np.random.default_rng(0).normal(size=[5, DIMS]).astype(np.float32))
    np.testing.assert_allclose(np.linalg.norm(codes, axis=1), 1.0, rtol=1e-6)
