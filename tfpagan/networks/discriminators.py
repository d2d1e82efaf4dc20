"""The discriminators: of images, codes, pairs of images, and images with codes; all return logits [N] float32.

Each is called with what it judges and, in training, with a source of uniform numbers for dropout and augmentation; without
one, there is neither.
"""

from collections.abc import Callable
from dataclasses import dataclass

import tensorflow as tf

from tfpagan.forward import diff_augment
from tfpagan.networks.architecture import Trunk
from tfpagan.networks.blocks import LEAK, batch_norm, dense, flat, plain_dense
from tfpagan.networks.initializers import Initializers

Uniform = Callable[[str, int], tf.Tensor]
"""Maps a purpose and a number F to uniform numbers in (0, 1), [N, F]; for each purpose others."""


@dataclass(frozen=True)
class TrunkConfig:
    """The part of a discriminator that takes images.

    Attributes:
      build: creates the trunk from its initializers.
      channels: of the widest layer.
      norm: spectral, batch or none; also for the layers that follow.
      dropout: rate after the last convolution (as in alpha-GAN's Table 3).
      augmentation: of the images, differentiable.
    """

    build: Callable[[Initializers], Trunk]
    channels: int
    norm: str
    dropout: float
    augmentation: str


class ImageTrunk(tf.keras.Model):
    """A discriminator that takes images."""

    def __init__(self, config: TrunkConfig, init: Initializers):
        super().__init__(name=init.name)
        self.trunk = config.build(init.layer("trunk"))
        self.dropout, self.augmentation = config.dropout, config.augmentation

    def augmented(self, images: tuple[tf.Tensor, ...], uniform: Uniform | None) -> list[tf.Tensor]:
        """One or two batches of images [N, H, W, C]; the two of a pair are augmented alike."""
        if self.augmentation == "none" or uniform is None:
            return list(images)
        numbers = uniform("augmentation", diff_augment.size(self.augmentation))
        return [diff_augment.augment(x, numbers, self.augmentation) for x in images]

    def features(self, x: tf.Tensor) -> tf.Tensor:
        """Images [N, H, W, C] to features [N, F]."""
        return flat(self.trunk(x, training=True)[-1])  # discriminators are used in training only

    def drop(self, features: tf.Tensor, uniform: Uniform | None) -> tf.Tensor:
        """Dropout on features [N, F]: a share is zero, the others are scaled up (Srivastava et al., 2014)."""
        if not self.dropout or uniform is None:
            return features
        kept = uniform("dropout", features.shape[1]) >= self.dropout
        return tf.where(kept, features / (1.0 - self.dropout), tf.zeros_like(features))


class ImageDiscriminator(ImageTrunk):
    """Images [N, H, W, C] -> logits [N]: SN-DCGAN (Miyato et al., 2018, table 3), or DCGAN's, with another norm."""

    def __init__(self, config: TrunkConfig, init: Initializers):
        super().__init__(config, init)
        self.to_logit = dense(1, config.norm, init.layer("to_logit"))

    def call(self, x: tf.Tensor, uniform: Uniform | None = None) -> tf.Tensor:
        return self.judge(self.augmented((x,), uniform)[0], uniform)

    def judge(self, x: tf.Tensor, uniform: Uniform | None) -> tf.Tensor:
        """The logits [N] of what the trunk takes."""
        return _logit(self.to_logit(self.drop(self.features(x), uniform)))


class JoinedPairDiscriminator(ImageDiscriminator):
    """Pairs of images, two [N, H, W, C] -> logits [N]: the images joined by width or by channels."""

    def __init__(self, config: TrunkConfig, axis: int, init: Initializers):
        super().__init__(config, init)
        self.axis = axis

    def call(self, pair: tuple[tf.Tensor, tf.Tensor], uniform: Uniform | None = None) -> tf.Tensor:
        return self.judge(tf.concat(self.augmented(pair, uniform), self.axis), uniform)


class SiamesePairDiscriminator(ImageTrunk):
    """Pairs of images, two [N, H, W, C] -> logits [N]: one trunk for both, a hidden layer that compares their features."""

    def __init__(self, config: TrunkConfig, init: Initializers):
        super().__init__(config, init)
        self.compare = dense(config.channels, config.norm, init.layer("compare"))
        self.to_logit = dense(1, config.norm, init.layer("to_logit"))

    def call(self, pair: tuple[tf.Tensor, tf.Tensor], uniform: Uniform | None = None) -> tf.Tensor:
        features = tf.concat(tf.split(self.features(tf.concat(self.augmented(pair, uniform), 0)), 2), 1)  # [2 N, F] -> [N, 2 F]
        return _logit(self.to_logit(tf.nn.leaky_relu(self.compare(self.drop(features, uniform)), LEAK)))


class CodeDiscriminator(tf.keras.Model):
    """Codes [N, Z] -> logits [N]: hidden layers of 512 and 256 units (PAGAN section 5), or others; no dropout.

    Batch norm follows all hidden layers but the first, as in the trunks: there it would subtract the mean of the codes.
    """

    def __init__(self, widths: tuple[int, ...], norm: str, sync: bool, init: Initializers):
        super().__init__(name=init.name)
        self.hidden, self.norms = [], []
        for i, units in enumerate(widths):
            normed = norm == "batch" and i > 0
            layer = (
                plain_dense(units, False, init.layer(f"hidden{i}")) if normed else dense(units, norm, init.layer(f"hidden{i}"))
            )
            self.hidden.append(layer)
            if normed:
                self.norms.append(batch_norm(init.layer(f"norm{i}"), scale=False, synchronized=sync))
        self.to_logit = dense(1, norm, init.layer("to_logit"))

    def call(self, z: tf.Tensor, uniform: Uniform | None = None) -> tf.Tensor:
        norms = iter([None, *self.norms] if self.norms else [None] * len(self.hidden))
        for layer in self.hidden:
            norm, h = next(norms), layer(z)
            z = tf.nn.leaky_relu(norm(h, training=True) if norm else h, LEAK)
        return _logit(self.to_logit(z))


class JointFeaturesDiscriminator(ImageTrunk):
    """Images [N, H, W, C] with codes [N, Z] -> logits [N]: a trunk on the image, a hidden layer on the code, one on both.

    As in ALI and BiGAN (Dumoulin et al., 2017; Donahue et al., 2017): separate features, judged together.
    """

    def __init__(self, config: TrunkConfig, init: Initializers):
        super().__init__(config, init)
        self.of_code = dense(config.channels, config.norm, init.layer("of_code"))
        self.of_both = dense(2 * config.channels, config.norm, init.layer("of_both"))
        self.to_logit = dense(1, config.norm, init.layer("to_logit"))

    def call(self, pair: tuple[tf.Tensor, tf.Tensor], uniform: Uniform | None = None) -> tf.Tensor:
        image, code = pair
        features = self.drop(self.features(self.augmented((image,), uniform)[0]), uniform)
        code_features = tf.nn.leaky_relu(self.of_code(code), LEAK)
        both = tf.concat([features, tf.cast(code_features, features.dtype)], 1)
        return _logit(self.to_logit(tf.nn.leaky_relu(self.of_both(both), LEAK)))


class JointChannelsDiscriminator(ImageDiscriminator):
    """Images [N, H, W, C] with codes [N, Z] -> logits [N]: a linear layer makes the code a further channel of the image.

    All layers then see both: among features at their end, those of the image can drown the code's (docs/learning.md).
    """

    def __init__(self, config: TrunkConfig, size: tuple[int, int], init: Initializers):
        super().__init__(config, init)
        self.size = size
        self.of_code = dense(size[0] * size[1], config.norm, init.layer("of_code"))

    def call(self, pair: tuple[tf.Tensor, tf.Tensor], uniform: Uniform | None = None) -> tf.Tensor:
        image, code = self.augmented((pair[0],), uniform)[0], pair[1]
        channel = tf.reshape(self.of_code(code), [-1, *self.size, 1])
        return self.judge(tf.concat([image, tf.cast(channel, image.dtype)], 3), uniform)


def _logit(column: tf.Tensor) -> tf.Tensor:
    return tf.cast(column[:, 0], tf.float32)  # [N, 1] -> [N]
