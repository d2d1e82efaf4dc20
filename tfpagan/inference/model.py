"""A trained encoder and decoder for use from Python, from a run or an export."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import DTypeLike

from tfpagan.config import Config
from tfpagan.errors import UserError
from tfpagan.images import to_bytes
from tfpagan.latents import between, prior

AT_ONCE = 256
"""Images that go through a network together."""
MOST = 1_000_000  # codes of one call, which are made at once
Moments = tuple[np.ndarray, np.ndarray]


class Model:
    """G and, where there is one, E; on uint8 images or on floats in [-1, 1].

    Attributes:
      name: where it came from.
      image_shape: (H, W, C).
      latent_dim: Z.
      config: of the run; None for an export that does not say.

    >>> import tfpagan
    >>> model = tfpagan.load("runs/mnist")                        # doctest: +SKIP
    >>> codes = model.encode(images)                              # doctest: +SKIP
    >>> reconstructions = model.decode(codes)                     # doctest: +SKIP
    """

    def __init__(
        self,
        name: str,
        image_shape: tuple[int, int, int],
        latent_dim: int,
        decode: Callable[[np.ndarray], np.ndarray] | None,
        encode: Callable[[np.ndarray], Moments] | None,
        config: Config | None = None,
        colourise: Callable[[np.ndarray, np.ndarray], np.ndarray] | None = None,
    ):
        self.name, self.image_shape, self.latent_dim = name, image_shape, latent_dim
        self._decode, self._encode, self.config, self._colourise = decode, encode, config, colourise

    @property
    def colourises(self) -> bool:
        """Whether it is given the lightness of images, and makes their colours."""
        return self._colourise is not None

    def encode(self, images: np.ndarray) -> np.ndarray:
        """The mean codes of images.

        Args:
          images: [N, H, W, C], uint8, or floats in [-1, 1].

        Returns:
          Codes float32 [N, Z].

        Raises:
          UserError: on images of another shape, type or range; when the system has no encoder.
        """
        return self.posterior(images)[0]

    def posterior(self, images: np.ndarray) -> Moments:
        """Mean and log-variance of q(z | x), each float32 [N, Z]; arguments and errors as `encode`."""
        if self._encode is None:
            raise UserError(f"{self.name} has no encoder")
        parts = [self._encode(part) for part in _parts(self._as_float(images))]
        mean, log_variance = (np.concatenate(side) for side in zip(*parts, strict=True))
        return mean, log_variance

    def decode(self, codes: np.ndarray, dtype: DTypeLike = np.uint8) -> np.ndarray:
        """The images of codes.

        Args:
          codes: [N, Z].
          dtype: np.uint8, or np.float32 for floats in (-1, 1).

        Returns:
          Images [N, H, W, C] of that type.

        Raises:
          UserError: on codes of another shape or type, codes that are not finite or overflow, or another dtype.
        """
        if dtype not in ("uint8", "float32", np.uint8, np.float32):  # a np.dtype is equal to its name and type
            named = getattr(dtype, "__name__", dtype)
            raise UserError(f"images of type {named} cannot be given; ask for uint8 or float32")
        if self._decode is None:
            raise UserError(f"{self.name} makes colours of given images, not images of codes; bin/colourise has use of it")
        floats = self._as_codes(codes)
        images = [self._decode(part) for part in _parts(floats)]
        return _given(images, floats, as_bytes=np.dtype(dtype) == np.uint8)

    def colourise(self, images: np.ndarray, codes: np.ndarray) -> np.ndarray:
        """Images in the colours of codes; of a system that is given lightness.

        Args:
          images: [N, H, W, 3], uint8, or floats in [-1, 1]; their lightness is kept, their colours are not looked at.
          codes: [N, Z].

        Returns:
          Images of the same shape and type.

        Raises:
          UserError: when the system makes none, or images and codes are not equally many; and as `encode` and `decode`.
        """
        if self._colourise is None:
            raise UserError(f"{self.name} is not given lightness, and makes no colours of other images")
        x, z = self._as_float(images), self._as_codes(codes)
        if len(x) != len(z):
            raise UserError(f"{len(x)} images and {len(z)} codes are not equally many")
        made = [self._colourise(codes, some) for codes, some in zip(_parts(z), _parts(x), strict=True)]
        return _given(made, z, as_bytes=_array(images).dtype == np.uint8)

    def _as_codes(self, codes: np.ndarray) -> np.ndarray:
        codes = _array(codes)
        if codes.ndim != 2 or codes.shape[1] != self.latent_dim or not len(codes):
            raise UserError(f"codes of shape {list(codes.shape)} cannot be decoded; [N, {self.latent_dim}] is wanted")
        if codes.dtype.kind not in "fiu":
            raise UserError(f"codes of type {codes.dtype} cannot be decoded; numbers are wanted")
        with np.errstate(over="ignore"):
            floats = codes.astype(np.float32)
        if not np.isfinite(floats).all():
            raise UserError("codes that are not finite numbers cannot be decoded")
        return floats

    def reconstruct(self, images: np.ndarray) -> np.ndarray:
        """G(E(x)) with the mean code: images in, images of the same shape and type out; errors as `encode`."""
        if self.colourises:
            return self.colourise(images, self.encode(images))
        return self.decode(self.encode(images), np.uint8 if _array(images).dtype == np.uint8 else np.float32)

    def sample(self, count: int, seed: int = 0, dtype: DTypeLike = np.uint8) -> np.ndarray:
        """G(z) of `count` draws from the prior, [count, H, W, C].

        The same for the same seed, from a run as from its export; more samples begin with the fewer.

        Raises:
          UserError: when count is not positive, or the seed not a 32-bit number.
        """
        return self.decode(self.prior(count, seed), dtype)

    def prior(self, count: int, seed: int = 0) -> np.ndarray:
        """The codes [count, Z] that `sample` decodes; errors as there."""
        if not _is_whole(count) or not 1 <= count <= MOST:
            raise UserError(f"{count} samples cannot be drawn; 1 to {MOST} can")
        if not _is_whole(seed) or not 0 <= seed < 2**31:
            raise UserError(f"seed {seed} is not legal: it must be a whole number, at least 0 and below 2^31")
        return prior(tf.constant(seed), tf.constant(count), self.latent_dim).numpy()

    def interpolate(self, a: np.ndarray, b: np.ndarray, count: int = 8, way: str = "spherical") -> np.ndarray:
        """The images of codes on the way from each a to each b.

        Args:
          a: images [N, H, W, C] or codes [N, Z].
          b: as many, of either kind.
          count: how many images, both ends included.
          way: spherical or linear.

        Returns:
          uint8 images [N, count, H, W, C].

        Raises:
          UserError: when they are not equally many; and as `encode` and `codes.between`.
        """
        codes = self.between(a, b, count, way)
        images = self.decode(codes.reshape(-1, self.latent_dim))
        return images.reshape(*codes.shape[:2], *self.image_shape)

    def between(self, a: np.ndarray, b: np.ndarray, count: int = 8, way: str = "spherical") -> np.ndarray:
        """The codes [N, count, Z] that `interpolate` decodes; arguments and errors as there."""
        start, end = (self._ends(ends) for ends in (a, b))
        if len(start) != len(end):
            raise UserError(f"{len(start)} and {len(end)} ends are not equally many")
        if not _is_whole(count) or not 2 <= count <= MOST // len(start):
            raise UserError(f"{count} images cannot be interpolated; a whole number from 2 to {MOST // len(start)} is wanted")
        return between(start, end, count, way).swapaxes(0, 1)

    def _ends(self, ends: np.ndarray) -> np.ndarray:
        """Codes [N, Z] of images or of codes."""
        ends = _array(ends)
        if ends.ndim == 4:
            return self.encode(ends)
        if ends.ndim != 2 or ends.shape[1] != self.latent_dim or ends.dtype.kind not in "fiu" or not len(ends):
            shape = f"{ends.dtype} of shape {list(ends.shape)}"
            raise UserError(f"{shape} cannot be interpolated; images, or codes [N, {self.latent_dim}], are wanted")
        return ends

    def _as_float(self, images: np.ndarray) -> np.ndarray:
        images = _array(images)
        if images.ndim != 4 or images.shape[1:] != self.image_shape or not len(images):
            wanted = ", ".join(map(str, self.image_shape))
            raise UserError(f"images of shape {list(images.shape)} cannot be encoded; [N, {wanted}] is wanted")
        if images.dtype == np.uint8:
            return images.astype(np.float32) / 127.5 - 1.0
        if images.dtype.kind != "f":
            raise UserError(f"images of type {images.dtype} cannot be encoded; uint8, or floats in [-1, 1], are wanted")
        if not np.abs(images).max() <= 1.001:  # NaN fails too
            raise UserError(f"float images in [{images.min():g}, {images.max():g}] cannot be encoded; they must be in [-1, 1]")
        return images.astype(np.float32)


def _given(images: list[np.ndarray], codes: np.ndarray, *, as_bytes: bool) -> np.ndarray:
    """What was made of codes, in one; refuses what is not finite."""
    if not all(np.isfinite(part).all() for part in images):
        raise UserError(f"codes as large as {np.abs(codes).max():g} cannot be decoded: the network overflows")
    return np.concatenate([to_bytes(part) for part in images] if as_bytes else images)


def _array(values: Any) -> np.ndarray:
    try:
        return np.asarray(values)
    except ValueError:
        raise UserError("lists that are not equally long are no array") from None


def _is_whole(number: Any) -> bool:
    return isinstance(number, (int, np.integer)) and not isinstance(number, bool)


def _parts(rows: np.ndarray) -> Iterator[np.ndarray]:
    for i in range(0, len(rows), AT_ONCE):
        yield rows[i : i + AT_ONCE]
