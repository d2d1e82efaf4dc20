"""The stochastic augmentation a(x) (PAGAN section 3, appendix B): per sample, in the graph, a pure function of x and noise.

Every augmentation takes images [N, H, W, C] in [-1, 1] and uniform numbers [N, 2] in [0, 1), and returns images of the
same shape and range. No gradient flows through it: x is data.
"""

import inspect
import warnings
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from tfpagan.errors import UserError
from tfpagan.settings.registries import AUGMENTATIONS
from tfpagan.settings.sections import AugmentationConfig

Augmentation = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
"""a(x): images [N, H, W, C] in [-1, 1] and uniform numbers [N, UNIFORMS] to images of the same shape and range."""


Build = Callable[[AugmentationConfig], Augmentation]
UNIFORMS = 2
"""How many uniform numbers an augmentation takes per sample."""

BLUR_LEVELS = 16
"""How many standard deviations `blur` chooses from: the filter takes one sigma for a whole batch."""


def build(config: AugmentationConfig) -> Augmentation:
    """The augmentation of a configuration.

    >>> a = build(AugmentationConfig(augmentation="pad_crop", pad_fraction=0.1))
    >>> a(tf.zeros([4, 32, 32, 3]), tf.random.uniform([4, UNIFORMS])).shape
    TensorShape([4, 32, 32, 3])

    Raises:
      UserError: now or when it is called, if a registered augmentation is not of the form above.
    """
    name = config.augmentation
    made = _called(name, "its function", AUGMENTATIONS.get(name), config)
    if not callable(made):
        raise UserError(f"--augmentation={name}: its function must return a(x, noise), not {made!r}")
    if made.__module__ == __name__:
        return made

    def checked(x: tf.Tensor, noise: tf.Tensor) -> tf.Tensor:
        out = _called(name, "a(x, noise)", made, x, noise)
        if not tf.is_tensor(out) or (out.shape, out.dtype) != (x.shape, x.dtype):
            given = f"{out.dtype.name} {out.shape}" if tf.is_tensor(out) else repr(out)
            raise UserError(
                f"--augmentation={name} must return images of x's type and shape, {x.dtype.name} {x.shape}, not {given}"
            )
        return out

    return checked


def _called(name: str, what: str, function: Callable[..., Any], *given: Any) -> Any:
    """The value of a registered function, which may take other arguments than it must."""
    try:
        inspect.signature(function).bind(*given)
    except TypeError as e:
        raise UserError(f"--augmentation={name}: {what} must take {len(given)} argument(s): {e}") from None
    return function(*given)


def register(name: str, build: Build) -> None:
    """Register an augmentation of your own as `--augmentation=name`.

    Args:
      name: the flag's value.
      build: maps the augmentation settings to a function a(x, noise).

    Raises:
      UserError: when `build` is not a function, or the name is taken.
    """
    if not callable(build):
        raise UserError(f"{build!r} is not an augmentation: register a function of AugmentationConfig that returns a(x, noise)")
    AUGMENTATIONS.register(name, build)


def build_pad_crop(config: AugmentationConfig) -> Augmentation:
    """Pad and crop with the configured border."""
    return lambda x, noise: pad_crop(x, noise, config.pad_fraction)


def build_blur(config: AugmentationConfig) -> Augmentation:
    """Blur with the configured range of standard deviations."""
    return lambda x, noise: blur(x, noise, config.blur_sigma_min, config.blur_sigma_max)


def build_contrast(config: AugmentationConfig) -> Augmentation:
    """Contrast with the configured range of factors."""
    return lambda x, noise: contrast(x, noise, config.contrast_min, config.contrast_max)


def build_none(config: AugmentationConfig) -> Augmentation:
    """a(x) = x (PAGAN-NOAUG)."""
    return lambda x, noise: x


def pad_crop(x: tf.Tensor, noise: tf.Tensor, pad_fraction: float) -> tf.Tensor:
    """Reflect-pad by a fraction of the image size on each side, then crop back at a random position (section 5).

    At 32 px and 0.1 the border is 3 px and each axis shifts by -3 to 3 px, all equally likely.
    """
    for axis in (1, 2):
        size = x.shape[axis]
        border = min(round(pad_fraction * size), size - 1)
        shift = tf.cast(tf.floor(noise[:, axis - 1] * (2 * border + 1)), tf.int32) - border  # [N]
        place = tf.abs(tf.range(size)[None, :] + shift[:, None])  # [N, size], reflected at the first pixel
        place = (size - 1) - tf.abs((size - 1) - place)  # and at the last
        x = tf.gather(x, place, axis=axis, batch_dims=1)
    return x


def blur(x: tf.Tensor, noise: tf.Tensor, sigma_min: float, sigma_max: float) -> tf.Tensor:
    """Gaussian blur with a standard deviation drawn per image from 16 equally spaced ones in [sigma_min, sigma_max] px.

    Each sigma is one filtering of the whole batch (reflected borders, truncated at 3 sigma_max); every image keeps the result
    of its own sigma.
    """
    blurring = _filter_of_addons() or gaussian_filter
    size = min(2 * round(3 * sigma_max) + 1, 2 * min(x.shape[1], x.shape[2]) - 1)  # reflection allows no larger one
    level = tf.cast(noise[:, 0] * BLUR_LEVELS, tf.int32)[:, None, None, None]  # [N, 1, 1, 1]
    blurred = tf.zeros_like(x)
    for i in range(BLUR_LEVELS):
        sigma = sigma_min + (sigma_max - sigma_min) * i / (BLUR_LEVELS - 1)
        blurred = tf.where(level == i, blurring(x, size, sigma), blurred)
    return blurred


def gaussian_filter(x: tf.Tensor, size: int, sigma: float) -> tf.Tensor:
    """Images [N, H, W, C] blurred by a normalised Gaussian of `size` (odd) pixels each way; borders are reflected.

    It is tensorflow_addons' `gaussian_filter2d`, which TensorFlow 2.21 has not.
    """
    reach = size // 2
    weights = tf.nn.softmax(-tf.square(tf.range(-reach, reach + 1, dtype=tf.float32)) / (2 * sigma**2))
    kernel = tf.tile(tf.cast(weights[:, None] * weights[None, :], x.dtype)[:, :, None, None], [1, 1, x.shape[3], 1])
    padded = tf.pad(x, [[0, 0], [reach, reach], [reach, reach], [0, 0]], mode="REFLECT")
    return tf.nn.depthwise_conv2d(padded, kernel, [1, 1, 1, 1], "VALID")


def _filter_of_addons() -> Callable[[tf.Tensor, int, float], tf.Tensor] | None:
    """Of tensorflow_addons, where it is installed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its end-of-development warning: the version is pinned
        try:
            import tensorflow_addons as tfa  # takes a second, and only this augmentation needs it
        except ImportError:
            return None
    return tfa.image.gaussian_filter2d.python_function  # the tf.function would be retraced, with a warning, for every sigma


def contrast(x: tf.Tensor, noise: tf.Tensor, factor_min: float, factor_max: float) -> tf.Tensor:
    """Scale each channel's distance from its mean by a factor drawn per image, uniform in [factor_min, factor_max)."""
    factor = (factor_min + (factor_max - factor_min) * noise[:, 0])[:, None, None, None]
    mean = tf.reduce_mean(x, [1, 2], keepdims=True)
    return tf.clip_by_value(mean + factor * (x - mean), -1.0, 1.0)
