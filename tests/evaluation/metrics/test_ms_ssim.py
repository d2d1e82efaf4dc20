"""MS-SSIM of images of any size, and the diversity of samples."""

import numpy as np
import pytest
import tensorflow as tf
from helpers.random_features import RANDOM, noise_images

from tfpagan.evaluation.errors import EvaluationError
from tfpagan.evaluation.metrics.base import Batch
from tfpagan.evaluation.metrics.ms_ssim import Diversity, ms_ssim


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


def test_images_smaller_than_the_filter_are_refused() -> None:
    with pytest.raises(EvaluationError, match="at least 11 px; these are 8 x 8"):
        ms_ssim(np.zeros([2, 8, 8, 1], np.uint8), np.zeros([2, 8, 8, 1], np.uint8))
