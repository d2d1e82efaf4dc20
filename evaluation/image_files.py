"""Image files: one rule for what their pixels are, wherever a file is read.

JPEG is decoded by TensorFlow, as data sets of TFDS are (libraries round differently); PNG, GIF and BMP, which are lossless,
by Pillow. Pixels are turned as EXIF says, palettes are resolved, and of an animation the first frame counts. An image that
has 16 bits per sample or transparent pixels is refused instead of being altered silently.
"""

import functools
import io
import os
import re
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import tensorflow as tf
from absl import logging
from PIL import Image

BEGINNINGS = {"PNG": b"\x89PNG", "JPEG": b"\xff\xd8\xff", "GIF": b"GIF8", "BMP": b"BM"}
FORMATS = tuple(BEGINNINGS)
GREY = ("1", "L", "LA")
"""Pillow's modes without colours."""
DAMAGED = "it is damaged or cut off"
OF_JPEG = ("JPEG", "MPO")
"""What Pillow calls JPEGs; MPO has further images after the first."""
SUFFIXES = (".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".gif", ".bmp", ".webp", ".tif", ".tiff", ".avif")
"""Suffixes of images. WebP, TIFF and AVIF cannot be read: these are refused by name instead of being left out."""
LITTER = re.compile(r"\..*|__MACOSX|Thumbs\.db|desktop\.ini|ehthumbs.*\.db|Icon\r", re.IGNORECASE)
"""Files and folders that file managers and archives leave beside images."""
ORIENTATION = 0x0112
TURNED: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    2: lambda x: x[:, ::-1],
    3: lambda x: x[::-1, ::-1],
    4: lambda x: x[::-1],
    5: lambda x: x.transpose(1, 0, 2),
    6: lambda x: x[::-1].transpose(1, 0, 2),
    7: lambda x: x[::-1, ::-1].transpose(1, 0, 2),
    8: lambda x: x.transpose(1, 0, 2)[::-1],
}
"""By EXIF orientation (Exif 2.32, tag 0x0112): from pixels as they are stored to pixels as they are seen, [H, W, C]."""

Colour = tuple[int, int, int]


class ImageFileError(Exception):
    """Bytes that are not an image, or one that would be altered; the message says why, without a name."""


def decode(data: bytes, background: Colour | None = None) -> np.ndarray:
    """Pixels of a PNG, JPEG, GIF or BMP file: uint8 [H, W, C] with C = 1 (grey) or 3 (RGB).

    Args:
      data: contents of the file.
      background: the colour that shows through transparent pixels; without one, a file with such pixels is refused.

    Raises:
      ImageFileError: when it cannot be decoded, has 16 bits per sample, or has transparent pixels and no background.
    """
    with _opened(data) as image:
        orientation = _orientation(image)
        pixels = _of_jpeg(data) if image.format in OF_JPEG else _of_lossless(image, background)
    return np.ascontiguousarray(TURNED[orientation](pixels)) if orientation in TURNED else pixels


def require_plain(data: bytes, size: tuple[int, int], formats: tuple[str, ...] = FORMATS) -> None:
    """Require an image of this (height, width) whose pixels are those that a plain decoder returns.

    Args:
      data: contents of the file; no more than its header is decoded when the size is another one.
      size: (height, width) in px.
      formats: of FORMATS, those that are accepted.

    Raises:
      ImageFileError: when it is not; when it would have to be turned, or has transparent pixels or 16 bits per sample.
    """
    with _opened(data, formats) as image:
        width, height = image.size
        if (height, width) != size:
            raise ImageFileError(f"it is {height} x {width} px, and {size[0]} x {size[1]} are needed")
        if _orientation(image) != 1:
            raise ImageFileError("its EXIF orientation asks for turning it, which a plain decoder does not; turn its pixels")
        if image.format not in OF_JPEG:
            _of_lossless(image, None)


def has_colour(data: bytes, background: Colour | None = None) -> bool:
    """Whether `decode` returns three channels.

    Raises:
      ImageFileError: when the bytes are not an image.
    """
    with _opened(data) as image:
        return image.mode not in GREY or (image.has_transparency_data and not _is_grey(background))


def under(base: Path) -> list[Path]:
    """The image files under a folder, also through links, sorted by path; hidden files and folders are left out.

    Other files are left out too, and counted in a log line; a folder that is reached twice through links counts once.

    Raises:
      ImageFileError: when a folder cannot be listed.
    """

    found, ignored = [], 0
    for folder, files in _folders(base):
        images = [name for name in files if Path(name).suffix.lower() in SUFFIXES]
        found += [folder / name for name in images]
        ignored += len(files) - len(images)
    if ignored:
        kind = "file that is not an image" if ignored == 1 else "files that are not images"
        say_once(f"{base}: ignoring {ignored} {kind} by name")
    return sorted(found, key=lambda path: os.fsencode(path.relative_to(base).as_posix()))


@functools.cache
def say_once(text: str) -> None:
    """Log a line about a folder, which is read several times by one command."""
    logging.info("%s", text)


def holds(base: Path, other: Path) -> bool:
    """Whether images written into a folder would be among those under another one, also through links."""
    inner = Path(os.path.realpath(other))
    return any(inner.is_relative_to(os.path.realpath(folder)) for folder, _ in _folders(base))


def _folders(base: Path) -> Iterator[tuple[Path, list[str]]]:
    """The folders under one, itself included, each with its files; without what is hidden, and each once."""

    def refuse(e: OSError) -> None:
        raise ImageFileError(f"cannot list {e.filename}: {e.strerror}")

    seen = set()
    for folder, subfolders, files in os.walk(base, onerror=refuse, followlinks=True):
        real = os.path.realpath(folder)
        if real in seen:
            subfolders.clear()
            continue
        seen.add(real)
        subfolders[:] = [name for name in subfolders if not LITTER.fullmatch(name)]
        yield Path(folder), [name for name in files if not LITTER.fullmatch(name)]


def _opened(data: bytes, formats: tuple[str, ...] = FORMATS) -> Image.Image:
    """An image of which only the header is decoded."""
    if not data:
        raise ImageFileError("the file is empty")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(data), formats=formats)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise ImageFileError(f"it has more than {Image.MAX_IMAGE_PIXELS} pixels") from None
    except Image.UnidentifiedImageError:
        if data.startswith(tuple(BEGINNINGS[name] for name in formats)):
            raise ImageFileError(DAMAGED) from None
        raise ImageFileError(f"its contents are not {', '.join(formats[:-1])} or {formats[-1]}") from None
    except Exception:  # what Pillow raises on damaged files: OSError, SyntaxError, ValueError, struct.error, ...
        raise ImageFileError(DAMAGED) from None
    if image.format == "PNG" and data[24] == 16:  # Pillow would drop the lower 8 bits of colours
        raise ImageFileError("it has 16 bits per sample, and 8 are supported")
    if image.format == "PNG" and image.mode == "L" and isinstance(clear := image.info.get("transparency"), int):
        image.info["transparency"] = clear * 255 // (2 ** data[24] - 1)  # Pillow scales grey levels of 2 and 4 bits, not this
    return image


def _orientation(image: Image.Image) -> int:
    """From EXIF, or from XMP; 1 where there is none, or none that can be read."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return int(image.getexif().get(ORIENTATION, 1))
    except Exception:  # a damaged block beside an image that may be whole: viewers ignore it too
        return 1


def _of_jpeg(data: bytes) -> np.ndarray:
    try:
        return tf.io.decode_jpeg(data).numpy()
    except tf.errors.InvalidArgumentError:
        raise ImageFileError(DAMAGED) from None


def _of_lossless(image: Image.Image, background: Colour | None) -> np.ndarray:
    try:
        image.load()
    except Exception:  # as in `_opened`
        raise ImageFileError(DAMAGED) from None
    if not image.has_transparency_data:
        return _array(image.convert("L" if image.mode in GREY else "RGB"))
    whole = _array(image.convert("RGBA"))
    colours, alpha = whole[..., :3], whole[..., 3:]
    if (alpha < 255).any():
        if background is None:
            raise ImageFileError("it has transparent pixels; name a background, white or black, to show behind them")
        share = alpha / np.float32(255)
        colours = np.rint(share * colours + (1 - share) * np.array(background, np.float32)).astype(np.uint8)
    return colours[..., :1] if image.mode in GREY and _is_grey(background) else colours


def _is_grey(colour: Colour | None) -> bool:
    return colour is None or len(set(colour)) == 1


def _array(image: Image.Image) -> np.ndarray:
    pixels = np.asarray(image)
    return pixels[..., None] if pixels.ndim == 2 else pixels
