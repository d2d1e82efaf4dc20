"""Inception Score (Salimans et al., 2016, section 4), over consecutive splits."""

import numpy as np

from tfpagan.evaluation.errors import EvaluationError
from tfpagan.evaluation.metrics.base import Batch, Context, Key, Measurement, Metric, Need, Over
from tfpagan.evaluation.metrics.softmax import log_softmax


class IS(Metric):
    """Inception Score of samples."""

    name, help = "is", "Inception Score of samples"
    over, needs = Over.SAMPLES, frozenset({Need.CLASSIFIER})

    def keys(self, official: bool) -> tuple[Key, ...]:
        score = "inception_score" if official else "classifier_score"
        mean, std, tag = f"{score}_mean", f"{score}_std", score if official else ""
        return Key(mean, better="higher", column="IS", beside=std, tag=tag, overview=True), Key(std)

    def start(self, context: Context) -> Measurement:
        return InceptionScore(context.count, splits=context.protocol.splits, seed=context.protocol.seed)


class InceptionScore(Measurement):
    """exp(mean KL(p(y | x) || p(y))) of every split; mean and standard deviation (ddof 0) over splits.

    Split i of s holds the images i N / s to (i + 1) N / s. With a `seed`, images are assigned to splits as if shuffled first,
    because images sorted by class would make splits of one class.

    Args:
      count: total number of images.
      splits: number of splits; officially 10.
      seed: of the shuffle; None: the order is kept.

    >>> score = InceptionScore(4, splits=1, seed=None)
    >>> score.update(Batch(logits=np.log([[0.9, 0.1], [0.9, 0.1], [0.1, 0.9], [0.1, 0.9]])))
    >>> [round(x, 6) for x in score.result()]      # exp(0.9 ln 1.8 + 0.1 ln 0.2)
    [1.444935, 0.0]

    Raises:
      EvaluationError: when there are fewer images than splits.
    """

    def __init__(self, count: int, *, splits: int = 10, seed: int | None = 0):
        if count < splits:
            raise EvaluationError(f"{count} images cannot make {splits} splits of the Inception Score")
        place = np.arange(count) if seed is None else np.random.default_rng(seed).permutation(count)
        starts = np.arange(splits) * count // splits
        self._split = np.searchsorted(starts, place, side="right") - 1  # [N], the split of each image
        self._sizes = np.bincount(self._split, minlength=splits)
        self._seen, self._splits = 0, splits
        self._probabilities, self._negentropy = np.zeros(0), np.zeros(splits)

    def update(self, batch: Batch) -> None:
        log_p = log_softmax(batch.logits)
        if not self._seen:
            self._probabilities = np.zeros([self._splits, log_p.shape[1]])
        split = self._split[self._seen : self._seen + len(log_p)]
        p = np.exp(log_p)
        np.add.at(self._probabilities, split, p)
        np.add.at(self._negentropy, split, (p * log_p).sum(1))
        self._seen += len(log_p)

    def result(self) -> tuple[float, float]:
        """Mean and standard deviation over splits."""
        assert self._seen == len(self._split), (self._seen, len(self._split))
        marginal = self._probabilities / self._sizes[:, None]
        # mean over x of KL = mean of sum p log p - sum of p(y) log p(y)
        kl = self._negentropy / self._sizes - (marginal * np.log(np.maximum(marginal, np.finfo(float).tiny))).sum(1)
        scores = np.exp(kl)
        return float(scores.mean()), float(scores.std())
