"""Reconstruction Inception Dissimilarity (Alanov et al., 2018, equation 18)."""

import heapq
import math
from typing import NamedTuple

import numpy as np

from tfpagan.evaluation.errors import EvaluationError
from tfpagan.evaluation.metrics.base import Batch, Context, Key, Measurement, Metric, Need, Over, network
from tfpagan.evaluation.metrics.softmax import log_softmax
from tfpagan.evaluation.results import ScoredPair


class RID(Metric):
    """RID of test images and their reconstructions."""

    name, help = "rid", "RID of test images and their reconstructions"
    over, needs = Over.RECONSTRUCTIONS, frozenset({Need.CLASSIFIER, Need.CLASSIFIED_ORIGINALS})

    def keys(self, official: bool) -> tuple[Key, ...]:
        rid = f"reconstruction_{network(official)}_dissimilarity"
        tag = "rid" if official else ""
        return (
            Key(f"{rid}_mean", better="lower", column="RID", beside=f"{rid}_std", tag=tag, overview=True),
            Key(f"{rid}_std"),
            Key(f"{rid}_median", better="lower"),
            Key(f"{rid}_percentile_95"),
            Key("class_kept", unit="share of images", better="higher", column="class kept", overview=True),
        )

    def start(self, context: Context) -> Measurement:
        return ReconstructionDissimilarity(context.count, splits=context.protocol.splits)


class Dissimilarity(NamedTuple):
    """`mean` and `std` over splits; `median` and `percentile_95`: exp of those of KL; `class_kept`: share of images."""

    mean: float
    std: float
    median: float
    percentile_95: float
    class_kept: float


class ReconstructionDissimilarity(Measurement):
    """RID = exp(mean KL(p(y | x) || p(y | G(E(x))))), 1 for perfect reconstructions.

    Mean and standard deviation (ddof 0) over sequential splits, not shuffled. The divergences have a heavy tail, so
    their median and 95th percentile are reported too, and the images of the largest ones are kept.

    Args:
      count: total number of pairs.
      splits: number of splits; 10 in the paper.
      keep: number of worst pairs to keep.

    Raises:
      EvaluationError: when there are fewer images than splits.
    """

    def __init__(self, count: int, *, splits: int = 10, keep: int = 32):
        if count < splits:
            raise EvaluationError(f"{count} images cannot make {splits} splits of RID")
        self._count, self._splits, self._keep = count, splits, keep
        self._divergences: list[np.ndarray] = []  # 8 bytes per image
        self._kept_class = 0
        self._worst: list[tuple[float, int, np.ndarray, np.ndarray]] = []

    def update(self, batch: Batch) -> None:
        x, x_rec = batch.originals, batch.images
        log_p, log_q = log_softmax(batch.logits_of_originals), log_softmax(batch.logits)
        divergences = (np.exp(log_p) * (log_p - log_q)).sum(1)
        self._kept_class += int((log_p.argmax(1) == log_q.argmax(1)).sum())
        seen = sum(map(len, self._divergences))
        for i in np.argsort(-divergences)[: self._keep]:
            # copies, because views would keep their whole batches in memory
            heapq.heappush(self._worst, (float(divergences[i]), -(seen + int(i)), x[i].copy(), x_rec[i].copy()))
            if len(self._worst) > self._keep:
                heapq.heappop(self._worst)
        self._divergences.append(divergences)

    def result(self) -> Dissimilarity:
        divergences = np.concatenate(self._divergences)
        assert len(divergences) == self._count, (len(divergences), self._count)
        parts = np.split(divergences, [i * self._count // self._splits for i in range(1, self._splits)])
        with np.errstate(over="ignore"):
            scores = np.array([math.inf if (kl := part.mean()) > 700 else math.exp(kl) for part in parts])
            median, percentile = np.exp(np.percentile(divergences, [50, 95]))
        std = float(scores.std()) if np.isfinite(scores).all() else math.inf
        return Dissimilarity(float(scores.mean()), std, float(median), float(percentile), self._kept_class / self._count)

    def worst(self) -> list[ScoredPair]:
        """The largest divergences in nats with x and G(E(x)), largest first."""
        ordered = sorted(self._worst, key=lambda row: row[:2], reverse=True)
        return [ScoredPair(kl, x, x_rec) for kl, _, x, x_rec in ordered]
