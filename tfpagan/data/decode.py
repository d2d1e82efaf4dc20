"""From the bytes of an image file to pixels."""

import numpy as np
import tensorflow as tf

FORMATS = "PNG, JPEG, GIF or BMP"


class CorruptImageError(Exception):
    """Bytes that TensorFlow cannot decode as an image; the message says why."""


def decode(data: bytes, channels: int) -> np.ndarray:
    """Bytes of a PNG, JPEG, GIF (first frame) or BMP -> uint8 [H, W, C] with C = 1 or 3.

    Greyscale becomes RGB and transparency is dropped where C = 3; 16-bit samples keep their upper 8 bits.

    Raises:
      CorruptImageError: when the bytes cannot be decoded.
    """
    if not data:
        raise CorruptImageError("the file is empty")
    wanted = 0 if data.startswith(b"BM") else channels  # TensorFlow's BMP decoder refuses to change their number
    try:
        image = tf.io.decode_image(data, channels=wanted, expand_animations=False).numpy()
    except tf.errors.InvalidArgumentError as e:
        raise CorruptImageError(_reason(e)) from None
    return image if image.shape[-1] == channels else _with_channels(image, channels)


def _with_channels(image: np.ndarray, channels: int) -> np.ndarray:
    """[H, W, 1 | 3 | 4] -> [H, W, channels], without transparency."""
    if channels == 1:
        return tf.image.rgb_to_grayscale(image[..., :3]).numpy()
    return np.broadcast_to(image[..., :3], (*image.shape[:2], 3))


def _reason(error: tf.errors.InvalidArgumentError) -> str:
    if "Unknown image file format" in error.message:
        return f"its contents are not {FORMATS}"
    return "damaged or cut off"
