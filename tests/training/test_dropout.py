"""Dropout in discriminators: which features go, that all ways to compute a step drop the same, on one replica as on two."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from helpers import tiny
from helpers.gradients import assert_same_gradients, compute

from tfpagan import networks
from tfpagan.config import Config
from tfpagan.errors import UserError
from tfpagan.forward.forward_pass import Pass
from tfpagan.forward.noise import Noise
from tfpagan.objectives import ali, dcgan, pagan
from tfpagan.training.gradients import Backward

RATE = 0.4
CONFIG = dataclasses.replace(tiny.CONFIG, disc_dropout=RATE)


def test_a_share_of_the_features_goes_and_the_others_grow_by_as_much() -> None:
    disc = networks.build("disc_x", CONFIG, tiny.SHAPE)
    features = tf.ones([200, 300])
    uniform = np.random.default_rng(0).uniform(size=[200, 300]).astype(np.float32)
    dropped = disc.drop(features, lambda purpose, size: tf.constant(uniform)).numpy()
    np.testing.assert_allclose(dropped, np.where(uniform < RATE, 0.0, 1.0 / 0.6), rtol=1e-6)
    assert dropped.mean() == pytest.approx(1.0, abs=0.01)
    np.testing.assert_array_equal(disc.drop(features, None), features)


def test_the_logits_of_real_and_fake_images_lose_features_of_their_own() -> None:
    built = tiny.build_networks(dcgan.DCGAN(), CONFIG)
    given, p, disc = compute("simultaneous", dcgan.DCGAN(), built, config=CONFIG), tiny.new_pass(built), built["disc_x"]
    kernel, bias = disc.to_logit.normalised_kernel().numpy(), disc.to_logit.bias.numpy()
    masks = []
    for called, x in (("real", p.x), ("fake", p.x_gen)):
        features = disc.features(x).numpy()
        masks.append(p.uniform(f"dropout_disc_x_{called}", features.shape[1]).numpy() >= RATE)
        expected = (features * masks[-1] / (1 - RATE)) @ kernel + bias
        assert float(given.logits[f"disc_x/{called}"]) == pytest.approx(expected.mean(), rel=1e-5)
        assert abs(expected.mean() - float(tf.reduce_mean(disc(x)))) > 1e-3  # it makes a difference
    assert 0.4 < (masks[0] != masks[1]).mean() < 0.56  # 2 x 0.4 x 0.6 of them


@pytest.mark.slow
@pytest.mark.parametrize("pair", ["width", "channels", "siamese"])
def test_every_step_mode_drops_the_same(pair: str) -> None:
    config = dataclasses.replace(CONFIG, pair=pair)
    built = tiny.build_networks(pagan.PAGAN(), config)
    oracle = compute("reference", pagan.PAGAN(), built, config=config)
    for mode in ("simultaneous", "fused"):
        assert_same_gradients(compute(mode, pagan.PAGAN(), built, config=config), oracle)
    built["disc_xx"].dropout = 0.0
    kept = compute("reference", pagan.PAGAN(), built, config=config)
    assert abs(float(kept.losses["disc_xx"] - oracle.losses["disc_xx"])) > 1e-3


def test_a_joint_discriminator_drops_features_of_the_image() -> None:
    built = tiny.build_networks(ali.ALI(), CONFIG)
    p, disc = tiny.new_pass(built), built["disc_xz"]
    here, there = (disc((x, p.z), lambda purpose, size: tf.fill([tiny.N, size], 0.9)) for x in (p.x, tf.reverse(p.x, [0])))
    assert np.abs(here - there).min() > 1e-6
    here, there = (disc((x, p.z), lambda purpose, size: tf.fill([tiny.N, size], 0.1)) for x in (p.x, tf.reverse(p.x, [0])))
    np.testing.assert_array_equal(here, there)


def test_replicas_drop_what_one_would() -> None:
    objective = dcgan.DCGAN()
    built = tiny.build_networks(objective, CONFIG)
    images = tiny.images()
    x = tf.cast(images, tf.float32) / 127.5 - 1.0
    whole = Noise(0, tf.constant(3), tiny.N).uniform("dropout_disc_x_real", built["disc_x"].features(x).shape[1])
    for replica in range(2):
        rows = slice(replica * 3, replica * 3 + 3)
        noise = Noise(0, tf.constant(3), 3, replica=replica, replicas=2)

        def new_pass(rows: slice = rows, noise: Noise = noise) -> Pass:
            return tiny.new_pass(built, x=images[rows], noise=noise, config=CONFIG)

        share = Backward(objective, built, replicas=2).simultaneous(new_pass, ("disc_x",))
        expected = built["disc_x"](x[rows], lambda purpose, size, rows=rows: whole[rows])
        assert float(share.logits["disc_x/real"]) == pytest.approx(float(tf.reduce_mean(expected)) / 2, rel=1e-5)


@pytest.mark.parametrize("objective", ["wgan_gp", "wpagan"])
def test_critics_whose_gradient_is_penalised_have_none(objective: str) -> None:
    with pytest.raises(UserError, match=r"--disc_dropout=0.5 is not legal with --objective=\w+: it must be 0.0"):
        Config().with_changes({"objective": objective, "disc_dropout": 0.5})
