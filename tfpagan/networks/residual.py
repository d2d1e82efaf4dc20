"""Residual generator and encoder, for the VAE that PAGAN is compared with (section 5, 'resnet-like architecture').

The paper gives no more detail; the blocks are those of Gulrajani et al., 2017, appendix C (pre-activation, nearest-neighbour
upsampling, mean pooling), with the bottom of the convolutional networks, image size / 8, and with their widths, or with as many
maps everywhere, as Gulrajani et al. have.
"""

import tensorflow as tf

from tfpagan.latents import on_sphere
from tfpagan.networks import blocks
from tfpagan.networks.architecture import Architecture, Shape, likelihood_scale
from tfpagan.networks.blocks import EncoderNetwork, Posterior, SpectralConv, batch_norm, log_scale, plain_conv, plain_dense
from tfpagan.networks.convolutional import DCGAN
from tfpagan.networks.initializers import Initializers
from tfpagan.settings.sections import NetworkConfig

Shares = tuple[int, ...]
"""Divisors of the widest layer's channels, from the bottom to the image."""


class Generator(tf.keras.Model):
    """Codes [N, Z] -> images [N, H, W, C] float32 in (-1, 1); other arguments as in `convolutional`."""

    def __init__(
        self,
        shares: Shares,
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
        self.bottom = (height // 8, width // 8, channels)
        self.dense = plain_dense(self.bottom[0] * self.bottom[1] * channels, True, init.layer("dense"))
        self.blocks = [Block(channels // s, "up", "batch", sync, init.layer(f"block{i}")) for i, s in enumerate(shares[1:])]
        self.norm = batch_norm(init.layer("norm"), scale=True, synchronized=sync)
        self.to_image = plain_conv(image_channels, 3, 1, True, init.layer("to_image"))

    def call(self, z: tf.Tensor, training: bool = False) -> tf.Tensor:
        h = tf.reshape(self.dense(on_sphere(z) if self.sphere else z), [-1, *self.bottom])  # [N, H / 8, W / 8, channels]
        for block in self.blocks:
            h = block(h, training=training)
        h = tf.nn.relu(self.norm(h, training=training))
        return tf.tanh(tf.cast(self.to_image(h), tf.float32))  # [N, H, W, C]


class Encoder(EncoderNetwork):
    """Images [N, H, W, C] -> (mean, log-variance), each [N, Z] float32; other arguments as in `convolutional`."""

    def __init__(self, shares: Shares, posterior: Posterior, channels: int, norm: str, sync: bool, init: Initializers):
        super().__init__(name=init.name)
        widths = [channels // share for share in reversed(shares)]
        self.from_image = _conv(widths[0], 3, norm, init.layer("from_image"))
        self.blocks = [Block(w, "down", norm, sync, init.layer(f"block{i}")) for i, w in enumerate(widths[1:])]
        self.norm = batch_norm(init.layer("norm"), scale=True, synchronized=sync) if norm == "batch" else None
        self.add_end(posterior, norm, init)

    def hidden(self, x: tf.Tensor, training: bool) -> list[tf.Tensor]:
        layers = [self.from_image(x)]
        for block in self.blocks:
            layers.append(block(layers[-1], training=training))
        last = layers.pop()
        return [*layers, tf.nn.relu(self.norm(last, training=training) if self.norm else last)]


class Block(tf.keras.layers.Layer):
    """Two 3x3 convolutions with a 1x1 shortcut, from [N, H, W, C] to twice or half H and W.

    Args:
      channels: of the output.
      way: up or down.
      norm: batch, spectral or none.
      sync: batch statistics over all replicas.
      init: of the layer.
    """

    def __init__(self, channels: int, way: str, norm: str, sync: bool, init: Initializers):
        super().__init__(name=init.name)
        self.way = way
        self.shortcut = _conv(channels, 1, norm, init.layer("shortcut"))
        self.convs = [_conv(channels, 3, norm, init.layer(f"conv{i}")) for i in range(2)]
        batch_normed = norm == "batch"
        self.norms = [batch_norm(init.layer(f"norm{i}"), scale=True, synchronized=sync) for i in range(2 * batch_normed)]

    def call(self, x: tf.Tensor, training: bool = False) -> tf.Tensor:
        h = tf.nn.relu(self._normed(x, 0, training))
        h = self.convs[0](blocks.upsampled(h) if self.way == "up" else h)
        h = self.convs[1](tf.nn.relu(self._normed(h, 1, training)))
        if self.way == "up":
            return self.shortcut(blocks.upsampled(x)) + h
        return tf.nn.avg_pool2d(self.shortcut(x) + h, 2, 2, "VALID")

    def _normed(self, x: tf.Tensor, i: int, training: bool) -> tf.Tensor:
        return self.norms[i](x, training=training) if self.norms else x


def _conv(units: int, kernel: int, norm: str, init: Initializers) -> tf.keras.layers.Layer:
    return SpectralConv(units, kernel, 1, init) if norm == "spectral" else plain_conv(units, kernel, 1, True, init)


class Residual(Architecture):
    """Residual generator and encoder; discriminators have DCGAN's trunk."""

    def __init__(self, shares: Shares):
        self.shares = shares

    def generator(self, config: NetworkConfig, image_shape: Shape, init: Initializers) -> Generator:
        c = config
        sphere, scale = c.posterior == "sphere", likelihood_scale(c)
        return Generator(self.shares, image_shape, c.channels, c.sync_batch_norm, init, sphere=sphere, scale=scale)

    def encoder(self, config: NetworkConfig, init: Initializers) -> Encoder:
        c = config
        return Encoder(self.shares, Posterior.of(c), c.channels, c.encoder_norm, c.sync_batch_norm, init)

    def trunk(self, config: NetworkConfig, init: Initializers) -> tf.keras.layers.Layer:
        return DCGAN.trunk(config, init)


RESNET, RESNET_CONSTANT = Residual((1, 2, 4, 8)), Residual((1, 1, 1, 1))
