"""The augmentations a(x) against numpy, and the claims of the paper's appendix B about them."""

import numpy as np
import pytest
import tensorflow as tf
from helpers.reference import gaussian_blur, pad_crop

from tfpagan.forward import augment
from tfpagan.settings.sections import AugmentationConfig

N = 5


@pytest.fixture
def x() -> np.ndarray:
    return np.random.default_rng(0).uniform(-1, 1, [N, 32, 32, 3]).astype(np.float32)


@pytest.fixture
def noise() -> np.ndarray:
    return np.random.default_rng(1).uniform(0, 1, [N, augment.UNIFORMS]).astype(np.float32)


@pytest.mark.parametrize(("fraction", "border"), [(0.1, 3), (0.2, 6), (0.0, 0), (0.5, 16)])
def test_pad_crop_is_numpys_reflect_pad_and_a_crop(x: np.ndarray, noise: np.ndarray, fraction: float, border: int) -> None:
    begin = np.floor(noise * (2 * border + 1)).astype(int)
    expected = pad_crop(x, border, begin[:, 0], begin[:, 1])
    np.testing.assert_array_equal(augment.pad_crop(x, noise, fraction), expected)


def test_pad_crop_shifts_by_every_whole_pixel_up_to_the_border_equally_often() -> None:
    ramp = np.tile(np.arange(32, dtype=np.float32)[None, :, None, None], [7000, 1, 32, 1])  # value = row
    noise = np.random.default_rng(2).uniform(0, 1, [7000, 2]).astype(np.float32)
    shifts = augment.pad_crop(ramp, noise, 0.1).numpy()[:, 16, 0, 0] - 16
    values, counts = np.unique(shifts, return_counts=True)
    np.testing.assert_array_equal(values, [-3, -2, -1, 0, 1, 2, 3])
    assert abs(counts - 1000).max() < 5 * np.sqrt(1000)  # five standard deviations


def test_pad_crop_reflects_without_repeating_the_edge() -> None:
    row = np.arange(8, dtype=np.float32)
    x = np.tile(row[None, None, :, None], [1, 8, 1, 1])
    left = augment.pad_crop(x, np.array([[0.5, 0.0]], np.float32), 2 / 8)  # no vertical shift, 2 px to the left border
    np.testing.assert_array_equal(left[0, 0, :, 0], [2, 1, 0, 1, 2, 3, 4, 5])


def test_blur_draws_one_of_the_sigmas_for_each_image(x: np.ndarray) -> None:
    levels = [0, 3, 7, 11, 15]
    noise = np.array([[(level + 0.5) / 16, 0.9] for level in levels], np.float32)
    blurred = augment.blur(x, noise, 0.5, 2.0).numpy()
    for image, result, level in zip(x, blurred, levels, strict=True):
        expected = gaussian_blur(image, 0.5 + 1.5 * level / 15, size=13)
        np.testing.assert_allclose(result, expected, atol=2e-6)


def test_blur_is_traced_once(x: np.ndarray, caplog: pytest.LogCaptureFixture) -> None:
    traced = tf.function(lambda x, noise: augment.blur(x, noise, 0.5, 2.0))
    assert traced(tf.constant(x), tf.zeros([N, 2])).shape == x.shape
    assert "retracing" not in caplog.text


@pytest.mark.parametrize(("size", "sigma"), [(1, 0.5), (3, 0.5), (13, 2.0), (31, 7.0)])
def test_the_gaussian_filter_is_tensorflow_addons(size: int, sigma: float) -> None:
    addons = pytest.importorskip("tensorflow_addons", reason="ends with TensorFlow 2.15")
    x = np.random.default_rng(size).uniform(-1, 1, [3, 17, 16, 3]).astype(np.float32)
    np.testing.assert_allclose(
        augment.gaussian_filter(x, size, sigma), addons.image.gaussian_filter2d(x, size, sigma), atol=1e-6
    )


def test_blur_fits_the_smallest_images() -> None:
    tiny = np.ones([2, 8, 8, 1], np.float32) * 0.25
    np.testing.assert_allclose(augment.blur(tiny, np.zeros([2, 2], np.float32), 0.5, 5.0), tiny, rtol=1e-6)


def test_contrast_scales_the_distance_from_each_channels_mean(x: np.ndarray, noise: np.ndarray) -> None:
    factor = 0.5 + noise[:, 0].astype(np.float64)
    mean = x.astype(np.float64).mean((1, 2), keepdims=True)
    expected = np.clip(mean + factor[:, None, None, None] * (x - mean), -1, 1)
    np.testing.assert_allclose(augment.contrast(x, noise, 0.5, 1.5), expected, atol=1e-6)
    assert (np.abs(expected) == 1).any()  # the clip was needed


@pytest.mark.parametrize("name", ["pad_crop", "blur", "contrast", "none"])
def test_every_augmentation_is_per_sample_and_keeps_shape_and_range(name: str, x: np.ndarray, noise: np.ndarray) -> None:
    a = augment.build(AugmentationConfig(augmentation=name))
    together = a(tf.constant(x), tf.constant(noise)).numpy()
    assert together.shape == x.shape
    assert np.abs(together).max() <= 1.0
    alone = a(tf.constant(x[2:3]), tf.constant(noise[2:3])).numpy()
    np.testing.assert_allclose(together[2:3], alone, atol=1e-6)


@pytest.mark.parametrize("name", ["pad_crop", "blur", "contrast"])
def test_every_augmentation_but_none_is_stochastic(name: str, x: np.ndarray) -> None:
    a = augment.build(AugmentationConfig(augmentation=name))
    low, high = a(x, np.full([N, 2], 0.05, np.float32)), a(x, np.full([N, 2], 0.95, np.float32))
    assert np.abs(low - high).max((1, 2, 3)).min() > 0.05


def test_none_gives_the_image_itself(x: np.ndarray, noise: np.ndarray) -> None:
    np.testing.assert_array_equal(augment.build(AugmentationConfig(augmentation="none"))(x, noise), x)
