"""A minimal metric from outside the package."""

import numpy as np

from tfpagan.evaluation.metrics import Batch, Context, Key, Measurement, Metric, Over


class Brightness(Metric):
    """Mean grey level of samples."""

    name, help = "brightness", "mean grey level of samples"
    over = Over.SAMPLES

    def keys(self, official: bool) -> tuple[Key, ...]:
        return (Key("brightness", "grey levels", better="higher", column="brightness", tag="bright", overview=True),)

    def start(self, context: Context) -> Measurement:
        return MeanGreyLevel()


class MeanGreyLevel(Measurement):
    def __init__(self) -> None:
        self._means: list[np.ndarray] = []

    def update(self, batch: Batch) -> None:
        self._means.append(batch.images.mean((1, 2, 3)))

    def result(self) -> tuple[float]:
        return (float(np.concatenate(self._means).mean()),)
