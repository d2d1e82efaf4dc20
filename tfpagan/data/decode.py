"""From the bytes of an image file to pixels with a fixed number of channels, and back."""

import numpy as np
import tensorflow as tf

from tfpagan.evaluation import image_files
from tfpagan.evaluation.image_files import Colour

BACKGROUNDS: dict[str, Colour | None] = {"none": None, "white": (255, 255, 255), "black": (0, 0, 0)}
"""By the value of `--background`: what is behind transparent pixels."""


def decode(data: bytes, channels: int, background: str = "none") -> np.ndarray:
    """Bytes of a PNG, JPEG, GIF (first frame) or BMP file -> uint8 [H, W, C] with C = 1 or 3.

    Grey images are repeated over three channels, and colours become grey, where C asks for it; the rest is the rule of
    `evaluation/image_files.py`, which training, evaluation, commands and exports share.

    Raises:
      ImageFileError: when the image cannot be decoded, or not without altering it.
    """
    image = image_files.decode(data, BACKGROUNDS[background])
    if image.shape[2] == channels:
        return image
    return tf.image.rgb_to_grayscale(image).numpy() if channels == 1 else image.repeat(3, 2)


def encode(image: np.ndarray) -> bytes:
    """uint8 [H, W, C] as a PNG, quickly rather than small."""
    return tf.io.encode_png(image, compression=0).numpy()
