"""Streaming float64 moments of features: mean and covariance of any number of images in constant memory."""

import os
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tfpagan.evaluation.errors import EvaluationError

KID_IMAGES = 5_000
"""How many images are looked at, chosen at random: the features themselves are needed, 8 KiB of Inception's an image."""


class Moments:
    """Count, mean and covariance of the features [N, D] seen so far.

    Sums of deviations from a first guess at the mean, so that features far from zero lose no digits; parts that were
    counted apart add up.

    >>> m = Moments()
    >>> m.update(np.array([[1.0], [3.0]])); m.update(np.array([[5.0]]))
    >>> m.count, m.mean().tolist(), m.covariance().tolist()
    (3, [3.0], [[4.0]])
    """

    def __init__(self) -> None:
        self.count = 0
        self._shift = self._sum = self._products = np.zeros(0)

    def update(self, features: np.ndarray) -> None:
        """Add features [n, D]."""
        features = np.asarray(features, np.float64)
        if not self.count:
            dimensions = features.shape[1]
            self._shift = features.mean(0)
            self._sum, self._products = np.zeros(dimensions), np.zeros([dimensions, dimensions])
        deviations = features - self._shift
        self.count += len(features)
        self._sum += deviations.sum(0)
        self._products += deviations.T @ deviations

    def __add__(self, other: "Moments") -> "Moments":
        if not (self.count and other.count):
            return self if self.count else other
        total = Moments()
        total.count, total._shift = self.count + other.count, self._shift
        move = other._shift - self._shift
        total._sum = self._sum + other._sum + other.count * move
        crossed = np.outer(other._sum, move)
        total._products = self._products + other._products + crossed + crossed.T + other.count * np.outer(move, move)
        return total

    def mean(self) -> np.ndarray:
        """[D]."""
        self._require_two()
        return self._shift + self._sum / self.count

    def covariance(self) -> np.ndarray:
        """[D, D], with N - 1 in the denominator as numpy.cov and the original FID have it."""
        self._require_two()
        return (self._products - np.outer(self._sum, self._sum) / self.count) / (self.count - 1)

    def _require_two(self) -> None:
        if self.count < 2:
            raise EvaluationError(f"{self.count} image(s) have no covariance; at least 2 are needed")

    @classmethod
    def of(cls, mean: np.ndarray, covariance: np.ndarray, count: int) -> "Moments":
        """Moments whose mean and covariance are known, as from a statistics file."""
        moments = cls()
        moments.count, moments._shift = count, np.asarray(mean, np.float64)
        moments._sum = np.zeros_like(moments._shift)
        moments._products = np.asarray(covariance, np.float64) * (count - 1)
        return moments


def write_npz(file: Path, moments: Moments, **more: Any) -> None:
    """A statistics file with the keys that other tools read (`mu` [D], `sigma` [D, D]) and more; whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f"{file.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as f:
            np.savez(f, mu=moments.mean(), sigma=moments.covariance(), count=moments.count, **more)
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)


def read_npz(file: Path) -> tuple[Moments, Mapping[str, np.ndarray]]:
    """The moments of a statistics file, and everything in it; files of other tools, without a count, are read too.

    Raises:
      EvaluationError: when it is no such file.
    """
    try:
        with np.load(file) as stored:
            arrays = {name: stored[name] for name in stored.files}
        mean, covariance = (_real(arrays[name]) for name in ("mu", "sigma"))
        count = int(arrays.get("count", UNKNOWN_COUNT))
    except UNREADABLE as e:
        raise EvaluationError(f"{file} is not a statistics file: an npz with mu [D] and sigma [D, D] is wanted ({e})") from None
    if mean.ndim != 1 or not len(mean) or covariance.shape != (len(mean), len(mean)):
        raise EvaluationError(f"{file} has mu {mean.shape} and sigma {covariance.shape}; [D] and [D, D] are wanted")
    if not (np.isfinite(mean).all() and np.isfinite(covariance).all()):
        raise EvaluationError(f"{file} holds values that are not finite")
    if not 2 <= count <= UNKNOWN_COUNT:
        raise EvaluationError(f"{file} says that it is of {count} images; at least 2 and at most {UNKNOWN_COUNT} are wanted")
    scale = max(np.abs(covariance).max(initial=0.0), 1e-300)
    if np.abs(covariance - covariance.T).max(initial=0.0) > 1e-6 * scale or np.linalg.eigvalsh(covariance)[0] < -1e-6 * scale:
        raise EvaluationError(f"{file} has a sigma that is no covariance: symmetric and without negative eigenvalues")
    return Moments.of(mean, covariance, count), arrays


def _real(array: np.ndarray) -> np.ndarray:
    if array.dtype.kind not in "fiu":
        raise TypeError(f"values of type {array.dtype}")
    return np.asarray(array, np.float64)


UNREADABLE = (
    *(OSError, ValueError, KeyError, EOFError, TypeError, AttributeError, OverflowError),
    *(zipfile.BadZipFile, zlib.error),
)
"""What numpy raises on files that are damaged or of another kind."""

UNKNOWN_COUNT = 1_000_000_000
"""For statistics whose file does not say how many images they are of: more than any rank matters."""


class RandomSubset:
    """Rows of a stream of known length, chosen at random: images that come class by class would otherwise be of few classes.

    Args:
      count: rows that will come.
      limit: how many to keep, in an order that is random too.
      seed: of the choice.
    """

    def __init__(self, count: int, limit: int, *, seed: int):
        chosen = np.random.default_rng(seed).permutation(count)[:limit]
        self._place = np.full(count, -1)
        self._place[chosen] = np.arange(len(chosen))
        self._rows: list[np.ndarray] = []
        self._places: list[np.ndarray] = []
        self._seen = 0

    def update(self, rows: np.ndarray) -> None:
        """The next rows [n, D]."""
        places = self._place[self._seen : self._seen + len(rows)]
        self._rows.append(rows[places >= 0].astype(np.float32))
        self._places.append(places[places >= 0])
        self._seen += len(rows)

    def array(self) -> np.ndarray:
        """[limit, D] float32."""
        return np.concatenate(self._rows)[np.argsort(np.concatenate(self._places))]
