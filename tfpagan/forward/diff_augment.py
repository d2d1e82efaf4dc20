"""Differentiable augmentation of what discriminators see, real and fake (Zhao et al., 2020, 'Differentiable Augmentation for
Data-Efficient GAN Training', section 4 and its appendix): `--disc_augmentation=color,translation,cutout`.

Unlike a(x) of the real pairs, it is applied to both sides of a game, so that the game's optimum does not move, and gradients
flow through it to the fakes. All functions take images [N, H, W, C] in [-1, 1] and uniform numbers in (0, 1), and are
differentiable in the images.
"""

import itertools

import tensorflow as tf

from tfpagan.settings.sections import DISC_AUGMENTATIONS

UNIFORMS = {"color": 3, "translation": 2, "cutout": 2}
"""How many uniform numbers each takes per sample."""

SHIFT = 1 / 8  # largest translation, as a fraction of the image's size
CUT = 1 / 2  # side of the square, likewise

assert set(itertools.chain(*(policy.split(",") for policy in DISC_AUGMENTATIONS))) == {"none", *UNIFORMS}


def size(policy: str) -> int:
    """How many uniform numbers a policy takes per sample."""
    return sum(UNIFORMS[name] for name in _names(policy))


def augment(x: tf.Tensor, uniform: tf.Tensor, policy: str) -> tf.Tensor:
    """Images of the same shape; equal numbers augment two images alike, such as those of a pair.

    Args:
      x: images.
      uniform: [N, size(policy)].
      policy: one of DISC_AUGMENTATIONS.
    """
    used = 0
    for name in _names(policy):
        numbers = uniform[:, used : used + UNIFORMS[name]]
        x = {"color": color, "translation": translation, "cutout": cutout}[name](x, numbers)
        used += UNIFORMS[name]
    return x


def color(x: tf.Tensor, uniform: tf.Tensor) -> tf.Tensor:
    """Brightness by -0.5 to 0.5, saturation by a factor of 0 to 2, contrast by 0.5 to 1.5; pixels may leave [-1, 1]."""
    brightness, saturation, contrast = (tf.cast(u, x.dtype)[:, None, None, None] for u in tf.unstack(uniform, axis=1))
    x += brightness - 0.5
    grey = tf.reduce_mean(x, 3, keepdims=True)
    x = grey + 2.0 * saturation * (x - grey)
    mean = tf.reduce_mean(x, [1, 2, 3], keepdims=True)
    return mean + (0.5 + contrast) * (x - mean)


def translation(x: tf.Tensor, uniform: tf.Tensor) -> tf.Tensor:
    """Shifts by up to an eighth of the image's size along each axis; what comes in is 0, the middle grey."""
    for axis in (1, 2):
        length = x.shape[axis]
        most = round(SHIFT * length)
        shift = tf.cast(tf.floor(uniform[:, axis - 1] * (2 * most + 1)), tf.int32) - most  # [N]
        place = tf.range(length)[None, :] + shift[:, None]  # [N, length]
        inside = tf.cast((place >= 0) & (place < length), x.dtype)
        x = tf.gather(x, tf.clip_by_value(place, 0, length - 1), axis=axis, batch_dims=1)
        x *= inside[:, :, None, None] if axis == 1 else inside[:, None, :, None]
    return x


def cutout(x: tf.Tensor, uniform: tf.Tensor) -> tf.Tensor:
    """A square of half the image's size becomes 0; its centre is anywhere, so that part of it may lie outside."""
    masks = []
    for axis in (1, 2):
        length = x.shape[axis]
        side = round(CUT * length)
        first = tf.cast(tf.floor(uniform[:, axis - 1] * (length + 1 - side % 2)), tf.int32) - side // 2  # [N]
        offset = tf.range(length)[None, :] - first[:, None]  # [N, length]
        masks.append((offset >= 0) & (offset < side))
    cut = masks[0][:, :, None, None] & masks[1][:, None, :, None]
    return tf.where(cut, tf.zeros_like(x), x)


def _names(policy: str) -> list[str]:
    return [name for name in policy.split(",") if name != "none"]
