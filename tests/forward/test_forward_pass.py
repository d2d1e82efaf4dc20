"""The pass computes each tensor once; noise is a function of seed, step and name, whoever draws it."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from helpers import tiny

from tfpagan.forward.condition import LIGHTNESS
from tfpagan.forward.forward_pass import Pass
from tfpagan.forward.noise import Noise
from tfpagan.objectives.conditional_age import ConditionalAGE
from tfpagan.objectives.pagan import PAGAN
from tfpagan.settings.sections import NetworkConfig


def noise(step: int = 3, seed: int = 0, batch: int = 6, replica: int = 0, replicas: int = 1) -> Noise:
    return Noise(seed, tf.constant(step), batch, replica=replica, replicas=replicas)


def test_the_same_seed_step_and_name_give_the_same_numbers() -> None:
    np.testing.assert_array_equal(noise().normal("z", 4), noise().normal("z", 4))


def test_seed_step_and_name_each_change_the_numbers() -> None:
    one = noise().normal("z", 4)
    for other in (noise(seed=1).normal("z", 4), noise(step=4).normal("z", 4), noise().normal("z_enc", 4)):
        assert np.abs(one - other).max() > 0.1
        assert abs(np.corrcoef(np.ravel(one), np.ravel(other))[0, 1]) < 0.7


def test_replicas_draw_their_rows_of_the_whole_batch() -> None:
    whole = noise(batch=6).uniform("x_aug", 2)
    parts = [noise(batch=2, replica=r, replicas=3).uniform("x_aug", 2) for r in range(3)]
    np.testing.assert_array_equal(tf.concat(parts, 0), whole)


def test_the_numbers_are_standard_normal_and_uniform() -> None:
    normal, uniform = noise(batch=5000).normal("z", 4).numpy(), noise(batch=5000).uniform("u", 4).numpy()
    assert abs(normal.mean()) < 0.03
    assert abs(normal.std() - 1) < 0.03
    assert abs((normal**4).mean() - 3) < 0.3
    assert abs(np.corrcoef(normal.T) - np.eye(4)).max() < 0.06
    assert uniform.min() >= 0
    assert uniform.max() < 1
    assert abs(uniform.mean() - 0.5) < 0.01


@pytest.mark.parametrize("kind", ["normal", "uniform"])
def test_compiled_and_plain_draws_are_the_same(kind: str) -> None:
    def draw(step: tf.Tensor) -> tf.Tensor:
        return getattr(Noise(0, step, 64), kind)("z", 8)

    compiled = tf.function(draw, jit_compile=True)
    for step in (0, 100_000):  # as an argument, for constants are folded before XLA sees them
        np.testing.assert_allclose(compiled(tf.constant(step)), tf.function(draw)(tf.constant(step)), atol=2e-6)


@pytest.mark.parametrize("replicas", [1, 2])
def test_dequantised_images_are_uniform_within_their_grey_level(replicas: int) -> None:
    levels = np.random.default_rng(0).integers(0, 256, [64, 8, 8, 3])
    x = tf.constant(levels / 127.5 - 1.0, tf.float32)
    whole = Pass({}, x, noise(batch=64), lambda x, _: x, NetworkConfig(), dequantise=True).x.numpy()
    inside = (whole + 1.0) * 127.5 - levels
    assert -0.5001 < inside.min() < -0.499
    assert 0.499 < inside.max() < 0.5001
    assert abs(inside.mean()) < 0.01
    assert abs(inside.var() - 1 / 12) < 0.002
    for replica in range(replicas):
        own = slice(replica * 64 // replicas, (replica + 1) * 64 // replicas)
        drawn = noise(batch=64 // replicas, replica=replica, replicas=replicas)
        np.testing.assert_array_equal(Pass({}, x[own], drawn, lambda x, _: x, NetworkConfig(), dequantise=True).x, whole[own])
    np.testing.assert_array_equal(Pass({}, x, noise(batch=64), lambda x, _: x, NetworkConfig()).x, x)


class Counting:
    """Stands for a network and counts its calls."""

    flow = None

    def __init__(self, network: tf.keras.Model):
        self.network, self.calls = network, 0

    def __call__(self, x: tf.Tensor, training: bool) -> tf.Tensor:
        assert training
        self.calls += 1
        return self.network(x, training=training)


def counted_pass(config: NetworkConfig = tiny.CONFIG) -> tuple[Pass, dict[str, Counting]]:
    counted = {role: Counting(network) for role, network in tiny.build_networks(PAGAN(), config).items()}
    return tiny.new_pass(counted, config=config), counted  # type: ignore[arg-type]


def test_every_tensor_is_computed_once_and_only_if_read() -> None:
    p, counted = counted_pass()
    assert {c.calls for c in counted.values()} == {0}
    for _ in range(3):
        assert p.x_gen.shape == p.x_rec.shape == p.x_aug.shape == p.x.shape
    assert (counted["generator"].calls, counted["encoder"].calls) == (2, 1)  # G(z), G(E(x)); E(x)
    assert p.z_rec.shape == p.z_enc.shape == p.z.shape
    assert (counted["generator"].calls, counted["encoder"].calls) == (2, 2)


def test_samples_and_reconstructions_share_batch_statistics_where_that_is_asked_for() -> None:
    config = dataclasses.replace(tiny.CONFIG, joint_batch_norm=True)
    p, counted = counted_pass(config)
    assert p.x_gen.shape == p.x_rec.shape == p.x.shape
    assert (counted["generator"].calls, counted["encoder"].calls) == (1, 1)
    generator = counted["generator"].network
    np.testing.assert_allclose(
        tf.concat([p.x_gen, p.x_rec], 0), generator(tf.concat([p.z, p.z_enc], 0), training=True), atol=1e-6
    )
    assert np.abs(p.x_gen - generator(p.z, training=True)).max() > 1e-4
    alone = tiny.new_pass({"generator": generator}, config=config)  # there is no encoder
    np.testing.assert_allclose(alone.x_gen, generator(p.z, training=True), atol=1e-6)


def test_colours_of_samples_and_reconstructions_come_from_the_same_images() -> None:
    config = dataclasses.replace(tiny.CONFIG, joint_batch_norm=True, posterior="sphere")
    built = tiny.build_networks(ConditionalAGE(), config)
    p = tiny.new_pass(built, config=config, condition=LIGHTNESS)
    for made in (p.x_gen, p.x_rec):
        np.testing.assert_allclose(made[..., 0], p.x[..., 0], atol=1e-6)


def test_the_code_is_mean_plus_deviation_times_noise() -> None:
    built = tiny.build_networks(PAGAN())
    p = tiny.new_pass(built)
    mean, log_variance = (t.numpy() for t in p.code)
    drawn = Noise(0, tf.constant(3), tiny.N).normal("z_enc", tiny.Z).numpy()
    np.testing.assert_allclose(p.z_enc, mean + np.exp(log_variance / 2) * drawn, rtol=1e-5, atol=1e-6)


def test_the_statistics_of_codes_are_mean_square_and_variance_per_sample() -> None:
    p, _ = counted_pass()
    assert p.statistics() == {}
    mean, log_variance = (t.numpy() for t in p.code)
    np.testing.assert_allclose(p.statistics()["mean_square"], (mean**2).mean(1), rtol=1e-5)
    np.testing.assert_allclose(p.statistics()["variance"], np.exp(log_variance).mean(1), rtol=1e-5)
