"""The Frechet distance against tf-gan's, by hand, and at its edges."""

import math

import numpy as np
import pytest
import tensorflow as tf
from helpers.random_features import RANDOM, gaussians, moments

from tfpagan.evaluation.errors import EvaluationError
from tfpagan.evaluation.metrics.fid import frechet_distance
from tfpagan.evaluation.statistics import Moments
from tfpagan.evaluation.tf_gan import classifier_metrics as tfgan


@pytest.mark.parametrize(("n", "m", "dimensions"), [(500, 400, 16), (2000, 3000, 128), (300, 250, 1)])
def test_frechet_distance_is_tf_gans(n: int, m: int, dimensions: int) -> None:
    a, b = gaussians(n, m, dimensions)
    expected = float(tfgan.frechet_classifier_distance_from_activations(tf.constant(a), tf.constant(b)))
    assert frechet_distance(moments(a), moments(b)) == pytest.approx(expected, rel=1e-7)


def test_frechet_distance_of_diagonal_gaussians_is_the_hand_worked_one() -> None:
    """N((0, 0), diag(1, 4)) and N((3, 4), diag(9, 16)): 25 + (1 - 3)^2 + (2 - 4)^2 = 33."""
    a = Moments.of(np.zeros(2), np.diag([1.0, 4.0]), 1000)
    b = Moments.of(np.array([3.0, 4.0]), np.diag([9.0, 16.0]), 1000)
    assert frechet_distance(a, b) == pytest.approx(33.0, rel=1e-12)


@pytest.mark.parametrize("n", [2, 10, 200])
def test_fewer_images_than_dimensions(n: int) -> None:
    """Singular covariances: the trace term against singular values of the centred data, which need no square root."""
    a, b = gaussians(n, 3 * n, 64)
    first, second = (x - x.mean(0) for x in (a, b))
    scale = math.sqrt((len(a) - 1) * (len(b) - 1))
    shared = np.linalg.svd(first @ second.T, compute_uv=False).sum() / scale
    means = np.square(a.mean(0) - b.mean(0)).sum()
    expected = means + np.trace(np.cov(a.T)) + np.trace(np.cov(b.T)) - 2 * shared
    assert frechet_distance(moments(a), moments(b)) == pytest.approx(expected, rel=1e-9)
    assert frechet_distance(moments(b), moments(a)) == pytest.approx(expected, rel=1e-9)
    assert frechet_distance(moments(a), moments(a)) == pytest.approx(0.0, abs=1e-9)


def test_frechet_distance_to_itself_is_zero_and_grows_with_noise() -> None:
    a, _ = gaussians(2000, 2, 32)
    assert frechet_distance(moments(a), moments(a)) == pytest.approx(0.0, abs=1e-10)
    noise = RANDOM(1).normal(size=a.shape)
    distances = [frechet_distance(moments(a), moments(a + s * noise)) for s in (0.0, 0.1, 0.3, 1.0, 3.0)]
    assert distances == sorted(distances)
    assert distances[1] > 1e-4


def test_collapsed_features_have_a_distance() -> None:
    same, spread = np.ones([50, 8]), RANDOM(0).normal(size=[50, 8])
    assert frechet_distance(moments(same), moments(same)) == 0.0
    expected = np.square(1 - spread.mean(0)).sum() + np.trace(np.cov(spread.T))
    assert frechet_distance(moments(same), moments(spread)) == pytest.approx(expected, rel=1e-12)


def test_features_of_different_classifiers_are_not_compared() -> None:
    with pytest.raises(EvaluationError, match="of 3 and 4 dimensions"):
        frechet_distance(moments(RANDOM(0).normal(size=[9, 3])), moments(RANDOM(0).normal(size=[10, 4])))
