"""The networks, asked for by role: `build("generator", ...)`, `build("disc_xx", ...)`."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import tensorflow as tf

from tfpagan.config import NetworkConfig
from tfpagan.networks import convolutional as nets
from tfpagan.networks.blocks import spectral_layers
from tfpagan.networks.init import Initializers

__all__ = ["USED", "build", "couples_batch", "moving_averages", "power_iteration"]

USED = ("generator", "encoder")
"""The roles that are of use when training is over; moving averages are kept of these."""

Shape = tuple[int, int, int]
PAIR_AXES = {"width": 2, "channels": 3}


def build(
    role: str, config: NetworkConfig, image_shape: Shape, *, seed: int = 0, mixed_precision: str = "none"
) -> tf.keras.Model:
    """A network with its variables, built for a role.

    Args:
      role: generator, encoder, disc_x (image), disc_z (code) or disc_xx (pair of images).
      config: widths and forms.
      image_shape: (H, W, C); H and W multiples of 8.
      seed: of the initial weights; the same seed gives the same weights.
      mixed_precision: none, bfloat16 or float16: the type of activations. Variables are float32.
    """
    assert role in _ROLES, f"no network for role {role!r}; known: {', '.join(_ROLES)}"
    with _precision(mixed_precision):
        network = _ROLES[role](config, image_shape, Initializers(seed, role))
        image, code = tf.zeros([1, *image_shape]), tf.zeros([1, config.latent_dim])
        inputs = {"generator": code, "disc_z": code, "disc_xx": (image, image)}.get(role, image)
        network(inputs)
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
        return nets.SiamesePairDiscriminator(config.channels, init)
    return nets.JoinedPairDiscriminator(config.channels, PAIR_AXES[config.pair], init)


_ROLES: dict[str, Callable[[NetworkConfig, Shape, Initializers], tf.keras.Model]] = {
    "generator": lambda c, shape, init: nets.Generator(shape, c.channels, c.sync_batch_norm, init),
    "encoder": lambda c, shape, init: nets.Encoder(c.latent_dim, c.channels, c.encoder_norm, c.sync_batch_norm, init),
    "disc_x": lambda c, shape, init: nets.ImageDiscriminator(c.channels, init),
    "disc_z": lambda c, shape, init: nets.CodeDiscriminator(init),
    "disc_xx": _pair_discriminator,
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
