"""A trained encoder and decoder of a run or an export, for use from Python."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf
from absl import logging
from numpy.typing import DTypeLike

from tfpagan.config import Config
from tfpagan.data.geometry import resolve
from tfpagan.errors import UserError
from tfpagan.images import to_bytes
from tfpagan.latents import between, prior

AT_ONCE = 256
"""Images per call of a network."""
MOST = 1_000_000  # codes per call, which are all in memory at once
Moments = tuple[np.ndarray, np.ndarray]


class Model:
    """A generator G and, if there is one, an encoder E; for images in uint8 or floats in [-1, 1].

    Attributes:
      name: the path it was loaded from.
      image_shape: (H, W, C).
      latent_dim: Z.
      config: of the run; None for an export without it.

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
        """Whether it is a colourisation model: given the lightness of images, it generates their colours."""
        return self._colourise is not None

    def encode(self, images: np.ndarray) -> np.ndarray:
        """The mean codes of images.

        Args:
          images: [N, H, W, C], or [N, H, W] of a grey model, uint8, or floats in [-1, 1]; `fitted` makes them of other sizes.

        Returns:
          Codes float32 [N, Z].

        Raises:
          UserError: on images of the wrong shape, type or range; when the system has no encoder.
        """
        return self.posterior(images)[0]

    def fitted(self, images: np.ndarray) -> np.ndarray:
        """Images of another size as the training of the model cropped, padded or shrank them: uint8 [N, H, W, C].

        Args:
          images: uint8 [N, H', W', C], or [N, H', W'] of a grey model.

        Raises:
          UserError: on images of another type, or that do not fit; when the model does not know how it was trained.
        """
        images = self._with_channel(_array(images))
        if self.config is None:
            raise UserError(f"{self.name} does not say how the images that it was trained on were cropped and shrunk")
        if images.ndim != 4 or images.shape[3] != self.image_shape[2] or images.dtype != np.uint8 or not len(images):
            given = f"{images.dtype} of shape {list(images.shape)}"
            raise UserError(f"{given} cannot be fitted; expected uint8 [N, height, width, {self.image_shape[2]}]")
        data = self.config.data
        geometry = resolve(data.crop, data.image_size, (images.shape[1], images.shape[2]))
        return np.stack([geometry.apply(image) for image in images])

    def _with_channel(self, images: np.ndarray) -> np.ndarray:
        return images[..., None] if images.ndim == 3 and self.image_shape[2] == 1 else images

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
          UserError: on codes of the wrong shape or type, codes that are not finite or overflow, or another dtype.
        """
        if dtype not in ("uint8", "float32", np.uint8, np.float32):  # an np.dtype equals its name and its type
            named = getattr(dtype, "__name__", dtype)
            raise UserError(f"images cannot be of type {named}; dtype must be uint8 or float32")
        if self._decode is None:
            raise UserError(f"{self.name} cannot generate images from codes alone; it colourises images (bin/colourise)")
        floats = self._as_codes(codes)
        images = [self._decode(part) for part in _parts(floats)]
        return _joined(images, floats, as_bytes=np.dtype(dtype) == np.uint8)

    def colourise(self, images: np.ndarray, codes: np.ndarray) -> np.ndarray:
        """Colourise images with the colours of codes, if this is a colourisation model.

        Args:
          images: [N, H, W, 3], uint8, or floats in [-1, 1]; their lightness is kept, their colours are ignored.
          codes: [N, Z].

        Returns:
          Images of the same shape and type.

        Raises:
          UserError: when the model does not colourise, or images and codes differ in number; and as `encode` and `decode`.
        """
        if self._colourise is None:
            raise UserError(f"{self.name} does not colourise images")
        x, z = self._as_float(images), self._as_codes(codes)
        if len(x) != len(z):
            raise UserError(f"images and codes differ in number: {len(x)} and {len(z)}")
        made = [self._colourise(codes, some) for codes, some in zip(_parts(z), _parts(x), strict=True)]
        return _joined(made, z, as_bytes=_array(images).dtype == np.uint8)

    def _as_codes(self, codes: np.ndarray) -> np.ndarray:
        codes = _array(codes)
        if codes.ndim != 2 or codes.shape[1] != self.latent_dim or not len(codes):
            raise UserError(f"codes of shape {list(codes.shape)} cannot be decoded; expected [N, {self.latent_dim}]")
        if codes.dtype.kind not in "fiu":
            raise UserError(f"codes of type {codes.dtype} cannot be decoded; expected numbers")
        with np.errstate(over="ignore"):
            floats = codes.astype(np.float32)
        if not np.isfinite(floats).all():
            raise UserError("codes that are not finite numbers cannot be decoded")
        return floats

    def reconstruct(self, images: np.ndarray) -> np.ndarray:
        """Reconstructions G(E(x)) with the mean code, of the same shape and type as the images; errors as `encode`."""
        if self.colourises:
            return self.colourise(images, self.encode(images))
        return self.decode(self.encode(images), np.uint8 if _array(images).dtype == np.uint8 else np.float32)

    def sample(self, count: int, seed: int = 0, dtype: DTypeLike = np.uint8) -> np.ndarray:
        """Images G(z) [count, H, W, C] of `count` draws from the prior.

        The same seed gives the same samples, from a run and from its export; a larger count starts with the same ones.

        Raises:
          UserError: when count is not in [1, MOST] or seed is not in [0, 2^31).
        """
        return self.decode(self.prior(count, seed), dtype)

    def prior(self, count: int, seed: int = 0) -> np.ndarray:
        """The codes [count, Z] that `sample` decodes; errors as `sample`."""
        if not _is_whole(count) or not 1 <= count <= MOST:
            raise UserError(f"{count} samples cannot be drawn; expected a whole number from 1 to {MOST}")
        if not _is_whole(seed) or not 0 <= seed < 2**31:
            raise UserError(f"seed {seed} is not legal: it must be a whole number, at least 0 and below 2^31")
        return prior(tf.constant(seed), tf.constant(count), self.latent_dim).numpy()

    def interpolate(self, a: np.ndarray, b: np.ndarray, count: int = 8, way: str = "spherical") -> np.ndarray:
        """Images of codes interpolated from each a to its b.

        Args:
          a: images [N, H, W, C] or codes [N, Z].
          b: likewise, as many.
          count: images per interpolation, both ends included.
          way: spherical or linear.

        Returns:
          uint8 images [N, count, H, W, C].

        Raises:
          UserError: when a and b differ in number; and as `encode` and `latents.between`.
        """
        codes = self.between(a, b, count, way)
        images = self.decode(codes.reshape(-1, self.latent_dim))
        return images.reshape(*codes.shape[:2], *self.image_shape)

    def between(self, a: np.ndarray, b: np.ndarray, count: int = 8, way: str = "spherical") -> np.ndarray:
        """The codes [N, count, Z] that `interpolate` decodes; arguments and errors as `interpolate`."""
        start, end = (self._ends(ends) for ends in (a, b))
        if len(start) != len(end):
            raise UserError(f"start and end points differ in number: {len(start)} and {len(end)}")
        if not _is_whole(count) or not 2 <= count <= MOST // len(start):
            raise UserError(f"{count} images cannot be interpolated; expected a whole number from 2 to {MOST // len(start)}")
        return between(start, end, count, way).swapaxes(0, 1)

    def _ends(self, ends: np.ndarray) -> np.ndarray:
        """Codes [N, Z]: images are encoded, codes are returned unchanged."""
        ends = _array(ends)
        if ends.ndim == 4:
            return self.encode(ends)
        if ends.ndim != 2 or ends.shape[1] != self.latent_dim or ends.dtype.kind not in "fiu" or not len(ends):
            shape = f"{ends.dtype} of shape {list(ends.shape)}"
            raise UserError(f"{shape} cannot be interpolated; expected images, or codes [N, {self.latent_dim}]")
        return ends

    def _as_float(self, images: np.ndarray) -> np.ndarray:
        images = self._with_channel(_array(images))
        if images.ndim != 4 or images.shape[1:] != self.image_shape or not len(images):
            wanted = ", ".join(map(str, self.image_shape))
            raise UserError(
                f"images of shape {list(images.shape)} cannot be encoded; expected [N, {wanted}], as fitted(images) makes them"
            )
        if images.dtype == np.uint8:
            return images.astype(np.float32) / 127.5 - 1.0
        if images.dtype.kind != "f":
            raise UserError(f"images of type {images.dtype} cannot be encoded; expected uint8, or floats in [-1, 1]")
        if not np.abs(images).max() <= 1.001:  # NaN fails too
            raise UserError(f"float images in [{images.min():g}, {images.max():g}] cannot be encoded; they must be in [-1, 1]")
        if images.min() >= 0.0 and len(images) > 1:
            logging.warning("no pixel of these %d images is below 0: floats must be in [-1, 1], not [0, 1]", len(images))
        return images.astype(np.float32)


def _joined(images: list[np.ndarray], codes: np.ndarray, *, as_bytes: bool) -> np.ndarray:
    """The batches of generated images as one array; refuses values that are not finite."""
    if not all(np.isfinite(part).all() for part in images):
        raise UserError(f"codes as large as {np.abs(codes).max():g} cannot be decoded: the network overflows")
    return np.concatenate([to_bytes(part) for part in images] if as_bytes else images)


def _array(values: Any) -> np.ndarray:
    try:
        return np.asarray(values)
    except ValueError:
        raise UserError("nested lists of different lengths are not an array") from None


def _is_whole(number: Any) -> bool:
    return isinstance(number, (int, np.integer)) and not isinstance(number, bool)


def _parts(rows: np.ndarray) -> Iterator[np.ndarray]:
    for i in range(0, len(rows), AT_ONCE):
        yield rows[i : i + AT_ONCE]
