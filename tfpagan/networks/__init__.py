"""The networks, built by role: `build("generator", ...)`, `build("disc_xx", ...)`."""

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import tensorflow as tf

from tfpagan.errors import UserError
from tfpagan.forward.condition import NONE, Condition
from tfpagan.networks import discriminators
from tfpagan.networks.architecture import Architecture, Shape
from tfpagan.networks.blocks import spectral_layers
from tfpagan.networks.initializers import Initializers
from tfpagan.settings.registries import ARCHITECTURES
from tfpagan.settings.sections import NetworkConfig

__all__ = ["INFERENCE_ROLES", "build", "couples_batch", "moving_averages", "power_iteration", "register"]

INFERENCE_ROLES = ("generator", "encoder")
"""The roles used after training; moving averages are kept of these."""

PAIR_AXES = {"width": 2, "channels": 3}


def register(name: str, architecture: Architecture) -> None:
    """Register an architecture of your own as `--architecture=name`.

    Raises:
      UserError: when it does not derive from `Architecture`, or the name is taken.
    """
    if not isinstance(architecture, Architecture):
        raise UserError(
            f"{architecture!r} is not an architecture: register an instance of a subclass of networks.architecture.Architecture"
        )
    ARCHITECTURES.register(name, architecture)


def build(
    role: str,
    config: NetworkConfig,
    image_shape: Shape,
    *,
    condition: Condition = NONE,
    seed: int = 0,
    mixed_precision: str = "none",
) -> tf.keras.Model:
    """The network of a role, with its variables.

    Args:
      role: generator, encoder, disc_x (image), disc_z (code), disc_xx (pair of images) or disc_xz (image and code); a second
        one of the same kind has a further word, as in disc_xz_prior.
      config: widths and kinds.
      image_shape: (H, W, C); H and W multiples of 8.
      condition: what the generator is given besides a code.
      seed: of the initial weights; the same seed gives the same weights.
      mixed_precision: dtype of activations: none, bfloat16 or float16. Variables are float32.

    Raises:
      UserError: when the architecture does not have this network.
    """
    kind = "_".join(role.split("_")[:2])
    assert kind in _ROLES, f"no network for role {role!r}; known: {', '.join(_ROLES)}"
    if kind.startswith("disc"):
        config = dataclasses.replace(config, channels=config.channels * config.disc_channel_multiplier)
    init = Initializers(seed, role, config.initializer)
    with _precision(mixed_precision):
        image, code = condition.to_model(tf.zeros([1, *image_shape])), tf.zeros([1, config.latent_dim])
        given = condition.generator_input(code, image)
        if kind == "generator" and condition is not NONE:
            network = ARCHITECTURES.get(config.architecture).colourising_generator(config, init)
        else:
            network = _ROLES[kind](config, image_shape, init)
        inputs = {"generator": given, "disc_z": code, "disc_xx": (image, image), "disc_xz": (image, code)}
        network(inputs.get(kind, image))
    return network


def power_iteration(network: tf.keras.Model) -> None:
    """One power iteration in every spectrally normalised layer of a network."""
    for layer in spectral_layers(network):
        layer.power_iteration()


def couples_batch(network: tf.keras.Model) -> bool:
    """Whether one sample's output depends on the rest of its batch, as with batch norm."""
    return bool(moving_averages(network))


def moving_averages(network: tf.keras.Model) -> list[tf.Variable]:
    """The moving means and variances of a network's batch norms, which every call in training mode updates."""
    norms = [layer for layer in network.submodules if isinstance(layer, tf.keras.layers.BatchNormalization)]
    return [variable for norm in norms for variable in norm.non_trainable_variables]


def _pair_discriminator(config: NetworkConfig, shape: Shape, init: Initializers) -> tf.keras.Model:
    if config.pair == "siamese":
        return discriminators.SiamesePairDiscriminator(_trunk(config), init)
    return discriminators.JoinedPairDiscriminator(_trunk(config), PAIR_AXES[config.pair], init)


def _joint_discriminator(config: NetworkConfig, shape: Shape, init: Initializers) -> tf.keras.Model:
    if config.joint == "features":
        return discriminators.JointFeaturesDiscriminator(_trunk(config), init)
    return discriminators.JointChannelsDiscriminator(_trunk(config), shape[:2], init)


def _trunk(config: NetworkConfig) -> discriminators.TrunkConfig:
    def build_trunk(init: Initializers) -> tf.keras.layers.Layer:
        return ARCHITECTURES.get(config.architecture).trunk(config, init)

    c = config
    return discriminators.TrunkConfig(build_trunk, c.channels, c.disc_norm, c.disc_dropout, c.disc_augmentation)


def _code_norm(config: NetworkConfig) -> str:
    if config.code_disc_norm != "auto":
        return config.code_disc_norm
    return "none" if config.disc_norm == "batch" else config.disc_norm


def _widths(config: NetworkConfig) -> tuple[int, ...]:
    return tuple(int(width) for width in config.code_layers.split(","))


_ROLES: dict[str, Callable[[NetworkConfig, Shape, Initializers], tf.keras.Model]] = {
    "generator": lambda c, shape, init: ARCHITECTURES.get(c.architecture).generator(c, shape, init),
    "encoder": lambda c, shape, init: ARCHITECTURES.get(c.architecture).encoder(c, init),
    "disc_x": lambda c, shape, init: discriminators.ImageDiscriminator(_trunk(c), init),
    "disc_z": lambda c, shape, init: discriminators.CodeDiscriminator(_widths(c), _code_norm(c), c.sync_batch_norm, init),
    "disc_xx": _pair_discriminator,
    "disc_xz": _joint_discriminator,
}


@contextmanager
def _precision(mixed_precision: str) -> Iterator[None]:
    """Keras layers take their dtypes from a global policy when created; it is restored afterwards."""
    before = tf.keras.mixed_precision.global_policy()
    tf.keras.mixed_precision.set_global_policy("float32" if mixed_precision == "none" else f"mixed_{mixed_precision}")
    try:
        yield
    finally:
        tf.keras.mixed_precision.set_global_policy(before)
