"""What the generator is given of an image besides a code, and what follows from it.

An objective names its condition; the pass, networks, image grids, signatures and scores ask the condition. Objectives are
imported for --help, which must not wait for TensorFlow: it is imported where it is used.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from tfpagan.errors import UserError

if TYPE_CHECKING:
    import tensorflow as tf

    Network = Callable[..., Any]

SIDE = 8  # images along each side of a grid


class Condition:
    """No condition: G generates images from codes alone."""

    def require(self, image_shape: tuple[int, int, int]) -> None:
        """Refuse images [H, W, C] that a system with this condition does not support.

        Raises:
          UserError: naming what is needed.
        """

    def to_model(self, x: "tf.Tensor") -> "tf.Tensor":
        """RGB or grey images [N, H, W, C] in [-1, 1] to images as the networks take them."""
        return x

    def generator_input(self, z: "tf.Tensor", x: "tf.Tensor") -> "tf.Tensor | tuple[tf.Tensor, tf.Tensor]":
        """The input of G: codes [N, Z], with what it is given of images as the networks take them."""
        return z

    def encoder_in_use(self, encoder: "Network") -> "Network":
        """E as a function of images in [-1, 1]."""
        return encoder

    def generator_in_use(self, generator: "Network") -> "Network":
        """G as a function of codes, or of codes and images, that returns images in [-1, 1]."""
        return generator

    def reconstruct(self, generator: "Network", encoder: "Network", x: "tf.Tensor") -> "tf.Tensor":
        """G(E(x)) with the mean code, by networks in use: images [N, H, W, C] in [-1, 1]."""
        return generator(encoder(x)[0])

    def decoder(self, generator: "Network") -> "Network | None":
        """Codes [N, Z] to images; None where G needs more than a code."""
        return generator

    def recolourer(self, generator: "Network") -> "Network | None":
        """Codes [N, Z] and images to images of the same lightness; None where G takes codes alone."""
        return None

    def pictures(
        self, generator: "Network", encoder: "Network | None", images: np.ndarray, z: "tf.Tensor"
    ) -> Mapping[str, np.ndarray]:
        """Image grids shown during training, by name.

        Args:
          generator: in use.
          encoder: in use; None for a system without one.
          images: test images, uint8 [SIDE^2, H, W, C].
          z: codes from the prior [SIDE^2, Z].
        """
        import tensorflow as tf

        from tfpagan.images import grid, interleaved, normalize, to_bytes

        grids = {"samples": grid(to_bytes(generator(z)), SIDE)}
        if encoder is not None:
            mean, _ = encoder(normalize(images))
            grids["reconstructions"] = grid(interleaved(images, to_bytes(generator(mean))), 2 * SIDE)
            between = tf.linspace(mean, tf.roll(mean, -1, 0), SIDE, axis=1)[:SIDE]  # from each to the next
            grids["interpolations"] = grid(to_bytes(generator(tf.reshape(between, [-1, mean.shape[1]]))), SIDE)
        return grids


class Lightness(Condition):
    """G is given lightness and generates the colours (conditional AGE, section 3.2). Networks take CIE Lab images."""

    def require(self, image_shape: tuple[int, int, int]) -> None:
        if image_shape[2] != 3:
            raise UserError("--objective=conditional_age needs images in colour; this data set is greyscale")
        if image_shape[0] % 4:
            raise UserError(f"--objective=conditional_age needs images of a multiple of 4 px, not {image_shape[0]}")

    def to_model(self, x: "tf.Tensor") -> "tf.Tensor":
        from tfpagan.images import to_lab

        return to_lab(x)

    def generator_input(self, z: "tf.Tensor", x: "tf.Tensor") -> "tuple[tf.Tensor, tf.Tensor]":
        from tfpagan.images import lightness

        return z, lightness(x)

    def encoder_in_use(self, encoder: "Network") -> "Network":
        return _OfImages(self, encoder)

    def generator_in_use(self, generator: "Network") -> "Network":
        return _Colouriser(self, generator)

    def reconstruct(self, generator: "Network", encoder: "Network", x: "tf.Tensor") -> "tf.Tensor":
        return generator(encoder(x)[0], x)

    def decoder(self, generator: "Network") -> None:
        return None

    def recolourer(self, generator: "Network") -> "Network":
        return generator

    def pictures(
        self, generator: "Network", encoder: "Network | None", images: np.ndarray, z: "tf.Tensor"
    ) -> Mapping[str, np.ndarray]:
        """Several colourisations of each image; each image in the colours of another; reconstructions."""
        import tensorflow as tf

        from tfpagan.images import grey, grid, interleaved, normalize, to_bytes

        assert encoder is not None
        x = normalize(images)
        few = x[:SIDE]
        coloured = [generator(tf.tile(code[None], [few.shape[0], 1]), few) for code in z[: SIDE - 2]]
        others = tf.roll(few, -1, 0)
        return {
            "colourisations": grid(_in_rows([grey(few), few, *coloured]), SIDE),
            "transfers": grid(_in_rows([few, others, generator(encoder(few)[0], others)]), 3),
            "reconstructions": grid(interleaved(images, to_bytes(self.reconstruct(generator, encoder, x))), 2 * SIDE),
        }


class _OfImages:
    """Wraps an encoder of Lab images as an encoder of RGB images in [-1, 1]."""

    def __init__(self, condition: Condition, encoder: Any):
        self._condition, self.network, self.variables = condition, encoder, encoder.variables

    def __call__(self, x: "tf.Tensor") -> "tuple[tf.Tensor, tf.Tensor]":
        return self.network(self._condition.to_model(x))

    def features(self, x: "tf.Tensor") -> "tf.Tensor":
        """Features for a classifier [N, F]."""
        return self.network.features(self._condition.to_model(x))


class _Colouriser:
    """Wraps a generator of Lab images as one of RGB images, from codes and the images whose lightness to keep."""

    def __init__(self, condition: Condition, generator: Any):
        self._condition, self.network, self.variables = condition, generator, generator.variables

    def __call__(self, z: "tf.Tensor", x: "tf.Tensor") -> "tf.Tensor":
        from tfpagan.images import to_rgb

        return to_rgb(self.network(self._condition.generator_input(z, self._condition.to_model(x))))


def _in_rows(columns: "list[tf.Tensor]") -> np.ndarray:
    """Batches [N, H, W, C] side by side: uint8 [N columns, H, W, C], row by row."""
    import tensorflow as tf

    from tfpagan.images import to_bytes

    stacked = tf.stack(columns, 1)
    return to_bytes(tf.reshape(stacked, [-1, *stacked.shape[2:]]))


NONE, LIGHTNESS = Condition(), Lightness()
