"""Negative log-likelihood by its variational bound, in nats per image and in bits per dimension."""

import math

import numpy as np


class LikelihoodBound:
    """Mean over images of an upper bound of -log p(x), as AS-VAE's section 5.1 reports it.

    Of 8-bit images the density is that of x + u, u uniform in [0, 1) of a grey level, so that no code can be worth more
    than the discrete distribution allows (Theis et al., 2016, section 3.1): 8 bits per dimension is what uniform noise costs.
    """

    def __init__(self) -> None:
        self._nats: list[np.ndarray] = []
        self._dims = 0

    def update(self, nats: np.ndarray, dims: int) -> None:
        """Add bounds [n], in nats, of images of `dims` numbers."""
        self._nats.append(np.asarray(nats, np.float64))
        self._dims = dims

    def result(self) -> list[float]:
        """Nats per image, their standard error, bits per dimension."""
        nats = np.concatenate(self._nats)
        mean = float(nats.mean())
        return [mean, float(nats.std(ddof=1) / math.sqrt(len(nats))), mean / (self._dims * math.log(2.0))]
