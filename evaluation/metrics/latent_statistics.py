"""Whether the encoder's codes follow the prior, and whether the two networks invert each other."""

import numpy as np

from tfpagan.evaluation.statistics import Moments


class EncoderPanel:
    """Moments of the aggregated posterior, the mixture of q(z | x) over test images, against the prior N(0, I).

    Its variance is the variance of the means plus the mean of the variances. A collapsed encoder has the prior's mean
    and variance too, from noise alone: its variance of the means is 0.
    """

    def __init__(self) -> None:
        self._means, self._count = Moments(), 0
        self._variance = np.zeros(0)
        self._squared_error, self._codes = 0.0, 0

    def update(self, mean: np.ndarray, log_variance: np.ndarray) -> None:
        """Add the moments [n, Z] of q(z | x) of n images."""
        if not self._count:
            self._variance = np.zeros(mean.shape[1])
        self._means.update(mean)
        self._variance += np.exp(np.asarray(log_variance, np.float64)).sum(0)
        self._count += len(mean)

    def update_cycle(self, z: np.ndarray, z_rec: np.ndarray) -> None:
        """Add codes [n, Z] of the prior and the means of q(z | G(z))."""
        self._squared_error += float(np.square(np.asarray(z, np.float64) - z_rec).sum())
        self._codes += z.size

    def result(self) -> dict[str, float]:
        """Averages over dimensions, and the dimension that is farthest off.

        latent_mean_rms: root mean square of the dimensions' means; 0 for the prior.
        latent_mean_max: the largest absolute mean of a dimension.
        latent_variance_of_means, latent_mean_of_variances: they add up to 1 for the prior.
        latent_covariance_rms: root mean square of the covariances between dimensions; 0 for the prior.
        latent_cycle_rmse: root mean square per dimension of z - E(G(z)), E's mean; sqrt(2) when the two are unrelated.
        """
        mean, covariance = self._means.mean(), self._means.covariance()
        between = covariance[~np.eye(len(mean), dtype=bool)]
        values = {
            "latent_mean_rms": np.sqrt(np.mean(mean**2)),
            "latent_mean_max": np.abs(mean).max(),
            "latent_variance_of_means": np.diag(covariance).mean(),
            "latent_mean_of_variances": (self._variance / self._count).mean(),
            "latent_covariance_rms": np.sqrt(np.mean(between**2)) if between.size else 0.0,
        }
        if self._codes:
            values["latent_cycle_rmse"] = np.sqrt(self._squared_error / self._codes)
        return {name: float(value) for name, value in values.items()}

    def per_dimension(self) -> dict[str, list[float]]:
        """Mean, variance of the means and mean of the variances of every dimension [Z]."""
        return {
            "mean": self._means.mean().tolist(),
            "variance_of_means": np.diag(self._means.covariance()).tolist(),
            "mean_of_variances": (self._variance / self._count).tolist(),
        }
