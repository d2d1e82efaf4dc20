"""Statistics of samples, collected in the pass that scores them."""

from tfpagan.evaluation.classifiers.classifier import Classifier
from tfpagan.evaluation.metrics.base import Batch, Context, Key, Measurement, Metric, Need, Over
from tfpagan.evaluation.reference import Reference
from tfpagan.evaluation.statistics import KID_IMAGES, Moments, RandomSubset


class StatisticsOfSamples(Metric):
    """Collects the statistics of samples, in the same pass as the metrics of a protocol; it has no number of its own.

    Args:
      classifier: whose features they are.

    Attributes:
      found: the statistics, once they have been collected.
    """

    name, help = "statistics of samples", "statistics of samples, for a file"
    over, needs = Over.SAMPLES, frozenset({Need.CLASSIFIER})

    def __init__(self, classifier: Classifier):
        self._classifier = classifier
        self.found: Reference | None = None

    def keys(self, official: bool) -> tuple[Key, ...]:
        return ()

    def start(self, context: Context) -> Measurement:
        return _Collecting(self, self._classifier, context)


class _Collecting(Measurement):
    def __init__(self, metric: StatisticsOfSamples, classifier: Classifier, context: Context):
        self._metric, self._classifier, self._name = metric, classifier, context.subject.name
        self._moments, self._features = Moments(), RandomSubset(context.count, KID_IMAGES, seed=0)

    def update(self, batch: Batch) -> None:
        self._moments.update(batch.features)
        self._features.update(batch.features)

    def result(self) -> tuple[()]:
        network = self._classifier
        features = self._features.array()
        self._metric.found = Reference(self._moments, features, self._name, "", network.name, network.checksum)
        return ()
