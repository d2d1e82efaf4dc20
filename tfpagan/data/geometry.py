"""From an image of any size to [S, S, C]: crop, then antialiased area resize; never upscaling."""

import dataclasses
import re

import numpy as np
import tensorflow as tf

from tfpagan.errors import UserError

DEFAULT_PX = 64
LEGAL_CROPS = "none, center, center:PX, pad or auto"


@dataclasses.dataclass(frozen=True)
class Geometry:
    """A concrete crop and the final size in px.

    >>> Geometry("pad", 32).apply(np.ones((28, 28, 1), np.uint8)).shape
    (32, 32, 1)
    """

    crop: str  # none, center, center:PX or pad
    image_size: int

    @property
    def center_px(self) -> int | None:
        """The side of a `center:PX` crop; None for other crops."""
        return int(self.crop.partition(":")[2]) if ":" in self.crop else None

    def apply(self, image: np.ndarray) -> np.ndarray:
        """[H, W, C] uint8 -> [S, S, C] uint8.

        Raises:
          UserError: when the image does not fit; the caller adds the image's name.
        """
        self.check(*image.shape[:2])
        if self.crop == "pad":
            return _pad(image, self.image_size)
        side = self.center_px or min(image.shape[:2])
        top, left = ((length - side) // 2 for length in image.shape[:2])
        return _shrink(image[top : top + side, left : left + side], self.image_size)

    def check(self, height: int, width: int) -> None:
        """Refuse a size in px that this geometry does not support.

        Raises:
          UserError: saying what to do instead.
        """
        size, what = self.image_size, f"{width}x{height} px (width x height)"
        if self.crop == "pad":
            if max(height, width) > size:
                raise UserError(f"{what} does not fit into --image_size={size} with --crop=pad; use --crop=center")
            return
        if self.crop == "none" and height != width:
            raise UserError(f"{what} is not square, as --crop=none needs; use --crop=center or --crop=pad")
        needed = self.center_px or size
        if min(height, width) < needed:
            flag = f"--crop={self.crop}" if self.center_px else f"--image_size={size}"
            raise UserError(f"{what} is too small for {flag} and is never enlarged; {self._remedy(min(height, width))}")

    def _remedy(self, side: int) -> str:
        """What to do about an image whose shorter side, in px, is too small."""
        smaller = f"--image_size={side - side % 8} or less, " if side >= 8 and not self.center_px else ""
        smaller = f"a --crop=center:PX of at most {side}, " if self.center_px else smaller
        return f"use {smaller}--crop=pad, or leave small images out"


def resolve(crop: str, image_size: int, source_px: tuple[int, int] | None) -> Geometry:
    """The geometry of flags, given the (height, width) in px that all images share, or None if they differ.

    `auto` keeps squares of the right size, pads to the next multiple of 8 (MNIST: 28 -> 32), and crops the rest.

    Raises:
      UserError: on an illegal crop, a crop that contradicts the size, or images that do not fit.
    """
    if not re.fullmatch(r"none|center|center:[1-9][0-9]*|pad|auto", crop):
        raise UserError(f"--crop={crop!r} is not legal: it must be {LEGAL_CROPS}")
    size = image_size or _default_size(crop, source_px)
    geometry = Geometry(_auto(size, source_px) if crop == "auto" else crop, size)
    if geometry.center_px is not None and geometry.center_px < size:
        raise UserError(f"--crop={crop} is smaller than --image_size={size}; images are never enlarged")
    if source_px is not None:
        try:
            geometry.check(*source_px)
        except UserError as e:
            raise UserError(f"every image of this data set: {e}") from None
    return geometry


def _default_size(crop: str, source_px: tuple[int, int] | None) -> int:
    if source_px is None:
        return DEFAULT_PX
    height, width = source_px
    if crop == "pad" or (crop == "auto" and height == width < DEFAULT_PX):
        return _next_multiple_of_8(max(height, width))
    side = int(crop.partition(":")[2]) if ":" in crop else min(height, width)
    if height == width == side and side % 8 == 0:
        return side
    return max(8, min(DEFAULT_PX, side - side % 8))


def _auto(size: int, source_px: tuple[int, int] | None) -> str:
    if source_px is None or source_px[0] != source_px[1] or source_px[0] > size:
        return "center"
    if source_px[0] == size:
        return "none"
    return "pad" if _next_multiple_of_8(source_px[0]) == size else "center"


def _next_multiple_of_8(px: int) -> int:
    return -(-px // 8) * 8


def _pad(image: np.ndarray, size: int) -> np.ndarray:
    height, width, channels = image.shape
    top, left = (size - height) // 2, (size - width) // 2
    padded = np.zeros((size, size, channels), np.uint8)
    padded[top : top + height, left : left + width] = image
    return padded


def _shrink(image: np.ndarray, size: int) -> np.ndarray:
    if image.shape[0] == size:
        return image
    mean = tf.image.resize(image, (size, size), method=tf.image.ResizeMethod.AREA).numpy()
    return np.floor(mean + 0.5).astype(np.uint8)  # astype alone would truncate, and darken by half a level
