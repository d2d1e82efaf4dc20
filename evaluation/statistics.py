"""Streaming float64 moments of features: mean and covariance of any number of images in constant memory."""

import lzma
import os
import tokenize
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tfpagan.evaluation.errors import EvaluationError

KID_IMAGES = 5_000
"""Number of randomly chosen images that KID uses: it needs their features in memory, 8 KiB per image with Inception."""


class Moments:
    """Count, mean and covariance of the features [N, D] seen so far.

    It sums deviations from the mean of the first batch, so that features far from zero lose no precision. Moments of
    disjoint parts can be added.

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
        """The mean [D]."""
        self._require_two()
        return self._shift + self._sum / self.count

    def covariance(self) -> np.ndarray:
        """The covariance [D, D], with N - 1 in the denominator as in numpy.cov and the original FID."""
        self._require_two()
        return (self._products - np.outer(self._sum, self._sum) / self.count) / (self.count - 1)

    def _require_two(self) -> None:
        if self.count < 2:
            raise EvaluationError(f"{self.count} image(s) have no covariance; at least 2 are needed")

    @classmethod
    def of(cls, mean: np.ndarray, covariance: np.ndarray, count: int) -> "Moments":
        """Moments with a known mean and covariance, such as those from a statistics file."""
        moments = cls()
        moments.count, moments._shift = count, np.asarray(mean, np.float64)
        moments._sum = np.zeros_like(moments._shift)
        moments._products = np.asarray(covariance, np.float64) * (count - 1)
        return moments


def write_npz(file: Path, moments: Moments, **more: Any) -> None:
    """Write a statistics file with the keys that other tools read (`mu` [D], `sigma` [D, D]) and more."""
    save_npz(file, mu=moments.mean(), sigma=moments.covariance(), count=moments.count, **more)


def save_npz(file: Path, **arrays: Any) -> None:
    """Write arrays to an npz file, atomically, creating its folder."""
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f"{file.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as f:
            np.savez(f, **arrays)
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)


def read_npz(file: Path) -> tuple[Moments, Mapping[str, np.ndarray]]:
    """The moments in a statistics file, and all its arrays; files of other tools, without a count, are accepted.

    Raises:
      EvaluationError: when it is not a statistics file.
    """
    try:
        arrays = arrays_in(file)
        mean, covariance = (_real(arrays[name]) for name in ("mu", "sigma"))
        count = int(arrays.get("count", UNKNOWN_COUNT))
    except UNREADABLE as e:
        raise EvaluationError(f"{file} is not a statistics file, an npz with mu [D] and sigma [D, D]: {e}") from None
    if mean.ndim != 1 or not len(mean) or covariance.shape != (len(mean), len(mean)):
        raise EvaluationError(f"{file} has mu {mean.shape} and sigma {covariance.shape}; expected [D] and [D, D]")
    if not (np.isfinite(mean).all() and np.isfinite(covariance).all()):
        raise EvaluationError(f"{file} holds values that are not finite")
    largest = max(np.abs(mean).max(), np.abs(covariance).max())
    if largest > LARGEST:
        raise EvaluationError(f"{file} holds values up to {largest:.1e}, too large to compute with; at most {LARGEST:.0e}")
    if not 2 <= count <= UNKNOWN_COUNT:
        raise EvaluationError(f"{file} has a count of {count} images; it must be at least 2 and at most {UNKNOWN_COUNT}")
    scale = max(np.abs(covariance).max(initial=0.0), 1e-300)
    if np.abs(covariance - covariance.T).max(initial=0.0) > 1e-6 * scale:
        raise EvaluationError(f"{file} has a sigma that is not symmetric")
    if (smallest := np.linalg.eigvalsh(covariance)[0]) < -1e-6 * scale:
        given = arrays["sigma"].dtype
        raise EvaluationError(
            f"{file} has a sigma, {given}, with an eigenvalue of {smallest:.1e}: too far below 0 for rounding"
        )
    return Moments.of(mean, covariance, count), arrays


def arrays_in(file: Path) -> dict[str, np.ndarray]:
    """The arrays of an .npz file by name, or the one of an .npy file, whose name is "".

    Raises:
      UNREADABLE: when it is damaged or of another format, or would take too much memory.
    """
    with file.open("rb") as opened:
        if not opened.read(6).startswith((b"PK", b"\x93NUMPY")):  # of anything else NumPy says that it is a pickle
            raise ValueError("it is neither an .npz nor an .npy file")
    require_small(file)
    stored = np.load(file, allow_pickle=False)
    if isinstance(stored, np.ndarray):
        return {"": stored}
    with stored:
        return {name: stored[name] for name in stored.files}


def require_small(file: Path) -> None:
    """Refuse an npz that unpacks to far more than its own size: one of kilobytes could fill the memory.

    Raises:
      ValueError: saying how large it would be.
    """
    if not zipfile.is_zipfile(file):
        return
    with zipfile.ZipFile(file) as members:  # which returns no more of a member than the size that is stated here
        total = sum(member.file_size for member in members.infolist())
    most = max(MOST_BYTES, MOST_TIMES * file.stat().st_size)
    if total > most:
        raise ValueError(f"its arrays take {total} bytes, and at most {most} are unpacked from a file of its size")


def _real(array: np.ndarray) -> np.ndarray:
    if array.dtype.kind not in "fiu":
        raise TypeError(f"values of type {array.dtype}")
    return np.asarray(array, np.float64)


UNREADABLE = (
    *(OSError, ValueError, KeyError, EOFError, TypeError, AttributeError, OverflowError, MemoryError),
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError, NotImplementedError, RuntimeError),
    tokenize.TokenError,  # numpy tokenizes headers that it cannot parse, and Python 3.12 tells more of them apart
)
"""What numpy and zipfile raise on damaged files, files of other formats, and shapes that do not fit into memory."""

LARGEST = 1e100  # of means and covariances: products of two of them stay finite
MOST_BYTES, MOST_TIMES = 2**31, 10
"""An npz may unpack to so many bytes, and a large one to so many times its own size: images shrink to about a half."""

UNKNOWN_COUNT = 1_000_000_000
"""Count assumed if a statistics file has none: too large for the number of images to limit the covariance's rank."""


def random_places(total: int, count: int, seed: int) -> np.ndarray:
    """`count` different indices below `total`, in increasing order; as many as there are if these are fewer.

    >>> random_places(10, 3, seed=0).tolist()
    [2, 4, 8]
    """
    # RandomState, whose stream numpy promises to keep: the choice is part of a protocol.
    return np.sort(np.random.RandomState(seed % 2**32).permutation(total)[:count])


class RandomSubset:
    """Random rows of a stream of known length; the first rows of a stream sorted by class would be of few classes.

    Args:
      count: number of rows in the stream.
      limit: maximum number of rows to keep, in random order.
      seed: of the choice and the order.
    """

    def __init__(self, count: int, limit: int, *, seed: int):
        chosen = np.random.default_rng(seed).permutation(count)[:limit]
        self._place = np.full(count, -1)
        self._place[chosen] = np.arange(len(chosen))
        self._rows: list[np.ndarray] = []
        self._places: list[np.ndarray] = []
        self._seen = 0

    def update(self, rows: np.ndarray) -> None:
        """Process the next rows [n, D]."""
        places = self._place[self._seen : self._seen + len(rows)]
        self._rows.append(rows[places >= 0].astype(np.float32))
        self._places.append(places[places >= 0])
        self._seen += len(rows)

    def array(self) -> np.ndarray:
        """The chosen rows, float32 [limit, D]."""
        return np.concatenate(self._rows)[np.argsort(np.concatenate(self._places))]
