"""The independent critic: its penalty by hand, and distances that grow with the distance."""

import dataclasses
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from tfpagan.evaluation.errors import EvaluationError, GivenUpError
from tfpagan.evaluation.images import ArrayImages
from tfpagan.evaluation.metrics import critic_training
from tfpagan.evaluation.metrics.base import Batch, Context
from tfpagan.evaluation.metrics.critic_training import Curve, Sides, gradient_penalty, network
from tfpagan.evaluation.metrics.wasserstein_critic import CriticDistance, Critics
from tfpagan.evaluation.protocols import Protocol
from tfpagan.evaluation.subjects import Subject

QUICK = Critics(channels=4, steps=60, batch_size=16, learning_rate=2e-3, seeds=2)


def images(n: int, brightness: float, seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(brightness, 30, [n, 8, 8, 1])
    return np.clip(noise, 0, 255).astype(np.uint8)


def test_the_penalty_of_a_linear_critic_is_that_of_its_weights() -> None:
    """f(x) = w . x has the gradient w everywhere: |w| = 3 gives (3 - 1)^2 = 4, whatever x, y and weight."""
    w = tf.constant([[[1.0], [2.0]], [[2.0], [0.0]]])
    x, y = tf.random.stateless_normal([5, 2, 2, 1], [1, 2]), tf.zeros([5, 2, 2, 1])
    penalty = gradient_penalty(lambda x: tf.reduce_sum(x * w, [1, 2, 3]), x, y, tf.fill([5, 1, 1, 1], 0.3))
    np.testing.assert_allclose(penalty, 4.0, rtol=1e-5)


def test_the_penalty_looks_between_the_two() -> None:
    """f(x) = x^2 / 2 has the gradient x: between 5 (weight 0.4) and 0 it is 2, and (2 - 1)^2 = 1."""
    x, y = tf.fill([1, 1, 1, 1], 5.0), tf.zeros([1, 1, 1, 1])
    penalty = gradient_penalty(lambda x: tf.reduce_sum(x**2, [1, 2, 3]) / 2, x, y, tf.fill([1, 1, 1, 1], 0.4))
    np.testing.assert_allclose(penalty, 1.0, rtol=1e-5)


def distance(real: np.ndarray, fake: np.ndarray, **more: Any) -> float:
    curves = critic_training.distances(*Sides(real, fake).halves(0), QUICK, **more)
    return float(np.mean([curve.held_out[-1] for curve in curves]))


@pytest.mark.slow
def test_distances_grow_with_the_distance_and_the_same_seed_repeats_them() -> None:
    real = images(200, 100, 0)
    near, far = (distance(real, images(200, b, 1)) for b in (100, 200))
    assert far > 0
    assert abs(near) < 0.1 * far
    assert distance(real, images(200, 200, 1)) == pytest.approx(far, rel=1e-4)


@pytest.mark.slow
def test_a_critic_that_overfits_is_seen_in_its_curve() -> None:
    """Sides of the same distribution, 16 images each: every batch is all of them, and is told apart; others are not."""
    seen, held_out = (Sides(images(16, 100, s), images(16, 100, s + 1)) for s in (0, 2))
    (curve,) = critic_training.distances(seen, held_out, dataclasses.replace(QUICK, seeds=1, steps=100))
    assert curve.updates == list(range(5, 101, 5))
    assert len(curve.seen) == len(curve.held_out) == 20
    assert curve.seen[-1] > 2 * curve.seen[0]
    assert curve.seen[-1] > 5 * abs(curve.held_out[-1])


@pytest.mark.parametrize("validation", [0, 24])
def test_critics_learn_on_validation_images_and_are_asked_about_test_images(
    monkeypatch: pytest.MonkeyPatch, validation: int
) -> None:
    """Of images that say where they come from: 1 test, 2 validation, 3 samples."""
    asked: list[Sides] = []

    def distances(seen: Sides, held_out: Sides, budget: Critics, **more: Any) -> list[Curve]:
        asked.extend([seen, held_out])
        return [Curve([9], [5.0], [value]) for value in (1.0, 3.0)]

    monkeypatch.setattr(critic_training, "distances", distances)
    context = Context(
        Subject("a"),
        Protocol(critics=QUICK),
        count=40,
        samples=lambda count, seed: ArrayImages(np.full([count, 8, 8, 1], 3, np.uint8)),
        validation=ArrayImages(np.full([validation, 8, 8, 1], 2, np.uint8)) if validation else None,
    )
    measurement = CriticDistance(context)
    for _ in range(2):
        measurement.update(Batch(np.full([20, 8, 8, 1], 1, np.uint8)))
    assert measurement.result() == (-2.0, pytest.approx(np.sqrt(2.0)))
    seen, held_out = asked
    assert (set(seen.real.ravel()), len(seen.real)) == (({2}, 24) if validation else ({1}, 20))
    assert (set(held_out.real.ravel()), len(held_out.real)) == (({1}, 40) if validation else ({1}, 20))
    assert (len(seen.fake), len(held_out.fake)) == ((24, 40) if validation else (20, 20))
    assert set(seen.fake.ravel()) == set(held_out.fake.ravel()) == {3}
    assert measurement.details()["critic_curves"][1] == {"updates": [9], "seen": [5.0], "held_out": [3.0]}


def test_a_critic_has_no_batch_norm_and_gives_one_score_an_image() -> None:
    critic = network((8, 8, 1), 4)
    x = tf.random.stateless_normal([3, 8, 8, 1], [1, 2])
    assert critic(x).shape == (3,)
    np.testing.assert_allclose(critic(x[:1]), critic(x)[:1], rtol=1e-5)


def test_too_few_images_are_refused() -> None:
    with pytest.raises(EvaluationError, match="30 real and 200 fake images are too few for a critic: 2 x 16 each"):
        distance(images(30, 100, 0), images(200, 100, 1))


def test_a_critic_is_given_up_between_updates() -> None:
    steps = iter(range(5))

    def between() -> None:
        if next(steps) == 4:
            raise GivenUpError

    with pytest.raises(GivenUpError):
        distance(images(200, 100, 0), images(200, 100, 1), between=between)
    assert next(steps, None) is None
