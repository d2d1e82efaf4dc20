"""The networks, asked for by role: `build("generator", ...)`, `build("disc_xx", ...)`."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import tensorflow as tf

from tfpagan.networks import colorization, discriminators, residual
from tfpagan.networks import convolutional as nets
from tfpagan.networks.blocks import Code, spectral_layers
from tfpagan.networks.initializers import Initializers
from tfpagan.settings.sections import NetworkConfig

__all__ = ["INFERENCE_ROLES", "build", "couples_batch", "moving_averages", "power_iteration"]

INFERENCE_ROLES = ("generator", "encoder")
"""The roles that are of use when training is over; moving averages are kept of these."""

Shape = tuple[int, int, int]
PAIR_AXES = {"width": 2, "channels": 3}


def build(
    role: str, config: NetworkConfig, image_shape: Shape, *, seed: int = 0, mixed_precision: str = "none"
) -> tf.keras.Model:
    """A network with its variables, built for a role.

    Args:
      role: generator, encoder, disc_x (image), disc_z (code), disc_xx (pair of images) or disc_xz (image and code); a
        second one of a kind has a further word, as disc_xz_prior.
      config: widths and forms.
      image_shape: (H, W, C); H and W multiples of 8.
      seed: of the initial weights; the same seed gives the same weights.
      mixed_precision: none, bfloat16 or float16: the type of activations. Variables are float32.
    """
    kind = "_".join(role.split("_")[:2])
    assert kind in _ROLES, f"no network for role {role!r}; known: {', '.join(_ROLES)}"
    with _precision(mixed_precision):
        network = _ROLES[kind](config, image_shape, Initializers(seed, role, config.initializer))
        image, code = tf.zeros([1, *image_shape]), tf.zeros([1, config.latent_dim])
        given = (code, image[..., :1]) if config.condition == "lightness" else code
        inputs = {"generator": given, "disc_z": code, "disc_xx": (image, image), "disc_xz": (image, code)}
        network(inputs.get(kind, image))
    return network


def power_iteration(network: tf.keras.Model) -> None:
    """One power iteration in every spectrally normalised layer of a network."""
    for layer in spectral_layers(network):
        layer.power_iteration()


def couples_batch(network: tf.keras.Model) -> bool:
    """Whether one sample's output depends on the others of its batch, as batch norm makes it."""
    return bool(moving_averages(network))


def moving_averages(network: tf.keras.Model) -> list[tf.Variable]:
    """The moving means and variances of a network's batch norms, which every training call changes."""
    norms = [layer for layer in network.submodules if isinstance(layer, tf.keras.layers.BatchNormalization)]
    return [variable for norm in norms for variable in norm.non_trainable_variables]


def _pair_discriminator(config: NetworkConfig, shape: Shape, init: Initializers) -> tf.keras.Model:
    if config.pair == "siamese":
        return discriminators.SiamesePairDiscriminator(_trunk_config(config), init)
    return discriminators.JoinedPairDiscriminator(_trunk_config(config), PAIR_AXES[config.pair], init)


def _generator(c: NetworkConfig, shape: Shape, init: Initializers) -> tf.keras.Model:
    if c.condition == "lightness":
        return colorization.Generator(c.channels, c.sync_batch_norm, init, sphere=c.code == "sphere")
    kind = residual.Generator if c.architecture == "resnet" else partial(nets.Generator, _plan(c))
    return kind(shape, c.channels, c.sync_batch_norm, init, sphere=c.code == "sphere", scale=_scale(c))


def _encoder(c: NetworkConfig, shape: Shape, init: Initializers) -> tf.keras.Model:
    kind = residual.Encoder if c.architecture == "resnet" else partial(nets.Encoder, _plan(c))
    return kind(Code(c.code, c.latent_dim, c.flow_length), c.channels, c.encoder_norm, c.sync_batch_norm, init)


def _plan(config: NetworkConfig) -> nets.Plan:
    return nets.COLOR_MNIST if config.architecture == "color_mnist" else nets.PAGAN


def _trunk_config(config: NetworkConfig) -> discriminators.TrunkConfig:
    return discriminators.TrunkConfig(
        _plan(config), config.channels, config.disc_norm, config.sync_batch_norm, config.disc_dropout
    )


def _scale(config: NetworkConfig) -> float | None:
    """Of p(x | z): None where the decoder has no likelihood with a scale, 0 where it is learned."""
    return config.likelihood_scale if config.likelihood in ("gaussian", "laplace") else None


def _widths(config: NetworkConfig) -> tuple[int, ...]:
    return tuple(int(width) for width in config.code_layers.split(","))


_ROLES: dict[str, Callable[[NetworkConfig, Shape, Initializers], tf.keras.Model]] = {
    "generator": _generator,
    "encoder": _encoder,
    "disc_x": lambda c, shape, init: discriminators.ImageDiscriminator(_trunk_config(c), init),
    "disc_z": lambda c, shape, init: discriminators.CodeDiscriminator(_widths(c), c.disc_norm, init),
    "disc_xx": _pair_discriminator,
    "disc_xz": lambda c, shape, init: discriminators.JointDiscriminator(_trunk_config(c), init),
}


@contextmanager
def _precision(mixed_precision: str) -> Iterator[None]:
    """Keras layers take their types from a global policy when they are made; it is put back afterwards."""
    before = tf.keras.mixed_precision.global_policy()
    tf.keras.mixed_precision.set_global_policy("float32" if mixed_precision == "none" else f"mixed_{mixed_precision}")
    try:
        yield
    finally:
        tf.keras.mixed_precision.set_global_policy(before)
