"""Pixel errors of reconstructions: RMSE as in PAGAN's Table 2, and PSNR."""

from typing import NamedTuple

import numpy as np

from tfpagan.evaluation.metrics.base import Batch, Context, Key, Measurement, Metric, Over


class RMSE(Metric):
    """RMSE and PSNR of reconstructions."""

    name, help = "rmse", "RMSE and PSNR of reconstructions"
    over = Over.RECONSTRUCTIONS

    def keys(self, official: bool) -> tuple[Key, ...]:
        unit = "norm of pixels in [0, 1]"
        return (
            Key("rmse", unit, better="lower", column="RMSE", overview=True),
            Key("rmse_error", unit),
            Key("psnr", "dB", better="higher"),
        )

    def start(self, context: Context) -> Measurement:
        return PixelErrors()


class Errors(NamedTuple):
    """`rmse`; `rmse_error`, its standard error, None for one image; `psnr`, None if an image is reconstructed exactly."""

    rmse: float
    rmse_error: float | None
    psnr: float | None


class PixelErrors(Measurement):
    """RMSE: mean over images of the Euclidean norm of x - G(E(x)), pixels in [0, 1]. PSNR: mean over images, in dB.

    >>> errors = PixelErrors()
    >>> errors.update(Batch(np.full([1, 2, 2, 1], 51, np.uint8), originals=np.zeros([1, 2, 2, 1], np.uint8)))
    >>> errors.result().rmse, round(errors.result().psnr, 6)      # sqrt(4 * 0.2^2), 10 log10(1 / 0.04)
    (0.4, 13.9794)
    """

    undefined = "an image is reconstructed exactly, or it is the only one"

    def __init__(self) -> None:
        self._norms: list[np.ndarray] = []  # 8 bytes per image
        self._pixels = 0

    def update(self, batch: Batch) -> None:
        x, x_rec = batch.originals, batch.images
        assert x.dtype == x_rec.dtype == np.uint8, (x.dtype, x_rec.dtype)
        difference = (x.astype(np.float64) - x_rec.astype(np.float64)) / 255.0
        self._pixels = int(np.prod(x.shape[1:]))
        self._norms.append(np.sqrt(np.square(difference).sum((1, 2, 3))))

    def result(self) -> Errors:
        norms = np.concatenate(self._norms)
        exact = bool((norms == 0.0).any())
        psnr = None if exact else float(np.mean(-10.0 * np.log10(np.square(norms) / self._pixels)))
        error = float(norms.std(ddof=1) / np.sqrt(len(norms))) if len(norms) > 1 else None
        return Errors(float(norms.mean()), error, psnr)
