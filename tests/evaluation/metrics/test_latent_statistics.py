"""Statistics of codes by hand, and what a collapsed encoder looks like."""

import numpy as np
import pytest
from helpers.random_features import RANDOM

from tfpagan.evaluation.images import ArrayImages
from tfpagan.evaluation.metrics.base import Batch, Context
from tfpagan.evaluation.metrics.latent_statistics import CodeMoments, LatentStatistics, Statistics
from tfpagan.evaluation.protocols import Protocol
from tfpagan.evaluation.subjects import Subject


def statistics(mean: np.ndarray, log_variance: np.ndarray) -> Statistics:
    p = CodeMoments()
    p.update(mean[:10], log_variance[:10]), p.update(mean[10:], log_variance[10:])
    return p.result()


@pytest.mark.parametrize(("shown", "encoded"), [(0, [4]), (4, [4]), (9, [4, 3, 2]), (50, [4, 3, 3, 1])])
def test_pictures_show_codes_of_training_images_too_and_numbers_do_not(shown: int, encoded: list[int]) -> None:
    """Four test images of brightness 0, and seven training images of 255, in batches of three; the code is the brightness."""
    batches: list[int] = []

    def encode(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        batches.append(len(x))
        return x.mean((1, 2)), np.zeros([len(x), 1])

    subject = Subject("a", encode=encode, decode=lambda z: np.zeros([len(z), 2, 2, 1]))
    training = ArrayImages(np.full([7, 2, 2, 1], 255, np.uint8))
    context = Context(subject, Protocol(shown_codes=shown), 4, lambda count, seed: training, training=training, batch_size=3)
    measurement = LatentStatistics().start(context)
    measurement.update(Batch(np.zeros([4, 2, 2, 1], np.uint8)))
    del batches[1:]  # the second was of samples
    before = measurement.result()
    assert before[1] == 1.0  # brightness 0 is -1
    means = measurement.arrays()["code_means"]
    assert batches == encoded
    of_training = sum(encoded[1:])
    np.testing.assert_allclose(means, [(of_training - 4) / (of_training + 4)])


def test_a_collapsed_encoder_is_told_from_one_that_encodes() -> None:
    means = RANDOM(0).normal(size=[20_000, 4])
    good, collapsed = statistics(means, np.full(means.shape, -20.0)), statistics(0 * means, 0 * means)
    assert good.latent_variance_of_means == pytest.approx(1.0, rel=0.03)
    assert good.latent_mean_of_variances == pytest.approx(0.0, abs=1e-6)
    assert good.latent_covariance_rms < 0.03
    assert (collapsed.latent_variance_of_means, collapsed.latent_mean_of_variances) == (0.0, 1.0)


def test_they_are_these_by_hand() -> None:
    mean = np.array([[1.0, 2.0], [3.0, 2.0]] * 10)
    p = CodeMoments()
    p.update(mean, np.log([[4.0, 2.0]]).repeat(20, 0))
    p.update_cycle(np.zeros([3, 2]), np.full([3, 2], 2.0))
    result = p.result()
    assert result.latent_mean_rms == pytest.approx(2.0)  # both dimensions have mean 2
    assert result.latent_mean_max == pytest.approx(2.0)
    assert result.latent_variance_of_means == pytest.approx((20 / 19) / 2)
    assert result.latent_mean_of_variances == pytest.approx(3.0)
    assert result.latent_cycle_rmse == pytest.approx(2.0)
    assert p.per_dimension()["mean_of_variances"] == pytest.approx([4.0, 2.0])
    np.testing.assert_allclose(p.of_means()["code_means"], [2.0, 2.0])
    np.testing.assert_allclose(p.of_means()["code_covariance"], [[20 / 19, 0.0], [0.0, 0.0]], atol=1e-12)
