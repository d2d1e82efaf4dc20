"""Pixel errors of reconstructions: RMSE as the PAGAN paper's Table 2 means it, and PSNR."""

import numpy as np


class PixelErrors:
    """RMSE: mean over images of the Euclidean norm of x - G(E(x)), pixels in [0, 1]. PSNR: mean over images, in dB.

    >>> errors = PixelErrors()
    >>> errors.update(np.zeros([1, 2, 2, 1], np.uint8), np.full([1, 2, 2, 1], 51, np.uint8))
    >>> errors.result()["rmse"], round(errors.result()["psnr"], 6)      # sqrt(4 * 0.2^2), 10 log10(1 / 0.04)
    (0.4, 13.9794)
    """

    def __init__(self) -> None:
        self._norms: list[np.ndarray] = []  # 8 bytes an image
        self._pixels = 0

    def update(self, x: np.ndarray, x_rec: np.ndarray) -> None:
        """Add uint8 images [n, H, W, C] and their reconstructions."""
        assert x.dtype == x_rec.dtype == np.uint8, (x.dtype, x_rec.dtype)
        difference = (x.astype(np.float64) - x_rec.astype(np.float64)) / 255.0
        self._pixels = int(np.prod(x.shape[1:]))
        self._norms.append(np.sqrt(np.square(difference).sum((1, 2, 3))))

    def result(self) -> dict[str, float | None]:
        """`rmse`; `rmse_error`, its standard error, None for one image; `psnr`, None where an image is reproduced exactly."""
        norms = np.concatenate(self._norms)
        exact = bool((norms == 0.0).any())
        psnr = None if exact else float(np.mean(-10.0 * np.log10(np.square(norms) / self._pixels)))
        error = float(norms.std(ddof=1) / np.sqrt(len(norms))) if len(norms) > 1 else None
        return {"rmse": float(norms.mean()), "rmse_error": error, "psnr": psnr}
