"""The kernel distance against tf-gan's, and by hand."""

import numpy as np
import pytest
import tensorflow as tf
from helpers.random_features import RANDOM, gaussians

from tfpagan.evaluation.errors import EvaluationError
from tfpagan.evaluation.metrics.kid import kernel_distance, unbiased_squared_mmd
from tfpagan.evaluation.tf_gan import classifier_metrics as tfgan


@pytest.mark.parametrize(("n", "m", "block"), [(1000, 1000, 250), (1003, 997, 256), (90, 60, 1000)])
def test_kernel_distance_and_its_error_are_tf_gans(n: int, m: int, block: int) -> None:
    a, b = gaussians(n, m, 12)
    expected, error = tfgan.kernel_classifier_distance_and_std_from_activations(tf.constant(a), tf.constant(b), block)
    distance, own_error = kernel_distance(a, b, block_size=block)
    assert distance == pytest.approx(float(expected), rel=1e-9)
    assert own_error is None if n <= block else own_error == pytest.approx(float(error), rel=1e-7)


def test_squared_mmd_of_two_and_two_by_hand() -> None:
    """x = 0, 2 and y = 1, 3 in one dimension: k = (ab + 1)^3 gives 1 (xx), 64 (yy), and 1, 1, 27, 343 (xy)."""
    value = unbiased_squared_mmd(np.array([[0.0], [2.0]]), np.array([[1.0], [3.0]]))
    assert value == pytest.approx(1 + 64 - 2 * (1 + 1 + 27 + 343) / 4)


def test_kernel_distance_of_one_distribution_is_zero_within_its_error() -> None:
    a, b = RANDOM(0).normal(size=[4000, 8]), RANDOM(1).normal(size=[4000, 8])
    distance, error = kernel_distance(a, b, block_size=400)
    assert error is not None
    assert abs(distance) < 4 * error
    assert kernel_distance(a, b + 0.5, block_size=400)[0] > 10 * error


def test_too_few_images_for_the_blocks_are_refused() -> None:
    with pytest.raises(EvaluationError, match=r"2000 real and 3 fake images cannot make 2 block\(s\)"):
        kernel_distance(np.zeros([2000, 2]), np.zeros([3, 2]))
