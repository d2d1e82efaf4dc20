"""Frechet Inception Distance (Heusel et al., 2017, equation 6), computed from moments."""

from typing import TYPE_CHECKING

import numpy as np

from tfpagan.evaluation.errors import EvaluationError
from tfpagan.evaluation.metrics.base import Batch, Context, Key, Measurement, Metric, Need, Over, known, network
from tfpagan.evaluation.statistics import Moments

if TYPE_CHECKING:
    from tfpagan.evaluation.reference import Reference


class FID(Metric):
    """Frechet distance of samples to the reference."""

    name, help = "fid", "Frechet distance of samples to the reference"
    over, needs = Over.SAMPLES, frozenset({Need.CLASSIFIER, Need.REFERENCE})

    def keys(self, official: bool) -> tuple[Key, ...]:
        name = f"frechet_{network(official)}_distance"
        return (Key(name, better="lower", column="FID", tag="fid" if official else "", overview=True),)

    def start(self, context: Context) -> Measurement:
        return FrechetDistance(known(context.reference))


class FrechetDistance(Measurement):
    """Frechet distance between the features of all batches and those of the reference."""

    def __init__(self, real: "Reference"):
        self._real, self._moments = real, Moments()

    def update(self, batch: Batch) -> None:
        self._moments.update(batch.features)

    def result(self) -> tuple[float]:
        return (frechet_distance(self._real.moments, self._moments),)


def frechet_distance(one: Moments, other: Moments) -> float:
    """|m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)), the squared Frechet distance of two Gaussians.

    With C1 = S S', tr (C1 C2)^(1/2) is the sum of the square roots of the eigenvalues of the symmetric matrix S' C2 S: two
    symmetric eigenproblems in float64 instead of the square root of a nonsymmetric matrix. C1 is the covariance of the
    fewer images, and S has only rank(C1) columns, because the null space of C1 would add only noise.

    >>> a, b = Moments(), Moments()
    >>> a.update([[-1.0], [1.0]]); b.update([[1.0], [5.0]])      # N(0, 2) and N(3, 8)
    >>> round(frechet_distance(a, b), 9)                         # 3^2 + 2 + 8 - 2 sqrt(16)
    11.0

    Raises:
      EvaluationError: when the two differ in their number of dimensions.
    """
    if one.count > other.count:
        one, other = other, one
    mean_1, mean_2, c_1, c_2 = one.mean(), other.mean(), one.covariance(), other.covariance()
    if mean_1.shape != mean_2.shape:
        raise EvaluationError(
            f"features of {len(mean_1)} and {len(mean_2)} dimensions cannot be compared: they are of different classifiers"
        )
    values, vectors = np.linalg.eigh(c_1)
    real = values > len(values) * np.finfo(np.float64).eps * max(values[-1], 0.0)
    s = vectors[:, real] * np.sqrt(values[real])  # [D, rank]
    products = np.linalg.eigvalsh(s.T @ c_2 @ s)
    covariance_term = np.trace(c_1) + np.trace(c_2) - 2.0 * np.sqrt(np.clip(products, 0.0, None)).sum()
    return max(0.0, float(np.sum((mean_1 - mean_2) ** 2) + covariance_term))  # rounding may leave -1e-13
