"""Annealed importance sampling of a model whose likelihood is known in closed form."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from tfpagan.evaluation.errors import GivenUpError
from tfpagan.evaluation.images import ArrayImages
from tfpagan.evaluation.metrics import annealed_chains
from tfpagan.evaluation.metrics.ais import Annealing
from tfpagan.evaluation.protocols import Protocol
from tfpagan.evaluation.scorer import Scorer
from tfpagan.evaluation.subjects import Subject

Z, SIDE, SIGMA = 3, 4, 0.05
D = SIDE * SIDE
W = (0.1 * np.random.default_rng(0).normal(size=[Z, D])).astype(np.float32)
QUICK = Annealing(images=12, chains=16, distributions=1000, sigma=SIGMA)


def decode(z: tf.Tensor) -> tf.Tensor:
    """x = z W + 1/2, for pixels in [0, 1]; as the package's decoders give it, in [-1, 1]."""
    return tf.reshape(2.0 * (z @ W + 0.5) - 1.0, [-1, SIDE, SIDE, 1])


def images(n: int = 12) -> np.ndarray:
    random = np.random.default_rng(1)
    x = random.normal(size=[n, Z]) @ W + 0.5 + SIGMA * random.normal(size=[n, D])
    return np.clip(np.round(255 * x), 0, 255).astype(np.uint8).reshape(n, SIDE, SIDE, 1)


def exact(x: np.ndarray) -> np.ndarray:
    """log N(x; 1/2, W'W + s^2 I), [n]."""
    covariance = W.T.astype(np.float64) @ W + SIGMA**2 * np.eye(D)
    off = x.reshape(len(x), D) / 255.0 - 0.5
    squares = np.einsum("ni,ij,nj->n", off, np.linalg.inv(covariance), off)
    return -0.5 * (squares + np.linalg.slogdet(covariance)[1] + D * np.log(2 * np.pi))


@pytest.mark.slow
def test_the_linear_normal_models_likelihood_is_found() -> None:
    found = annealed_chains.log_likelihoods(decode, Z, images(), SIGMA, QUICK)
    np.testing.assert_allclose(found, exact(images()), atol=0.35)
    assert found.mean() == pytest.approx(exact(images()).mean(), abs=0.1)


@pytest.mark.slow
def test_more_distributions_come_closer_and_from_below() -> None:
    off = []
    for distributions in (5, 50, 500):
        annealing = dataclasses.replace(QUICK, distributions=distributions, chains=4)
        off.append((exact(images()) - annealed_chains.log_likelihoods(decode, Z, images(), SIGMA, annealing)).mean())
    assert off[0] > 5.0
    assert 0.2 < off[1] < 1.0
    assert 0.0 < off[2] < 0.2


@pytest.mark.slow
def test_the_mean_weight_of_chains_is_unbiased() -> None:
    """Of chains that adapt their own steps, it is 1.066 with this seed, and 1.050 on average over five."""
    annealing = dataclasses.replace(QUICK, distributions=500, chains=80)
    off = annealed_chains.log_likelihoods(decode, Z, images(), SIGMA, annealing, seed=1) - exact(images())
    assert np.exp(off).mean() == pytest.approx(1.0, abs=0.02)


@pytest.mark.slow
def test_the_estimate_is_the_same_however_many_images_run_at_once_within_its_error() -> None:
    half = dataclasses.replace(QUICK, distributions=500)
    once = annealed_chains.log_likelihoods(decode, Z, images(), SIGMA, half, seed=3)
    parted = annealed_chains.log_likelihoods(decode, Z, images(), SIGMA, dataclasses.replace(half, images_at_once=5), seed=3)
    np.testing.assert_allclose(parted, once, atol=0.6)


def test_the_estimate_is_that_of_its_seed() -> None:
    few = dataclasses.replace(QUICK, distributions=20)
    one, again, other = (annealed_chains.log_likelihoods(decode, Z, images(), SIGMA, few, seed=seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(again, one)
    assert np.all(other != one)


def test_the_noise_that_made_the_images_is_the_likeliest() -> None:
    traced = []

    def counted(z: tf.Tensor) -> tf.Tensor:
        traced.append(z.shape)
        return decode(z)

    assert annealed_chains.best_sigma(counted, Z, images(), QUICK) == SIGMA
    # The weight's, and start and end of a proposal of a chain and of a pilot: one trace for all that are tried.
    assert len(traced) == 5


def test_it_is_a_metric_with_its_protocol() -> None:
    protocol = Protocol(metrics=("ais",), annealing=dataclasses.replace(QUICK, sigma=0.0, distributions=200))
    scorer = Scorer(protocol, test=ArrayImages(images(), "test"), reference=ArrayImages(images(), "train"))
    scores = scorer.score(Subject("linear", decode_tensor=decode, latent_dim=Z))
    assert scores.metrics["ais_log_likelihood_nats"] == pytest.approx(exact(images()).mean(), abs=0.5)
    assert scores.metrics["ais_sigma"] == SIGMA
    assert scores.protocol["ais"]["distributions"] == 200
    nothing = scorer.score(Subject("images"))
    assert nothing.metrics["ais_sigma"] is None
    assert "no differentiable decoder" in nothing.reasons["ais_sigma"]
    tiny = Protocol(metrics=("ais",), annealing=dataclasses.replace(QUICK, sigma=1e-30, distributions=2))
    none = Scorer(tiny, test=ArrayImages(images())).score(Subject("linear", decode_tensor=decode, latent_dim=Z))
    assert none.failed
    assert none.reasons["ais_log_likelihood_nats"] == "the log-likelihoods are not finite with sigma 1e-30"


def test_chains_are_given_up_before_they_run() -> None:
    left = iter([False])  # asked once for the batch of test images
    scorer = Scorer(
        Protocol(metrics=("ais",), annealing=QUICK), test=ArrayImages(images()), interrupted=lambda: next(left, True)
    )
    with pytest.raises(GivenUpError):
        scorer.score(Subject("linear", decode_tensor=decode, latent_dim=Z))


def test_fewer_test_images_than_are_asked_for_are_the_reason() -> None:
    few = Scorer(Protocol(metrics=("ais",), annealing=QUICK), test=ArrayImages(images(11), "test"))
    scores = few.score(Subject("linear", decode_tensor=decode, latent_dim=Z))
    assert scores.reasons["ais_sigma"] == "test has 11 images; 12 are requested"
