"""The convolutional networks: PAGAN's (section 5), and those of alpha-GAN (its appendix H.4).

PAGAN's are DCGAN's generator, and SN-DCGAN's trunk in encoder and discriminators (`discriminators.py`). Every width is a
fraction of the widest, `channels`: 512 in PAGAN, 64 to 512 in alpha-GAN. The bottom is a fraction of the image size, so that
one plan serves 32, 64 and 128 px.
"""

from dataclasses import dataclass

import tensorflow as tf

from tfpagan.errors import UserError
from tfpagan.latents import on_sphere
from tfpagan.networks import colorization
from tfpagan.networks.architecture import Architecture, Shape, likelihood_scale
from tfpagan.networks.blocks import (
    LEAK,
    EncoderNetwork,
    Posterior,
    SpectralConv,
    batch_norm,
    log_scale,
    plain_conv,
    plain_deconv,
    plain_dense,
)
from tfpagan.networks.initializers import Initializers
from tfpagan.settings.sections import NetworkConfig

Layers = tuple[tuple[int, int, int], ...]
"""Kernel size, strides, and the divisor of the widest layer's channels, layer by layer."""


@dataclass(frozen=True)
class Plan:
    """The layers of networks that belong together.

    Attributes:
      trunk: convolutions of the discriminators.
      encoder: convolutions of the encoder.
      bottom: factor by which the generator's first activations are smaller than the image.
      generator: its transposed convolutions.
      to_image: kernel size and strides of its last layer; with stride 1 it is a plain convolution.
    """

    trunk: Layers
    encoder: Layers
    bottom: int
    generator: Layers
    to_image: tuple[int, int]


_SN_DCGAN = ((3, 1, 8), (4, 2, 4), (3, 1, 4), (4, 2, 2), (3, 1, 2), (4, 2, 1), (3, 1, 1))
PAGAN_PLAN = Plan(_SN_DCGAN, _SN_DCGAN, 8, ((4, 2, 2), (4, 2, 4), (4, 2, 8)), (3, 1))
"""64, 128, 128, 256, 256, 512, 512 channels down and 256, 128, 64 up."""
COLOR_MNIST_PLAN = Plan(
    ((5, 2, 8), (5, 1, 4), (5, 2, 2), (5, 1, 1), (5, 2, 1)),
    ((5, 2, 2), (5, 1, 1), (5, 2, 1)),
    4,
    ((5, 2, 1), (5, 1, 2)),
    (5, 2),
)
"""8, 16, 32, 64, 64 channels down (Table 3) and 64, 32 up (Table 4); the encoder is the generator transposed (H.4)."""


def _dcgan(halvings: int) -> Plan:
    """DCGAN's layers as in the code that alpha-GAN's H.4.2 names: kernels of 4 px, as many channels as the map is small."""
    shares = [2**i for i in range(halvings)]  # of the widest, from the bottom of the generator to the image
    down = tuple((4, 2, share) for share in reversed(shares))
    return Plan(down, down, 2**halvings, tuple((4, 2, share) for share in shares[1:]), (4, 2))


DCGAN_32PX_PLAN, DCGAN_64PX_PLAN = _dcgan(3), _dcgan(4)
"""64, 128, 256 channels down to 4 x 4 and 128, 64 up at 32 px; at 64 px likewise with 512. The encoder is the generator
transposed."""


class Generator(tf.keras.Model):
    """Codes [N, Z] -> images [N, H, W, C] float32 in (-1, 1): dense, transposed convolutions, one convolution.

    Layers before batch norm have no bias, which it would subtract. With `sphere` only the direction of the code matters, so
    that N(0, I) is equivalent to the uniform distribution on the sphere. `log_scale` belongs to a stochastic decoder.
    """

    def __init__(
        self,
        plan: Plan,
        image_shape: tuple[int, int, int],
        channels: int,
        sync: bool,
        init: Initializers,
        *,
        sphere: bool = False,
        scale: float | None = None,
    ):
        super().__init__(name=init.name)
        self.sphere, self.log_scale = sphere, log_scale(self, scale)
        height, width, image_channels = image_shape
        self.bottom = (height // plan.bottom, width // plan.bottom, channels)
        units = self.bottom[0] * self.bottom[1] * channels
        self.dense = plain_dense(units, False, init.layer("dense"))
        self.dense_norm = batch_norm(init.layer("dense_norm"), scale=True, synchronized=sync)
        self.deconvs, self.norms = [], []
        for i, (kernel, strides, share) in enumerate(plan.generator):
            self.deconvs.append(plain_deconv(channels // share, kernel, strides, False, init.layer(f"deconv{i}")))
            self.norms.append(batch_norm(init.layer(f"norm{i}"), scale=True, synchronized=sync))
        kernel, strides = plan.to_image
        last = plain_conv if strides == 1 else plain_deconv
        self.to_image = last(image_channels, kernel, strides, True, init.layer("to_image"))

    def call(self, z: tf.Tensor, training: bool = False) -> tf.Tensor:
        z = on_sphere(z) if self.sphere else z
        h = tf.nn.relu(self.dense_norm(self.dense(z), training=training))
        h = tf.reshape(h, [-1, *self.bottom])
        for deconv, norm in zip(self.deconvs, self.norms, strict=True):
            h = tf.nn.relu(norm(deconv(h), training=training))
        return tf.tanh(tf.cast(self.to_image(h), tf.float32))  # [N, H, W, C]


class SpectralTrunk(tf.keras.layers.Layer):
    """Images [N, H, W, C] -> activations of spectrally normalised convolutions, each with a leaky ReLU."""

    def __init__(self, layers: Layers, channels: int, init: Initializers):
        super().__init__(name=init.name)
        self.convs = [
            SpectralConv(channels // share, kernel, strides, init.layer(f"conv{i}"))
            for i, (kernel, strides, share) in enumerate(layers)
        ]

    def call(self, x: tf.Tensor) -> list[tf.Tensor]:
        layers = [x]
        for conv in self.convs:
            layers.append(tf.nn.leaky_relu(conv(layers[-1]), LEAK))
        return layers[1:]


class PlainTrunk(tf.keras.layers.Layer):
    """The same without spectral normalisation; with batch norm (no gamma) after all but the first convolution, or without."""

    def __init__(self, layers: Layers, channels: int, batch_normed: bool, sync: bool, init: Initializers):
        super().__init__(name=init.name)
        self.convs, self.norms = [], []
        for i, (kernel, strides, share) in enumerate(layers):
            normed = batch_normed and i > 0
            self.convs.append(plain_conv(channels // share, kernel, strides, not normed, init.layer(f"conv{i}")))
            if normed:
                self.norms.append(batch_norm(init.layer(f"norm{i}"), scale=False, synchronized=sync))

    def call(self, x: tf.Tensor, training: bool = False) -> list[tf.Tensor]:
        norms = iter([None, *self.norms] if self.norms else [None] * len(self.convs))
        layers = [x]
        for conv in self.convs:
            norm, h = next(norms), conv(layers[-1])
            layers.append(tf.nn.leaky_relu(norm(h, training=training) if norm else h, LEAK))
        return layers[1:]


class Encoder(EncoderNetwork):
    """Images [N, H, W, C] -> (mean, log-variance), each [N, Z] float32, of the posterior q(z | x)."""

    def __init__(self, plan: Plan, posterior: Posterior, channels: int, norm: str, sync: bool, init: Initializers):
        super().__init__(name=init.name)
        self.trunk = trunk(plan.encoder, channels, norm, sync, init.layer("trunk"))
        self.add_end(posterior, norm, init)

    def hidden(self, x: tf.Tensor, training: bool) -> list[tf.Tensor]:
        return self.trunk(x, training=training)


def trunk(layers: Layers, channels: int, norm: str, sync: bool, init: Initializers) -> tf.keras.layers.Layer:
    """Convolutions with spectral normalisation, batch norm, or none."""
    return (
        SpectralTrunk(layers, channels, init)
        if norm == "spectral"
        else PlainTrunk(layers, channels, norm == "batch", sync, init)
    )


class Convolutional(Architecture):
    """Networks without residual connections, built from a plan of their layers."""

    def __init__(self, plan: Plan):
        self.plan = plan

    def generator(self, config: NetworkConfig, image_shape: Shape, init: Initializers) -> Generator:
        c, factor = config, self.plan.bottom
        if image_shape[0] % factor or image_shape[1] % factor:
            raise UserError(
                f"--architecture={c.architecture} needs an image size that is a multiple of {factor}, not {image_shape[0]}"
            )
        sphere, scale = c.posterior == "sphere", likelihood_scale(c)
        return Generator(self.plan, image_shape, c.channels, c.sync_batch_norm, init, sphere=sphere, scale=scale)

    def encoder(self, config: NetworkConfig, init: Initializers) -> Encoder:
        c = config
        return Encoder(self.plan, Posterior.of(c), c.channels, c.encoder_norm, c.sync_batch_norm, init)

    def trunk(self, config: NetworkConfig, init: Initializers) -> tf.keras.layers.Layer:
        return trunk(self.plan.trunk, config.channels, config.disc_norm, config.sync_batch_norm, init)

    def colourising_generator(self, config: NetworkConfig, init: Initializers) -> colorization.Generator:
        return colorization.Generator(config.channels, config.sync_batch_norm, init, sphere=config.posterior == "sphere")


DCGAN, COLOR_MNIST = Convolutional(PAGAN_PLAN), Convolutional(COLOR_MNIST_PLAN)
DCGAN_32PX, DCGAN_64PX = Convolutional(DCGAN_32PX_PLAN), Convolutional(DCGAN_64PX_PLAN)
