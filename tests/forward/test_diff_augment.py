"""Differentiable augmentation: operations against numpy, pairs alike, real and fake differently, the same in all step modes."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from helpers import tiny
from helpers.gradients import assert_same_gradients, compute

from tfpagan import networks
from tfpagan.config import Config
from tfpagan.errors import UserError
from tfpagan.forward import diff_augment
from tfpagan.objectives import ali, pagan
from tfpagan.settings.sections import DISC_AUGMENTATIONS

RANDOM = np.random.default_rng(0)
X = RANDOM.uniform(-1.0, 1.0, [5, 16, 16, 3]).astype(np.float32)
CONFIG = dataclasses.replace(tiny.CONFIG, disc_augmentation="color,translation,cutout")


def numbers(*columns: float) -> tf.Tensor:
    return tf.constant([columns] * len(X), tf.float32)


def test_colours_in_the_middle_of_their_ranges_stay_and_elsewhere_follow_the_formula() -> None:
    np.testing.assert_allclose(diff_augment.color(X, numbers(0.5, 0.5, 0.5)), X, atol=1e-6)
    brighter = X + 0.25
    grey = brighter.mean(3, keepdims=True)
    saturated = grey + 0.4 * (brighter - grey)
    mean = saturated.mean((1, 2, 3), keepdims=True)
    np.testing.assert_allclose(diff_augment.color(X, numbers(0.75, 0.2, 0.9)), mean + 1.4 * (saturated - mean), atol=1e-6)


@pytest.mark.parametrize(("down", "right"), [(0.0, 0.5), (0.5, 0.99), (0.99, 0.0), (0.7, 0.3)])
def test_translation_moves_by_up_to_an_eighth_and_fills_with_grey(down: float, right: float) -> None:
    dy, dx = (int(np.floor(u * 5)) - 2 for u in (down, right))  # 16 px: -2 to 2
    expected, padded = np.zeros_like(X), np.pad(X, ((0, 0), (2, 2), (2, 2), (0, 0)))
    expected[:] = padded[:, 2 + dy : 18 + dy, 2 + dx : 18 + dx]
    np.testing.assert_array_equal(diff_augment.translation(X, numbers(down, right)), expected)


def test_cutout_is_a_square_of_half_the_size_which_may_hang_over_the_edge() -> None:
    ones = np.ones_like(X)
    middle = 1.0 - diff_augment.cutout(ones, numbers(0.5, 0.5)).numpy()[0, :, :, 0]
    assert middle[4:12, 4:12].all()
    assert middle.sum() == 64
    corner = 1.0 - diff_augment.cutout(ones, numbers(0.0, 0.0)).numpy()[0, :, :, 0]
    assert corner[:4, :4].all()
    assert corner.sum() == 16
    far = 1.0 - diff_augment.cutout(ones, numbers(0.999, 0.999)).numpy()[0, :, :, 0]
    assert far[12:, 12:].all()
    assert far.sum() == 16


@pytest.mark.parametrize("policy", DISC_AUGMENTATIONS)
def test_every_policy_takes_its_numbers_per_image_and_passes_gradients_on(policy: str) -> None:
    uniform = tf.constant(RANDOM.uniform(size=[5, diff_augment.size(policy)]), tf.float32)
    x = tf.constant(X)
    with tf.GradientTape() as tape:
        tape.watch(x)
        out = diff_augment.augment(x, uniform, policy)
    assert out.shape == X.shape
    assert float(tf.norm(tape.gradient(out, x))) > 1.0
    alone = [diff_augment.augment(X[i : i + 1], uniform[i : i + 1], policy) for i in range(5)]
    np.testing.assert_allclose(tf.concat(alone, 0), out, atol=1e-6)
    assert (policy == "none") == np.array_equal(out, X)


@pytest.mark.parametrize("pair", ["width", "channels", "siamese"])
def test_the_two_images_of_a_pair_are_augmented_alike(pair: str) -> None:
    disc = networks.build("disc_xx", dataclasses.replace(CONFIG, pair=pair), tiny.SHAPE)
    a, b = disc.augmented((tiny.new_pass({}).x,) * 2, lambda purpose, size: tf.random.uniform([tiny.N, size]))
    np.testing.assert_array_equal(a, b)
    assert np.abs(a - tiny.new_pass({}).x).max() > 0.1


@pytest.mark.slow
def test_every_step_mode_augments_the_same_and_real_and_fake_by_numbers_of_their_own() -> None:
    built = tiny.build_networks(pagan.PAGAN(), CONFIG)
    oracle = compute("reference", pagan.PAGAN(), built, config=CONFIG)
    for mode in ("simultaneous", "fused"):
        assert_same_gradients(compute(mode, pagan.PAGAN(), built, config=CONFIG), oracle)
    p, disc = tiny.new_pass(built), built["disc_x"]
    for name, x in (("real", p.x), ("fake", p.x_gen)):
        seen = diff_augment.augment(x, p.uniform(f"augmentation_disc_x_{name}", 7), CONFIG.disc_augmentation)
        assert float(oracle.logits[f"disc_x/{name}"]) == pytest.approx(float(tf.reduce_mean(disc(seen))), rel=1e-4)
        assert np.abs(disc(seen) - disc(x)).max() > 1e-4


def test_a_joint_discriminator_sees_augmented_images() -> None:
    built = tiny.build_networks(ali.ALI(), CONFIG)
    p, disc = tiny.new_pass(built), built["disc_xz"]
    uniform = RANDOM.uniform(size=[tiny.N, 7]).astype(np.float32)
    seen = diff_augment.augment(p.x, tf.constant(uniform), CONFIG.disc_augmentation)
    np.testing.assert_allclose(disc((p.x, p.z), lambda purpose, size: tf.constant(uniform)), disc((seen, p.z)), rtol=1e-5)


@pytest.mark.parametrize("objective", ["wgan_gp", "wpagan"])
def test_critics_whose_gradient_is_penalised_see_images_as_they_are(objective: str) -> None:
    with pytest.raises(UserError, match=r"--disc_augmentation=color is not legal with --objective=\w+: it must be none"):
        Config().with_changes({"objective": objective, "disc_augmentation": "color"})
