"""The generator conditioned on the lightness of an image, which generates its colours (conditional AGE)."""

import tensorflow as tf

from tfpagan.latents import on_sphere
from tfpagan.networks.blocks import batch_norm, plain_conv, upsampled
from tfpagan.networks.initializers import Initializers

BLOCKS = 5  # residual blocks, at a quarter of the image size


class Generator(tf.keras.Model):
    """Codes [N, Z] with lightness [N, H, W, 1] -> Lab images [N, H, W, 3], scaled, of that lightness.

    AGE section 3.2: codes become constant maps beside the lightness, then a residual network (Johnson et al., 2016: two
    convolutions down, five residual blocks, two up) outputs a and b.
    """

    log_scale = None  # no likelihood

    def __init__(self, channels: int, sync: bool, init: Initializers, *, sphere: bool):
        super().__init__(name=init.name, autocast=False)  # lightness is copied unchanged; the layers cast their inputs
        self.sphere = sphere
        self.first = _ConvNorm(channels // 8, 1, sync, init.layer("first"))
        self.down = [_ConvNorm(channels // s, 2, sync, init.layer(f"down{s}")) for s in (4, 2)]
        self.blocks = [_Residual(channels // 2, sync, init.layer(f"block{i}")) for i in range(BLOCKS)]
        self.up = [_ConvNorm(channels // s, 1, sync, init.layer(f"up{s}")) for s in (4, 8)]
        self.to_image = plain_conv(2, 3, 1, True, init.layer("to_image"))

    def call(self, given: tuple[tf.Tensor, tf.Tensor], training: bool = False) -> tf.Tensor:
        z, lightness = given
        z = on_sphere(z) if self.sphere else z
        maps = tf.tile(z[:, None, None], [1, *lightness.shape[1:3], 1])  # [N, H, W, Z]
        h = self.first(tf.concat([lightness, maps], 3), training=training)
        for down in self.down:
            h = down(h, training=training)
        for block in self.blocks:
            h = block(h, training=training)
        for up in self.up:
            h = up(upsampled(h), training=training)
        colour = tf.tanh(tf.cast(self.to_image(h), tf.float32))  # [N, H, W, 2]
        return tf.concat([lightness, colour], 3)


class _ConvNorm(tf.keras.layers.Layer):
    """3x3 convolution, batch norm, ReLU."""

    def __init__(self, units: int, strides: int, sync: bool, init: Initializers):
        super().__init__(name=init.name)
        self.conv = plain_conv(units, 3, strides, False, init.layer("conv"))
        self.norm = batch_norm(init.layer("norm"), scale=True, synchronized=sync)

    def call(self, x: tf.Tensor, training: bool = False) -> tf.Tensor:
        return tf.nn.relu(self.norm(self.conv(x), training=training))


class _Residual(tf.keras.layers.Layer):
    """Two 3x3 convolutions with batch norm beside the identity."""

    def __init__(self, units: int, sync: bool, init: Initializers):
        super().__init__(name=init.name)
        self.inner = _ConvNorm(units, 1, sync, init.layer("inner"))
        self.conv = plain_conv(units, 3, 1, False, init.layer("conv"))
        self.norm = batch_norm(init.layer("norm"), scale=True, synchronized=sync)

    def call(self, x: tf.Tensor, training: bool = False) -> tf.Tensor:
        return x + self.norm(self.conv(self.inner(x, training=training)), training=training)
