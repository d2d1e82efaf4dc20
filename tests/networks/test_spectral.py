"""Spectral normalisation against numpy's SVD, finite differences, replicas and checkpoints (Miyato et al., 2018)."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from helpers import reference

from tfpagan import networks
from tfpagan.networks.blocks import SpectralConv, SpectralDense, spectral_layers
from tfpagan.networks.initializers import Initializers
from tfpagan.settings.sections import NetworkConfig

INIT = Initializers(seed=3, path="net/layer")


def dense(inputs: int = 6, units: int = 4) -> SpectralDense:
    layer = SpectralDense(units, INIT)
    layer.build(tf.TensorShape([None, inputs]))
    return layer


def conv() -> SpectralConv:
    layer = SpectralConv(5, 3, 1, INIT)
    layer.build(tf.TensorShape([None, 8, 8, 2]))
    return layer


@pytest.mark.parametrize("make", [dense, conv])
def test_sigma_becomes_numpys_largest_singular_value(make) -> None:  # type: ignore[no-untyped-def]
    layer = make()
    for _ in range(200):
        layer.power_iteration()
    expected = reference.largest_singular_value(layer.kernel.numpy())
    assert float(layer.sigma()) == pytest.approx(expected, rel=1e-5)
    assert reference.largest_singular_value(layer.normalised_kernel().numpy()) == pytest.approx(1.0, rel=1e-5)


@pytest.mark.parametrize("make", [dense, conv])
def test_one_power_iteration_is_algorithm_1(make) -> None:  # type: ignore[no-untyped-def]
    layer = make()
    u, v = reference.power_iteration(layer.kernel.numpy(), layer.u.numpy())
    layer.power_iteration()
    np.testing.assert_allclose(layer.u, u, atol=1e-6)
    np.testing.assert_allclose(layer.v, v, atol=1e-6)
    sigma = v @ layer.kernel.numpy().reshape(-1, len(u)) @ u
    np.testing.assert_allclose(layer.sigma(), sigma, rtol=1e-6)


def test_a_call_changes_neither_kernel_nor_directions() -> None:
    layer = conv()
    before = [v.numpy() for v in layer.variables]
    layer(tf.ones([2, 8, 8, 2]))
    for variable, value in zip(layer.variables, before, strict=True):
        np.testing.assert_array_equal(variable, value)


def test_the_call_divides_the_kernel_and_not_the_bias_by_sigma() -> None:
    layer = dense()
    layer.bias.assign([1.0, 2.0, 3.0, 4.0])
    x = np.random.default_rng(0).normal(size=[3, 6])
    expected = x @ (layer.kernel.numpy() / float(layer.sigma())) + [1.0, 2.0, 3.0, 4.0]
    np.testing.assert_allclose(layer(tf.constant(x, tf.float32)), expected, rtol=1e-5)


def test_the_gradient_is_that_of_w_over_sigma_with_u_and_v_constant() -> None:
    """Central differences in float64 of f(W) = sum(C * W / (v' W u)), so the 1 / sigma and the projection both count."""
    layer = dense()
    u, v, kernel = (a.numpy().astype(np.float64) for a in (layer.u, layer.v, layer.kernel))
    weights = np.random.default_rng(1).normal(size=kernel.shape)
    with tf.GradientTape() as tape:
        value = tf.reduce_sum(weights.astype(np.float32) * layer.normalised_kernel())
    gradient = tape.gradient(value, layer.kernel).numpy()
    expected = np.zeros_like(kernel)
    for i in np.ndindex(*kernel.shape):
        step = np.zeros_like(kernel)
        step[i] = 1e-6
        above, below = ((weights * w / (v @ w @ u)).sum() for w in (kernel + step, kernel - step))
        expected[i] = (above - below) / 2e-6
    np.testing.assert_allclose(gradient, expected, rtol=2e-4, atol=2e-4 * np.abs(expected).max())
    # W / sigma does not change when W is scaled, so the gradient has no part along W.
    assert abs((gradient * kernel).sum()) < 1e-4 * np.linalg.norm(gradient) * np.linalg.norm(kernel)


def test_replicas_keep_the_same_directions(two_replicas: tf.distribute.MirroredStrategy) -> None:
    with two_replicas.scope():
        network = networks.build("disc_z", NetworkConfig(channels=8, latent_dim=4), (8, 8, 1))
    alone = networks.build("disc_z", NetworkConfig(channels=8, latent_dim=4), (8, 8, 1))
    for _ in range(3):
        two_replicas.run(tf.function(lambda: networks.power_iteration(network)))
        networks.power_iteration(alone)
    for mirrored, single in zip(spectral_layers(network), spectral_layers(alone), strict=True):
        for copy in two_replicas.experimental_local_results(mirrored.u):
            np.testing.assert_allclose(copy, single.u, atol=1e-6)


def test_directions_survive_a_checkpoint(tmp_path: Path) -> None:
    network, other = (networks.build("disc_x", NetworkConfig(channels=8), (8, 8, 1), seed=s) for s in (0, 1))
    networks.power_iteration(network)
    path = tf.train.Checkpoint(network).write(str(tmp_path / "ckpt"))
    tf.train.Checkpoint(other).read(path).assert_existing_objects_matched()
    for a, b in zip(spectral_layers(network), spectral_layers(other), strict=True):
        np.testing.assert_array_equal(a.u, b.u)
        np.testing.assert_array_equal(a.v, b.v)
        assert float(a.sigma()) == float(b.sigma())


def test_mixed_precision_normalises_in_float32() -> None:
    network = networks.build("disc_x", NetworkConfig(channels=8), (8, 8, 1), mixed_precision="bfloat16")
    for layer in spectral_layers(network):
        assert {v.dtype for v in (layer.kernel, layer.u, layer.v, layer.sigma())} == {tf.float32}
        assert layer.normalised_kernel().dtype == tf.bfloat16
