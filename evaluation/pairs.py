"""Images with their reconstructions."""

from collections import Counter
from collections.abc import Callable, Iterator

import numpy as np

from tfpagan.evaluation.errors import EvaluationError
from tfpagan.evaluation.images import Images, to_bytes


class Pairs:
    """Images x with their reconstructions.

    Args:
      x: the originals.
      reconstruct: function from float32 images in [-1, 1] to reconstructions of the same shape; or the reconstructions.

    Raises:
      EvaluationError: when reconstructions and originals differ in number or in their files' names.
    """

    def __init__(self, x: Images, reconstruct: Callable[[np.ndarray], np.ndarray] | Images):
        self.name, self.count, self._x, self._reconstruct = x.name, x.count, x, reconstruct
        if callable(reconstruct):
            return
        if reconstruct.count != x.count:
            raise EvaluationError(
                f"{x.count} images in {x.name} and {reconstruct.count} in {reconstruct.name} cannot be paired"
            )
        if (x.names is None) != (reconstruct.names is None):
            named, other = (x.name, reconstruct.name) if x.names else (reconstruct.name, x.name)
            raise EvaluationError(f"{named} has names to pair by, and {other} has none: give two folders, or two arrays")
        for images in (x, reconstruct):
            if twice := next((name for name, count in Counter(images.names or ()).items() if count > 1), None):
                raise EvaluationError(f"{images.name} has several files named {twice}, so that pairs are ambiguous; keep one")
        for one, other in zip(x.names or (), reconstruct.names or (), strict=False):
            if one != other:
                raise EvaluationError(
                    f"{one} in {x.name} and {other} in {reconstruct.name} cannot be paired: give them the same name"
                )

    def batches(self, size: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """uint8 x and x_rec, each [n, H, W, C]."""
        if not callable(self._reconstruct):
            for x, x_rec in zip(self._x.batches(size), self._reconstruct.batches(size), strict=True):
                yield x, _same_shape(x, x_rec)
            return
        for x in self._x.batches(size):
            yield x, _same_shape(x, to_bytes(self._reconstruct(x.astype(np.float32) / 127.5 - 1.0)))


def _same_shape(x: np.ndarray, x_rec: np.ndarray) -> np.ndarray:
    if x.shape != x_rec.shape:
        raise EvaluationError(f"reconstructions {list(x_rec.shape)} do not have the shape of the images {list(x.shape)}")
    return x_rec
