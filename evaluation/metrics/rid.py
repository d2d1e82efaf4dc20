"""Reconstruction Inception Dissimilarity (Alanov et al., 2018, equation 18)."""

import heapq
import math

import numpy as np

from tfpagan.evaluation.errors import EvaluationError
from tfpagan.evaluation.metrics.softmax import log_softmax


class ReconstructionDissimilarity:
    """RID = exp(mean KL(p(y | x) || p(y | G(E(x))))), 1 for perfect reconstructions.

    Mean and standard deviation (ddof 0) over sequential splits, not shuffled. The divergences have a heavy tail, so
    their median and 95th percentile are given too, and the images of the largest ones are kept.

    Args:
      count: images that will be seen.
      splits: 10 in the paper.
      keep: how many of the worst pairs to keep.

    Raises:
      EvaluationError: when there are fewer images than splits.
    """

    def __init__(self, count: int, *, splits: int = 10, keep: int = 32):
        if count < splits:
            raise EvaluationError(f"{count} images cannot make {splits} splits of RID")
        self._count, self._splits, self._keep = count, splits, keep
        self._divergences: list[np.ndarray] = []  # 8 bytes an image
        self._kept_class = 0
        self._worst: list[tuple[float, int, np.ndarray, np.ndarray]] = []

    def update(self, logits_x: np.ndarray, logits_rec: np.ndarray, x: np.ndarray, x_rec: np.ndarray) -> None:
        """Add images [n, H, W, C], their reconstructions, and the logits [n, K] of both."""
        log_p, log_q = log_softmax(logits_x), log_softmax(logits_rec)
        divergences = (np.exp(log_p) * (log_p - log_q)).sum(1)
        self._kept_class += int((log_p.argmax(1) == log_q.argmax(1)).sum())
        seen = sum(map(len, self._divergences))
        for i in np.argsort(-divergences)[: self._keep]:
            # copies: views would keep their whole batches
            heapq.heappush(self._worst, (float(divergences[i]), -(seen + int(i)), x[i].copy(), x_rec[i].copy()))
            if len(self._worst) > self._keep:
                heapq.heappop(self._worst)
        self._divergences.append(divergences)

    def result(self) -> dict[str, float]:
        """`mean` and `std` over splits, `median` and `percentile_95`: exp of those of KL, `class_kept`: a share."""
        divergences = np.concatenate(self._divergences)
        assert len(divergences) == self._count, (len(divergences), self._count)
        parts = np.split(divergences, [i * self._count // self._splits for i in range(1, self._splits)])
        with np.errstate(over="ignore"):
            scores = np.array([math.inf if (kl := part.mean()) > 700 else math.exp(kl) for part in parts])
            median, percentile = np.exp(np.percentile(divergences, [50, 95]))
        return {
            "mean": float(scores.mean()),
            "std": float(scores.std()) if np.isfinite(scores).all() else math.inf,
            "median": float(median),
            "percentile_95": float(percentile),
            "class_kept": self._kept_class / self._count,
        }

    def worst(self) -> list[tuple[float, np.ndarray, np.ndarray]]:
        """The largest divergences in nats with x and G(E(x)), largest first."""
        return [(kl, x, x_rec) for kl, _, x, x_rec in sorted(self._worst, key=lambda row: row[:2], reverse=True)]
