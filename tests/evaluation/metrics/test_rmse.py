"""RMSE and PSNR."""

import math

import numpy as np
import pytest
import tensorflow as tf
from helpers.random_features import noise_images

from tfpagan.evaluation.metrics.base import Batch
from tfpagan.evaluation.metrics.rmse import PixelErrors


def test_rmse_is_the_mean_over_images_of_the_norm() -> None:
    x, x_rec = noise_images(30, 0), noise_images(30, 1)
    errors = PixelErrors()
    errors.update(Batch(x_rec[:20], originals=x[:20])), errors.update(Batch(x_rec[20:], originals=x[20:]))
    norms = np.linalg.norm((x / 255.0 - x_rec / 255.0).reshape(30, -1), axis=1)
    result = errors.result()
    assert result.rmse == pytest.approx(norms.mean(), rel=1e-12)
    assert result.rmse_error == pytest.approx(norms.std(ddof=1) / math.sqrt(30), rel=1e-12)
    assert result.psnr == pytest.approx(tf.reduce_mean(tf.image.psnr(x, x_rec, 255)).numpy(), rel=1e-5)


def test_an_exact_reconstruction_has_no_psnr() -> None:
    errors = PixelErrors()
    errors.update(Batch(noise_images(2), originals=noise_images(2)))
    assert errors.result() == (0.0, 0.0, None)
