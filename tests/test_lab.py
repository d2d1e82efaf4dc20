"""Lab against values of the standard, and there and back."""

import numpy as np
import pytest
import tensorflow as tf

from tfpagan import images


def lab(*rgb: int) -> np.ndarray:
    """L, a, b of a colour of 8 bits, unscaled."""
    x = tf.constant([[[rgb]]], tf.float32) / 127.5 - 1.0
    lightness, a, b = images.to_lab(x).numpy()[0, 0, 0]
    return np.array([50.0 * (lightness + 1.0), 110.0 * a, 110.0 * b])


@pytest.mark.parametrize(
    ("rgb", "expected"),  # the primaries of sRGB as colour tables give them
    [
        ((255, 255, 255), (100.0, 0.0, 0.0)),
        ((0, 0, 0), (0.0, 0.0, 0.0)),
        ((255, 0, 0), (53.24, 80.09, 67.20)),
        ((0, 255, 0), (87.73, -86.18, 83.18)),
        ((0, 0, 255), (32.30, 79.19, -107.86)),
        ((128, 128, 128), (53.59, 0.0, 0.0)),
    ],
)
def test_known_colours(rgb: tuple[int, int, int], expected: tuple[float, float, float]) -> None:
    np.testing.assert_allclose(lab(*rgb), expected, atol=0.03)


def test_there_and_back_is_the_same_image() -> None:
    x = np.random.default_rng(0).integers(0, 256, [4, 8, 8, 3]).astype(np.float32) / 127.5 - 1.0
    made = images.to_lab(tf.constant(x))
    assert np.abs(made).max() <= 1.0
    np.testing.assert_allclose(images.to_rgb(made), x, atol=2e-3)  # a quarter of a grey level


def test_lightness_alone_decides_what_a_grey_image_is() -> None:
    x = np.random.default_rng(0).uniform(-1, 1, [2, 4, 4, 3]).astype(np.float32)
    full = images.to_lab(tf.constant(x))
    grey = images.to_rgb(tf.concat([images.lightness(full), tf.zeros_like(images.colour(full))], -1))
    np.testing.assert_allclose(grey[..., 0], grey[..., 1], atol=1e-3)
    np.testing.assert_allclose(images.lightness(images.to_lab(grey)), images.lightness(full), atol=1e-3)


def test_gradients_are_finite_at_black_and_white() -> None:
    for image in (-tf.ones([1, 2, 2, 3]), tf.ones([1, 2, 2, 3]), tf.zeros([1, 2, 2, 3])):
        for function in (images.to_lab, images.to_rgb):
            with tf.GradientTape() as tape:
                tape.watch(image)
                made = function(image)
            assert np.isfinite(tape.gradient(made, image)).all()
