"""The contract of an architecture: generator, encoder and discriminator trunk, by the value of `--architecture`."""

from collections.abc import Sequence
from typing import Protocol

import tensorflow as tf

from tfpagan.errors import UserError
from tfpagan.networks.blocks import EncoderNetwork
from tfpagan.networks.initializers import Initializers
from tfpagan.settings.sections import NetworkConfig

Shape = tuple[int, int, int]
"""(H, W, C)."""


class Generator(Protocol):
    """A Keras model that generates images.

    Attributes:
      log_scale: logarithm of the scale of p(x | z), a scalar; None where `likelihood_scale(config)` is None
        (created by `blocks.log_scale`).
    """

    log_scale: tf.Variable | tf.Tensor | None

    def __call__(self, z: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Codes [N, Z] float32 to images [N, H, W, C] float32 in (-1, 1), whatever the dtype of activations."""


class Trunk(Protocol):
    """A Keras layer: the part of a discriminator that takes images."""

    def __call__(self, x: tf.Tensor, training: bool = False) -> Sequence[tf.Tensor]:
        """Images [N, H, W, C] to activations [N, h, w, c], layer by layer; for pairs joined by width, W is doubled."""


class Architecture:
    """Networks that belong together, created by subclasses; `init` names each one and seeds its weights."""

    def generator(self, config: NetworkConfig, image_shape: Shape, init: Initializers) -> Generator:
        """A `Generator` for images of a shape."""
        raise UserError(f"architecture {type(self).__name__} has no generator")

    def encoder(self, config: NetworkConfig, init: Initializers) -> EncoderNetwork:
        """A subclass of `EncoderNetwork`, which ends in `add_end`."""
        raise UserError(f"architecture {type(self).__name__} has no encoder")

    def trunk(self, config: NetworkConfig, init: Initializers) -> Trunk:
        """A `Trunk`, normalised as `config.disc_norm` says."""
        raise UserError(f"architecture {type(self).__name__} has no trunk")

    def colourising_generator(self, config: NetworkConfig, init: Initializers) -> tf.keras.Model:
        """A generator conditioned on lightness: codes [N, Z] with lightness [N, H, W, 1] to Lab images [N, H, W, 3].

        Raises:
          UserError: when the architecture has none.
        """
        raise UserError(f"--architecture={config.architecture} has no generator that is given the lightness of an image")


def likelihood_scale(config: NetworkConfig) -> float | None:
    """The scale of p(x | z): None where the decoder has no likelihood with a scale, 0 where it is learned."""
    return config.likelihood_scale if config.likelihood in ("gaussian", "laplace") else None
