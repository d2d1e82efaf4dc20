"""From the bytes of files of every kind to pixels."""

import base64
import struct

import numpy as np
import pytest
import tensorflow as tf
from helpers.pictures import png

from tfpagan.data.decode import decode
from tfpagan.evaluation.image_files import ImageFileError

CMYK_RED_JPEG = (  # 8x8, Adobe's inverted CMYK, (0, 255, 255, 0)
    "/9j/7gAOQWRvYmUAZAAAAAAA/9sAQwADAgIDAgIDAwMDBAMDBAUIBQUEBAUKBwcGCAwKDAwLCgsLDQ4SEA0OEQ4LCxAWEBETFBUVFQwPFxgWFBgS"
    "FBUU/8AAFAgACAAIBEMRAE0RAFkRAEsRAP/EAB8AAAEFAQEBAQEBAAAAAAAAAAABAgMEBQYHCAkKC//EALUQAAIBAwMCBAMFBQQEAAABfQECAwAE"
    "EQUSITFBBhNRYQcicRQygZGhCCNCscEVUtHwJDNicoIJChYXGBkaJSYnKCkqNDU2Nzg5OkNERUZHSElKU1RVVldYWVpjZGVmZ2hpanN0dXZ3eHl6"
    "g4SFhoeIiYqSk5SVlpeYmZqio6Slpqeoqaqys7S1tre4ubrCw8TFxsfIycrS09TV1tfY2drh4uPk5ebn6Onq8fLz9PX29/j5+v/aAA4EQwBNAFkA"
    "SwAAPwD9U6/Kqvyqr9U6/9k="
)
RED_THEN_BLUE_GIF = (  # 8x8, two frames
    "R0lGODdhCAAIAIEAAP8AAAAAAAAAAAAAACwAAAAACAAIAAAIDwABCBxIsKDBgwgTKkwYEAAh+QQBAAABACwAAAAACAAIAIEAAP8AAAAAAAAAAAAI"
    "DwABCBxIsKDBgwgTKkwYEAA7"
)


def bmp(red, green, blue):
    """Two by two pixels of one colour, 32 bits each."""
    pixels = bytes([blue, green, red, 0]) * 4
    header = struct.pack("<2sIHHI", b"BM", 54 + len(pixels), 0, 0, 54)
    return header + struct.pack("<IiiHHIIiiII", 40, 2, 2, 1, 32, 0, len(pixels), 0, 0, 0, 0) + pixels


@pytest.mark.parametrize(
    ("data", "colour", "tolerance"),
    [
        (png(4, 4, 70, channels=1), (70, 70, 70), 0),
        (png(4, 4, 255, channels=4), (255, 255, 255), 0),
        (base64.b64decode(RED_THEN_BLUE_GIF), (255, 0, 0), 0),
        (base64.b64decode(CMYK_RED_JPEG), (255, 0, 0), 3),
        (tf.io.encode_jpeg(np.full((8, 8, 1), 90, np.uint8), format="grayscale").numpy(), (90, 90, 90), 1),
        (bmp(10, 20, 30), (10, 20, 30), 0),
    ],
    ids=["grey", "opaque", "animated", "CMYK", "grey JPEG", "32-bit BMP"],
)
def test_every_kind_of_image_becomes_rgb(data, colour, tolerance):
    image = decode(data, 3)
    assert image.dtype == np.uint8
    np.testing.assert_allclose(image[0, 0], colour, atol=tolerance)


@pytest.mark.parametrize(
    "data",
    [b"", b"not an image", png(40, 40)[:50], tf.io.encode_jpeg(np.eye(64)[..., None].astype(np.uint8)).numpy()[:300]],
)
def test_broken_bytes_are_corrupt(data):
    with pytest.raises(ImageFileError):
        decode(data, 3)


def test_grey_is_repeated_and_colours_become_grey() -> None:
    colours = np.random.default_rng(0).integers(0, 256, [4, 4, 3]).astype(np.uint8)
    grey = decode(tf.io.encode_png(colours).numpy(), 1)
    assert np.abs(grey[..., 0] - colours @ np.array([0.299, 0.587, 0.114])).max() <= 1  # ITU-R BT.601
    np.testing.assert_array_equal(decode(tf.io.encode_png(grey).numpy(), 3), grey.repeat(3, 2))


def test_transparent_pixels_are_refused_or_have_a_background() -> None:
    clear = png(4, 4, 0, channels=4)
    with pytest.raises(ImageFileError, match="transparent"):
        decode(clear, 3)
    assert (decode(clear, 3, "white") == 255).all()
    assert (decode(clear, 1, "black") == 0).all()
