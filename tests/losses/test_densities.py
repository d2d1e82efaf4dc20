"""Log-densities, draws and divergences of batches against definitions, integrals and closed forms."""

import numpy as np
import pytest
import tensorflow as tf
from helpers import reference
from scipy.integrate import trapezoid

from tfpagan.losses import densities, divergences

X = np.linspace(-1.0, 1.0, 5).astype(np.float32).reshape(1, 5, 1, 1).repeat(2, 0)
CENTRE = np.float32(0.3) * X[:, ::-1]


def test_the_log_densities_are_the_definitions() -> None:
    log_scale = tf.constant(np.log(0.4), tf.float32)
    np.testing.assert_allclose(densities.normal(X, CENTRE, log_scale), reference.log_normal(X, CENTRE, 0.4), rtol=1e-5)
    by_hand = np.log(np.exp(-np.abs(X - CENTRE) / 0.4) / 0.8).reshape(2, -1).sum(1)
    np.testing.assert_allclose(densities.laplace(X, CENTRE, log_scale), by_hand, rtol=1e-5)
    white, given = (X + 1) / 2, (CENTRE + 1) / 2
    cross = (white * np.log(given) + (1 - white) * np.log(1 - given)).reshape(2, -1).sum(1)
    np.testing.assert_allclose(densities.bernoulli(X, CENTRE), cross, rtol=1e-5)


@pytest.mark.parametrize("likelihood", ["gaussian", "laplace"])
def test_densities_integrate_to_one(likelihood: str) -> None:
    x = np.linspace(-30, 30, 200_001).astype(np.float32)[:, None]
    density = np.exp(densities.log_likelihood(likelihood, tf.constant(x), tf.zeros_like(x) + 0.7, tf.constant(0.5)))
    assert trapezoid(density.astype(np.float64), x[:, 0]) == pytest.approx(1.0, abs=1e-4)


def test_bernoulli_is_finite_where_a_tanh_has_saturated() -> None:
    ends = tf.constant([[-1.0, 1.0]])
    assert float(densities.bernoulli(ends, ends)[0]) == pytest.approx(0.0, abs=1e-5)
    assert float(densities.bernoulli(ends, -ends)[0]) == pytest.approx(2 * np.log(densities.TINY), rel=0.02)


@pytest.mark.parametrize(("likelihood", "absolute", "square"), [("gaussian", np.sqrt(2 / np.pi), 1.0), ("laplace", 1.0, 2.0)])
def test_draws_have_the_moments_of_the_density(likelihood: str, absolute: float, square: float) -> None:
    uniform = tf.constant((np.arange(200_000) + 0.5) / 200_000, tf.float32)
    off = (densities.draw(likelihood, tf.fill([200_000], 0.25), tf.math.log(0.1), uniform) - 0.25) / 0.1
    assert float(tf.reduce_mean(off)) == pytest.approx(0.0, abs=1e-3)
    assert float(tf.reduce_mean(tf.abs(off))) == pytest.approx(absolute, rel=2e-3)
    assert float(tf.reduce_mean(off**2)) == pytest.approx(square, rel=2e-2)


def test_gradients_flow_through_draws_to_centre_and_scale() -> None:
    centre, log_scale, uniform = tf.constant([0.0]), tf.constant(0.0), tf.constant([0.9])
    for likelihood, moved in (("gaussian", 1.2815516), ("laplace", np.log(5.0))):  # quantile 0.9: -log(2 - 1.8) for Laplace
        with tf.GradientTape() as tape:
            tape.watch([centre, log_scale])
            x = densities.draw(likelihood, centre, log_scale, uniform)
        by_centre, by_scale = tape.gradient(x, [centre, log_scale])
        assert float(by_centre[0]) == 1.0
        assert float(by_scale) == pytest.approx(moved, rel=1e-4)


def test_kl_to_the_standard_normal_in_closed_form() -> None:
    """By hand: mean 1, variance 1 gives 1/2; mean 0, variance e^2 gives (e^2 - 1 - 2) / 2."""
    kl = densities.kl_to_standard_normal(tf.constant([[1.0, 0.0], [0.0, 0.0]]), tf.constant([[0.0, 2.0], [0.0, 0.0]]))
    np.testing.assert_allclose(kl, [0.5 + (np.e**2 - 3) / 2, 0.0], rtol=1e-6)


def normal_codes(n: int, mean: float, deviation: float, dims: int = 3) -> tf.Tensor:
    return tf.constant(np.random.default_rng(0).normal(mean, deviation, [n, dims]), tf.float32)


def test_the_fitted_normals_divergence_by_hand() -> None:
    """Codes 0 and 2 have mean 1, variance 1, KL 1/2; -2 and 2 have (4 - 1 - log 4) / 2. The mean of both dimensions."""
    codes = tf.constant([[0.0, -2.0], [2.0, 2.0]])
    assert float(divergences.kl_of_fitted_normal(codes)) == pytest.approx((0.5 + (3 - np.log(4)) / 2) / 2, rel=1e-6)


@pytest.mark.parametrize("name", divergences.BATCH_DIVERGENCES)
def test_batch_divergences_of_normal_codes_are_the_closed_form(name: str) -> None:
    divergence = divergences.BATCH_DIVERGENCES[name]
    for mean, deviation in ((0.0, 1.0), (0.7, 1.0), (0.0, 0.4), (-0.5, 1.6)):
        closed = 0.5 * (deviation**2 + mean**2 - 1) - np.log(deviation)
        assert float(divergence(normal_codes(3000, mean, deviation))) == pytest.approx(closed, abs=0.04), (mean, deviation)


@pytest.mark.parametrize("name", divergences.BATCH_DIVERGENCES)
def test_codes_that_have_collapsed_are_far_from_the_prior_and_finite(name: str) -> None:
    value = float(divergences.BATCH_DIVERGENCES[name](tf.zeros([16, 4])))
    assert np.isfinite(value)
    assert value > 5.0


def test_only_the_estimator_without_a_fit_sees_correlation() -> None:
    codes = normal_codes(2000, 0.0, 1.0).numpy()
    codes[:, 1] = codes[:, 0] + 0.01 * codes[:, 1]
    assert float(divergences.kl_of_fitted_normal(tf.constant(codes))) < 0.02
    assert float(divergences.kozachenko_leonenko(tf.constant(codes))) > 1.0
