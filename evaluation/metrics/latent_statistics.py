"""Statistics that show whether the encoder's codes follow the prior, and whether E inverts G."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from tfpagan.evaluation.metrics.base import Batch, Context, Key, Measurement, Metric, Need, Over, known
from tfpagan.evaluation.statistics import Moments

Array = np.ndarray


class LatentStatistics(Metric):
    """The encoder's codes of test images compared with the prior."""

    name, help = "panel", "the encoder's codes compared with the prior"
    over, needs = Over.TEST_IMAGES, frozenset({Need.ENCODER, Need.DECODER})

    def keys(self, official: bool) -> tuple[Key, ...]:
        of_codes = Key("latent_variance_of_means", column="codes", beside="latent_mean_of_variances")
        return tuple(of_codes if name == of_codes.name else Key(name) for name in Statistics._fields)

    def start(self, context: Context) -> Measurement:
        subject, random = context.subject, np.random.default_rng((context.protocol.seed, 2))
        more = _training_images(context) if context.protocol.shown_codes else ()
        return EncoderAgainstPrior(known(subject.encode), known(subject.decode), subject.prior, random, more)


class Statistics(NamedTuple):
    """Averages over dimensions, and the largest deviation.

    latent_mean_rms: root mean square of the dimensions' means; 0 for the prior.
    latent_mean_max: the largest absolute mean of a dimension.
    latent_variance_of_means, latent_mean_of_variances: they add up to 1 for the prior.
    latent_covariance_rms: root mean square of the covariances between dimensions; 0 for the prior.
    latent_cycle_rmse: root mean square per dimension of z - E(G(z)), with E's mean; sqrt(2) when the two are unrelated;
      None without any z.
    """

    latent_mean_rms: float
    latent_mean_max: float
    latent_variance_of_means: float
    latent_mean_of_variances: float
    latent_covariance_rms: float
    latent_cycle_rmse: float | None


class EncoderAgainstPrior(Measurement):
    """Encodes every batch and equally many samples.

    Args:
      encode: images in [-1, 1] to the mean and log-variance of their codes [n, Z].
      decode: codes [n, Z] to images in [-1, 1].
      prior: standard normal numbers [n, Z] to codes of the prior.
      random: draws these numbers.
      more: further batches of images, whose codes only the pictures show.
    """

    def __init__(
        self,
        encode: Callable[[Array], tuple[Array, Array]],
        decode: Callable[[Array], Array],
        prior: Callable[[Array], Array],
        random: np.random.Generator,
        more: Iterable[Array] = (),
    ):
        self._encode, self._decode, self._prior, self._random, self._more = encode, decode, prior, random, more
        self._codes = CodeMoments()

    def update(self, batch: Batch) -> None:
        mean, log_variance = self._encode(batch.images.astype(np.float32) / 127.5 - 1.0)
        self._codes.update(mean, log_variance)
        z = self._prior(self._random.standard_normal(mean.shape).astype(np.float32))
        self._codes.update_cycle(z, self._encode(self._decode(z))[0])

    def result(self) -> Statistics:
        return self._codes.result()

    def details(self) -> dict[str, Any]:
        return {"latent_per_dimension": self._codes.per_dimension()}

    def arrays(self) -> dict[str, Array]:
        for images in self._more:
            self._codes.update(*self._encode(images.astype(np.float32) / 127.5 - 1.0))
        return self._codes.of_means()


def _training_images(context: Context) -> Iterator[Array]:
    """So many that they are, with the test images, as many as the protocol's `shown_codes`; all, if there are fewer."""
    missing = context.protocol.shown_codes - context.count
    for images in context.training.batches(context.batch_size) if context.training and missing > 0 else ():
        yield images[:missing]
        missing -= len(images)
        if missing <= 0:
            return


class CodeMoments:
    """Moments of the aggregated posterior, the mixture of q(z | x) over test images, for comparison with the prior N(0, I).

    Its variance is the variance of the means plus the mean of the variances. A collapsed encoder also has the prior's mean
    and variance, but from noise alone: its variance of the means is 0.
    """

    def __init__(self) -> None:
        self._means, self._count = Moments(), 0
        self._variance = np.zeros(0)
        self._squared_error, self._codes = 0.0, 0

    def update(self, mean: Array, log_variance: Array) -> None:
        """Add the moments [n, Z] of q(z | x) of n images."""
        if not self._count:
            self._variance = np.zeros(mean.shape[1])
        self._means.update(mean)
        self._variance += np.exp(np.asarray(log_variance, np.float64)).sum(0)
        self._count += len(mean)

    def update_cycle(self, z: Array, z_rec: Array) -> None:
        """Add codes [n, Z] of the prior and the means of q(z | G(z))."""
        self._squared_error += float(np.square(np.asarray(z, np.float64) - z_rec).sum())
        self._codes += z.size

    def result(self) -> Statistics:
        """The statistics."""
        mean, covariance = self._means.mean(), self._means.covariance()
        between = covariance[~np.eye(len(mean), dtype=bool)]
        return Statistics(
            latent_mean_rms=float(np.sqrt(np.mean(mean**2))),
            latent_mean_max=float(np.abs(mean).max()),
            latent_variance_of_means=float(np.diag(covariance).mean()),
            latent_mean_of_variances=float((self._variance / self._count).mean()),
            latent_covariance_rms=float(np.sqrt(np.mean(between**2))) if between.size else 0.0,
            latent_cycle_rmse=float(np.sqrt(self._squared_error / self._codes)) if self._codes else None,
        )

    def of_means(self) -> dict[str, Array]:
        """Mean [Z] and covariance [Z, Z] of the means (Rosca et al., 2017, figures 11 and 12)."""
        return {"code_means": self._means.mean(), "code_covariance": self._means.covariance()}

    def per_dimension(self) -> dict[str, list[float]]:
        """Mean, variance of the means and mean of the variances of every dimension [Z]."""
        return {
            "mean": self._means.mean().tolist(),
            "variance_of_means": np.diag(self._means.covariance()).tolist(),
            "mean_of_variances": (self._variance / self._count).tolist(),
        }
