"""Networks that are given lightness, for use on RGB images; several colourisations of one, and colours of another."""

import numpy as np
import tensorflow as tf

from tfpagan import colours
from tfpagan.config import NetworkConfig
from tfpagan.errors import UserError
from tfpagan.images import to_bytes


class OfColours:
    """An encoder of RGB images [N, H, W, 3] in [-1, 1], made of one of Lab images."""

    def __init__(self, encoder: tf.keras.Model):
        self.network = encoder

    @property
    def variables(self) -> list[tf.Variable]:
        return self.network.variables

    def __call__(self, x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return self.network(colours.to_lab(x))

    def features(self, x: tf.Tensor) -> tf.Tensor:
        """What a classifier may look at [N, F]."""
        return self.network.features(colours.to_lab(x))


class Colouriser:
    """A generator of RGB images from codes and the images whose lightness to keep, made of one of Lab images."""

    def __init__(self, generator: tf.keras.Model):
        self.network = generator

    @property
    def variables(self) -> list[tf.Variable]:
        return self.network.variables

    def __call__(self, z: tf.Tensor, x: tf.Tensor) -> tf.Tensor:
        return colours.to_rgb(self.network((z, colours.lightness(colours.to_lab(x)))))


def for_use(role: str, network: tf.keras.Model, config: NetworkConfig) -> tf.keras.Model | OfColours | Colouriser:
    """A network of a run as it is used on RGB images."""
    if config.condition == "none":
        return network
    return Colouriser(network) if role == "generator" else OfColours(network)


def require_colours(config: NetworkConfig, image_shape: tuple[int, int, int]) -> None:
    """Refuse images that a configuration cannot take.

    Raises:
      UserError: when colours are to be made for images that have none.
    """
    if config.condition == "lightness" and image_shape[2] != 3:
        raise UserError("--objective=conditional_age needs images in colour; this data set is greyscale")
    if config.condition == "lightness" and image_shape[0] % 4:
        raise UserError(f"--objective=conditional_age needs images of a multiple of 4 px, not {image_shape[0]}")


def grey(x: tf.Tensor) -> tf.Tensor:
    """RGB images [N, H, W, 3] in [-1, 1] without their colours."""
    lab = colours.to_lab(x)
    return colours.to_rgb(tf.concat([colours.lightness(lab), tf.zeros_like(colours.colour(lab))], -1))


def colourisations(colouriser: Colouriser, x: tf.Tensor, codes: tf.Tensor) -> np.ndarray:
    """Each image's grey version, itself, and its colourisations by every code: uint8 [N (2 + K), H, W, 3], images in turn."""
    shown = [grey(x), x]
    for code in codes:
        shown.append(colouriser(tf.tile(code[None], [x.shape[0], 1]), x))
    return _in_rows(shown)


def transfers(encoder: OfColours, colouriser: Colouriser, sources: tf.Tensor, targets: tf.Tensor) -> np.ndarray:
    """Each source, each target, and the target in the source's colours, G(E(source), L of the target): uint8 [3 N, H, W, 3]."""
    mean, _ = encoder(sources)
    return _in_rows([sources, targets, colouriser(mean, targets)])


def _in_rows(columns: list[tf.Tensor]) -> np.ndarray:
    stacked = tf.stack(columns, 1)  # [N, columns, H, W, 3]
    return to_bytes(tf.reshape(stacked, [-1, *stacked.shape[2:]]))
