"""MS-SSIM of images of any size, and the diversity of samples."""

import numpy as np
import pytest
import tensorflow as tf
from helpers.random_features import RANDOM, noise_images

from tfpagan.evaluation.errors import EvaluationError
from tfpagan.evaluation.images import ArrayImages
from tfpagan.evaluation.metrics.base import Batch, Context
from tfpagan.evaluation.metrics.ms_ssim import MSSSIM, Diversity, ms_ssim
from tfpagan.evaluation.protocols import Protocol
from tfpagan.evaluation.subjects import Subject


def test_ms_ssim_of_small_images_has_fewer_scales_with_weights_that_sum_to_one() -> None:
    x, y = noise_images(3, 0)[:, :, :, :1].repeat(4, 1).repeat(4, 2), noise_images(3, 1)[:, :, :, :1].repeat(4, 1).repeat(4, 2)
    assert x.shape[1] == 48  # three scales: 48, 24, 12
    weights = np.array([0.0448, 0.2856, 0.3001]) / (0.0448 + 0.2856 + 0.3001)
    expected = tf.image.ssim_multiscale(x, y, 255, weights.tolist())
    np.testing.assert_allclose(ms_ssim(x, y), expected, rtol=1e-6)
    np.testing.assert_allclose(ms_ssim(x, x), 1.0, rtol=1e-6)


def diversity(x: np.ndarray, batch: int, **options: int) -> tuple[float | None, ...]:
    d = Diversity(len(x), **options)
    for i in range(0, len(x), batch):
        d.update(Batch(x[i : i + batch]))
    return d.result()


def test_diversity_is_zero_for_one_image_and_grows_with_noise() -> None:
    x = noise_images(1).repeat(40, 0)
    assert diversity(x, 7)[0] == pytest.approx(0.0, abs=1e-6)
    noise = RANDOM(1).normal(size=x.shape)
    values = [diversity(np.clip(x + s * noise, 0, 255).astype(np.uint8), 7)[0] for s in (5, 20, 80)]
    assert values == sorted(values)
    assert values[0] > 1e-3
    assert diversity(noise_images(40), 7, pairs=10) == diversity(noise_images(40), 40, pairs=10)


def test_real_images_are_a_baseline_and_with_noise_they_have_too_much_diversity() -> None:
    """One image 40 times has no diversity; with noise it has some, the same as by hand."""
    x = np.full([40, 32, 32, 1], 128, np.uint8)
    context = Context(
        Subject("a"), Protocol(seed=3), 40, lambda count, seed: ArrayImages(x), test=ArrayImages(x), batch_size=40
    )
    measurement = MSSSIM().start(context)
    measurement.update(Batch(x))
    value, error, real, real_error, noisy = measurement.result()
    assert value == error == real == real_error == pytest.approx(0.0, abs=1e-6)
    by_hand = np.rint(x + np.random.default_rng(3).normal(0.0, 25.5, x.shape)).astype(np.uint8)  # 5 deviations from 0 and 255
    found = Diversity(40, seed=3)
    found.update(Batch(by_hand))
    assert noisy == pytest.approx(found.result()[0])
    assert 0.5 < noisy < 1.1
    assert [key.name for key in MSSSIM().keys(True)][-1] == "ms_ssim_diversity_noisy"


def test_images_smaller_than_the_filter_are_refused() -> None:
    with pytest.raises(EvaluationError, match="at least 11 px; these are 8 x 8"):
        ms_ssim(np.zeros([2, 8, 8, 1], np.uint8), np.zeros([2, 8, 8, 1], np.uint8))
