"""The networks by role: shapes, widths and constants of the paper, seeds, sizes."""

import dataclasses
import itertools

import numpy as np
import pytest
import tensorflow as tf
from helpers import tiny

from tfpagan import networks
from tfpagan.errors import UserError
from tfpagan.objectives.pagan import PAGAN
from tfpagan.settings.sections import NetworkConfig

ROLES = ["generator", "encoder", "disc_x", "disc_z", "disc_xx"]


def kernels(network: tf.keras.Model) -> list[tuple[int, ...]]:
    return [tuple(v.shape) for v in network.trainable_variables if "kernel" in v.name]


def test_the_generator_has_the_widths_of_dcgan() -> None:
    network = networks.build("generator", NetworkConfig(), (32, 32, 3))
    transposed = [(4, 4, 256, 512), (4, 4, 128, 256), (4, 4, 64, 128)]  # [k, k, out, in]
    assert kernels(network) == [(128, 4 * 4 * 512), *transposed, (3, 3, 64, 3)]
    norms = [layer for layer in network.submodules if isinstance(layer, tf.keras.layers.BatchNormalization)]
    assert [(n.epsilon, n.momentum) for n in norms] == [(2e-5, 0.9)] * 4
    assert tuple(norms[0].gamma.shape) == (8192,) or tuple(network.dense_norm.gamma.shape) == (8192,)


def test_the_discriminator_has_the_widths_of_sn_dcgan() -> None:
    network = networks.build("disc_x", NetworkConfig(), (32, 32, 3))
    widths = [(3, 3, 64), (4, 64, 128), (3, 128, 128), (4, 128, 256), (3, 256, 256), (4, 256, 512), (3, 512, 512)]
    assert kernels(network) == [(k, k, i, o) for k, i, o in widths] + [(4 * 4 * 512, 1)]
    assert [conv.strides for conv in network.trunk.convs] == [1, 2, 1, 2, 1, 2, 1]


def test_the_encoder_is_the_discriminator_with_two_outputs_per_dimension() -> None:
    encoder, disc = (networks.build(role, NetworkConfig(), (32, 32, 3)) for role in ("encoder", "disc_x"))
    assert kernels(encoder)[:-1] == kernels(disc)[:-1]
    assert kernels(encoder)[-1] == (8192, 256)
    norms = [layer for layer in encoder.submodules if isinstance(layer, tf.keras.layers.BatchNormalization)]
    assert len(norms) == 6
    assert all(n.gamma is None for n in norms)


def test_discriminators_may_be_wider_than_generator_and_encoder() -> None:
    narrow, wide, mixed = (NetworkConfig(channels=c, disc_channel_multiplier=m) for c, m in ((8, 1), (16, 1), (8, 2)))
    for role in (*ROLES, "disc_xz"):
        expected = wide if role.startswith("disc") else narrow
        assert kernels(networks.build(role, mixed, (32, 32, 3))) == kernels(networks.build(role, expected, (32, 32, 3))), role


@pytest.mark.parametrize("norm", ["spectral", "batch", "none"])
def test_a_code_may_become_a_further_channel_of_the_image_that_it_is_judged_with(norm: str) -> None:
    config = NetworkConfig(joint="channels", channels=8, latent_dim=5, disc_norm=norm)
    network, of_image = (networks.build(role, config, (32, 16, 3)) for role in ("disc_xz", "disc_x"))
    assert tuple(network.of_code.kernel.shape) == (5, 32 * 16)
    (first, *others), (first_of_image, *others_of_image) = kernels(network.trunk), kernels(of_image.trunk)
    assert (first[2], first_of_image[2]) == (4, 3)
    assert others == others_of_image
    x, z = tf.random.normal([2, 32, 16, 3]), tf.random.normal([2, 5])
    assert network((x, z)).shape == (2,)
    assert np.abs(network((x, z)) - network((x, z[::-1]))).min() > 0


def test_the_code_discriminator_has_two_hidden_layers_of_512_and_256() -> None:
    assert kernels(networks.build("disc_z", NetworkConfig(), (32, 32, 3))) == [(128, 512), (512, 256), (256, 1)]


def test_the_networks_of_color_mnist_have_the_widths_of_alpha_gan() -> None:
    config = NetworkConfig(architecture="color_mnist", channels=64, latent_dim=50)
    disc, encoder, generator = (networks.build(role, config, (32, 32, 3)) for role in ("disc_x", "encoder", "generator"))
    widths = [(3, 8), (8, 16), (16, 32), (32, 64), (64, 64)]
    assert kernels(disc) == [(5, 5, i, o) for i, o in widths] + [(4 * 4 * 64, 1)]
    assert [conv.strides for conv in disc.trunk.convs] == [2, 1, 2, 1, 2]
    assert kernels(generator) == [(50, 8 * 8 * 64), (5, 5, 64, 64), (5, 5, 32, 64), (5, 5, 3, 32)]  # [k, k, out, in]
    assert kernels(encoder) == [(5, 5, 3, 32), (5, 5, 32, 64), (5, 5, 64, 64), (8 * 8 * 64, 100)]
    for shape in ((32, 32, 3), (40, 40, 1)):
        built = {role: networks.build(role, config, shape) for role in (*ROLES, "disc_xz")}
        x = built["generator"](tf.random.normal([3, 50]))
        assert x.shape == (3, *shape)
        mean, _ = built["encoder"](x)
        assert built["disc_x"](x).shape == built["disc_xx"]((x, x)).shape == built["disc_xz"]((x, mean)).shape == (3,)


@pytest.mark.parametrize(("size", "widths"), [(32, [3, 64, 128, 256]), (64, [3, 64, 128, 256, 512])])
def test_the_networks_of_h_4_2_have_one_convolution_of_4_px_at_each_size(size: int, widths: list[int]) -> None:
    config = NetworkConfig(architecture=f"dcgan_{size}px", channels=widths[-1], latent_dim=100, disc_norm="batch")
    disc, encoder, generator = (networks.build(role, config, (size, size, 3)) for role in ("disc_x", "encoder", "generator"))
    down = [(4, 4, i, o) for i, o in itertools.pairwise(widths)]
    assert kernels(disc) == [*down, (4 * 4 * widths[-1], 1)]
    assert [conv.strides for conv in disc.trunk.convs] == [(2, 2)] * len(down)
    assert len(networks.moving_averages(disc)) == 2 * (len(down) - 1)  # batch norm after all but the first
    assert kernels(encoder) == [*down, (4 * 4 * widths[-1], 200)]
    assert kernels(generator) == [(100, 4 * 4 * widths[-1]), *reversed(down)]  # [k, k, out, in]
    assert generator(tf.zeros([2, 100])).shape == (2, size, size, 3)


def test_images_that_do_not_halve_often_enough_are_refused() -> None:
    config = NetworkConfig(architecture="dcgan_64px", channels=8)
    with pytest.raises(UserError, match="--architecture=dcgan_64px needs an image size that is a multiple of 16, not 40"):
        networks.build("generator", config, (40, 40, 3))


@pytest.mark.parametrize(
    ("disc_norm", "code_disc_norm", "kind", "norms"),
    [
        ("spectral", "auto", "SpectralDense", 0),
        ("batch", "auto", "Dense", 0),
        ("spectral", "none", "Dense", 0),
        ("spectral", "batch", "Dense", 2),
        ("none", "spectral", "SpectralDense", 0),
    ],
)
def test_the_code_discriminator_has_a_norm_of_its_own(disc_norm: str, code_disc_norm: str, kind: str, norms: int) -> None:
    config = NetworkConfig(disc_norm=disc_norm, code_disc_norm=code_disc_norm, code_layers="7,6,5", latent_dim=4)
    network = networks.build("disc_z", config, (32, 32, 3))
    assert [type(layer).__name__ for layer in network.hidden] == [kind] * 3
    assert kernels(network) == [(4, 7), (7, 6), (6, 5), (5, 1)]
    assert len(networks.moving_averages(network)) == 2 * norms
    assert networks.couples_batch(network) == bool(norms)
    if norms:
        z = tf.random.stateless_normal([64, 4], [0, 1])
        first = tf.nn.leaky_relu(network.hidden[0](z), 0.2)
        second = network.hidden[1](first)
        second = tf.nn.leaky_relu(
            (second - tf.reduce_mean(second, 0)) / tf.sqrt(tf.math.reduce_variance(second, 0) + 2e-5), 0.2
        )
        third = network.hidden[2](second)
        third = tf.nn.leaky_relu((third - tf.reduce_mean(third, 0)) / tf.sqrt(tf.math.reduce_variance(third, 0) + 2e-5), 0.2)
        np.testing.assert_allclose(network(z), network.to_logit(third)[:, 0], atol=1e-5)


def test_the_bound_adds_its_precision_to_the_encoders() -> None:
    plain, bounded = (
        networks.build("encoder", dataclasses.replace(tiny.CONFIG, max_variance=bound), (16, 16, 3)) for bound in (0.0, 2.0)
    )
    x = tf.random.normal([5, 16, 16, 3])
    for log_variance in (-30.0, 0.0, 30.0):
        for network in (plain, bounded):
            network.moments.bias.assign([0.0] * tiny.Z + [log_variance] * tiny.Z)
        (mean, raw), (same_mean, held) = plain(x), bounded(x)
        np.testing.assert_array_equal(same_mean, mean)
        np.testing.assert_allclose(tf.exp(held), 1.0 / (np.exp(-raw.numpy()) + 0.5), rtol=1e-5)


@pytest.mark.parametrize(("architecture", "maps"), [("resnet", {16, 8, 4, 2}), ("resnet_constant", {16})])
def test_residual_networks_have_their_widths(architecture: str, maps: set[int]) -> None:
    config = dataclasses.replace(tiny.CONFIG, architecture=architecture, channels=16)
    generator, encoder = (networks.build(role, config, (16, 16, 3)) for role in ("generator", "encoder"))
    for network in (generator, encoder):
        kernels = [v.shape for v in network.trainable_variables if len(v.shape) == 4 and v.shape[-1] != 3]
        assert {shape[-1] for shape in kernels} == maps - ({16} if network is generator and len(maps) > 1 else set())
        assert len(kernels) == (9 if network is generator else 10)  # three in each of three blocks, and the encoder's first
    assert generator(tf.zeros([2, tiny.Z])).shape == (2, 16, 16, 3)
    assert encoder(tf.zeros([2, 16, 16, 3]))[0].shape == (2, tiny.Z)


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(8, 8, 1), (16, 16, 3), (32, 32, 1), (64, 64, 3), (40, 40, 3)])
@pytest.mark.parametrize("pair", ["width", "channels", "siamese"])
def test_one_architecture_serves_every_size(shape: tuple[int, int, int], pair: str) -> None:
    config = dataclasses.replace(tiny.CONFIG, pair=pair)
    built = {role: networks.build(role, config, shape) for role in ROLES}
    x = built["generator"](tf.random.normal([3, tiny.Z]))
    assert x.shape == (3, *shape)
    assert x.dtype == tf.float32
    assert np.abs(x).max() <= 1.0
    mean, log_variance = built["encoder"](x)
    assert mean.shape == log_variance.shape == (3, tiny.Z)
    assert built["disc_x"](x).shape == built["disc_z"](mean).shape == built["disc_xx"]((x, x)).shape == (3,)


@pytest.mark.parametrize("pair", ["width", "channels", "siamese"])
def test_a_pair_discriminator_tells_the_images_of_a_pair_apart(pair: str) -> None:
    disc = networks.build("disc_xx", dataclasses.replace(tiny.CONFIG, pair=pair), tiny.SHAPE)
    random = np.random.default_rng(0)
    for v in disc.trainable_variables:
        v.assign(random.normal(0, 0.5, v.shape))
    x, y = (
        tf.cast(tiny.images(4, seed=1), tf.float32) / 127.5 - 1,
        tf.cast(tiny.images(4, seed=2), tf.float32) / 127.5 - 1,
    )
    assert np.abs(disc((x, y)) - disc((y, x))).min() > 1e-6  # the order counts
    assert np.abs(disc((x, y)) - disc((x, x))).min() > 1e-6


@pytest.mark.parametrize("role", ROLES)
def test_the_seed_decides_the_weights(role: str) -> None:
    first, same, other = (networks.build(role, tiny.CONFIG, tiny.SHAPE, seed=s) for s in (0, 0, 1))
    for a, b in zip(first.variables, same.variables, strict=True):
        np.testing.assert_array_equal(a, b)
    assert any(not np.array_equal(a, b) for a, b in zip(first.variables, other.variables, strict=True))


def test_weights_begin_normal_with_deviation_0_02_and_differ_between_layers() -> None:
    disc = networks.build("disc_x", NetworkConfig(channels=128), (32, 32, 3))
    kernel = disc.trunk.convs[4].kernel.numpy()
    assert kernel.std() == pytest.approx(0.02, rel=0.02)
    assert abs(kernel.mean()) < 4 * 0.02 / np.sqrt(kernel.size)
    generator = networks.build("generator", tiny.CONFIG, tiny.SHAPE)
    assert len({v.numpy().ravel()[0] for v in generator.trainable_variables if "kernel" in v.name}) == 5


@pytest.mark.parametrize("norm", ["batch", "spectral", "none"])
def test_the_encoder_norm_is_what_was_asked_for(norm: str) -> None:
    encoder = networks.build("encoder", dataclasses.replace(tiny.CONFIG, encoder_norm=norm), tiny.SHAPE)
    assert networks.couples_batch(encoder) == (norm == "batch")
    assert bool(networks.blocks.spectral_layers(encoder)) == (norm == "spectral")


def test_no_discriminator_couples_its_batch() -> None:
    built = tiny.build_networks(PAGAN())
    assert [role for role, network in built.items() if networks.couples_batch(network)] == ["generator", "encoder"]


@pytest.mark.parametrize("mixed_precision", ["bfloat16", "float16"])
def test_mixed_precision_gives_float32_outputs_from_float32_variables(mixed_precision: str) -> None:
    for role in ROLES:
        network = networks.build(role, tiny.CONFIG, tiny.SHAPE, mixed_precision=mixed_precision)
        assert {v.dtype for v in network.variables} == {tf.float32}
    built = {r: networks.build(r, tiny.CONFIG, tiny.SHAPE, mixed_precision=mixed_precision) for r in ROLES}
    x = built["generator"](tf.zeros([2, tiny.Z]))
    outputs = [
        x,
        *built["encoder"](x),
        built["disc_x"](x),
        built["disc_xx"]((x, x)),
        built["disc_z"](tf.zeros([2, tiny.Z])),
    ]
    assert {o.dtype for o in outputs} == {tf.float32}
    assert tf.keras.mixed_precision.global_policy().name == "float32"
