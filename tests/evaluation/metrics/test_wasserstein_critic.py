"""The independent critic: its penalty by hand, and distances that grow with the distance."""

import numpy as np
import pytest
import tensorflow as tf

from tfpagan.evaluation.errors import EvaluationError, GivenUpError
from tfpagan.evaluation.metrics.critic_training import gradient_penalty, negative_distance, network
from tfpagan.evaluation.metrics.wasserstein_critic import Critics

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


@pytest.mark.slow
def test_distances_grow_with_the_distance_and_the_same_seed_repeats_them() -> None:
    real = images(200, 100, 0)
    near, far = (negative_distance(real, images(200, b, 1), QUICK)[0] for b in (100, 200))
    assert far < near
    assert abs(near) < 0.1 * abs(far)
    assert negative_distance(real, images(200, 200, 1), QUICK) == pytest.approx(
        negative_distance(real, images(200, 200, 1), QUICK), rel=1e-4
    )


def test_a_critic_has_no_batch_norm_and_gives_one_score_an_image() -> None:
    critic = network((8, 8, 1), 4)
    x = tf.random.stateless_normal([3, 8, 8, 1], [1, 2])
    assert critic(x).shape == (3,)
    np.testing.assert_allclose(critic(x[:1]), critic(x)[:1], rtol=1e-5)


def test_too_few_images_are_refused() -> None:
    with pytest.raises(EvaluationError, match="30 real and 200 fake images are too few for a critic: 2 x 16 each"):
        negative_distance(images(30, 100, 0), images(200, 100, 1), QUICK)


def test_a_critic_is_given_up_between_updates() -> None:
    steps = iter(range(5))

    def between() -> None:
        if next(steps) == 4:
            raise GivenUpError

    with pytest.raises(GivenUpError):
        negative_distance(images(200, 100, 0), images(200, 100, 1), QUICK, between=between)
    assert next(steps, None) is None
