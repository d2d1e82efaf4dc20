"""The metrics, one file each, by name."""

from collections.abc import Mapping

from tfpagan.evaluation.errors import EvaluationError
from tfpagan.evaluation.metrics.ais import AIS
from tfpagan.evaluation.metrics.base import Batch, Context, Key, Measurement, Metric, Need, Over
from tfpagan.evaluation.metrics.fid import FID
from tfpagan.evaluation.metrics.fid_rec import FIDOfReconstructions
from tfpagan.evaluation.metrics.inception_score import IS
from tfpagan.evaluation.metrics.kid import KID
from tfpagan.evaluation.metrics.latent_statistics import LatentStatistics
from tfpagan.evaluation.metrics.ms_ssim import MSSSIM
from tfpagan.evaluation.metrics.nll import NLL
from tfpagan.evaluation.metrics.rid import RID
from tfpagan.evaluation.metrics.rmse import RMSE
from tfpagan.evaluation.metrics.wasserstein_critic import WassersteinCritic

__all__ = ["METRICS", "Batch", "Context", "Key", "Measurement", "Metric", "Need", "Over", "keys", "register"]

METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        IS(),
        FID(),
        KID(),
        MSSSIM(),
        RID(),
        RMSE(),
        FIDOfReconstructions(),
        LatentStatistics(),
        NLL(),
        AIS(),
        WassersteinCritic(),
    )
}


def register(metric: Metric) -> Metric:
    """Register a metric of your own under its `name`; one that a notebook's cell made replaces that of the cell's last run.

    Raises:
      EvaluationError: when it is not a metric, or its name or one of its keys is taken otherwise.
    """
    _check(metric)
    before = METRICS.get(metric.name)
    if before and not before.__module__ == metric.__module__ == "__main__":
        raise EvaluationError(f"metric {metric.name!r} exists already; register yours under another name")
    taken = {key.name for other in METRICS.values() if other is not before for key in (*other.keys(True), *other.keys(False))}
    for key in (*metric.keys(True), *metric.keys(False)):
        if key.name in taken:
            raise EvaluationError(f"metric {metric.name!r} has the key {key.name!r} of another metric; name yours differently")
    METRICS[metric.name] = metric
    return metric


def keys() -> Mapping[str, Key]:
    """The keys of all metrics by name; those for the official classifier come first."""
    return {key.name: key for official in (True, False) for metric in METRICS.values() for key in metric.keys(official)}


def _check(metric: object) -> None:
    if not isinstance(metric, Metric):
        raise EvaluationError(f"{metric!r} is not a metric: expected an instance of a class that derives from Metric")
    name = getattr(metric, "name", None)
    if not isinstance(name, str) or not name.isidentifier() or name != name.lower():
        raise EvaluationError(f"{name!r} is not a legal metric name: use lower-case letters, digits and underscores")
    if not isinstance(getattr(metric, "help", None), str) or not isinstance(getattr(metric, "over", None), Over):
        raise EvaluationError(f"metric {name!r} does not declare help, one line, and over, an Over")
    if metric.needs & {Need.REFERENCE, Need.CLASSIFIED_ORIGINALS} and Need.CLASSIFIER not in metric.needs:
        raise EvaluationError(f"metric {name!r} needs a classifier's outputs but does not declare Need.CLASSIFIER")
    for key in (*metric.keys(True), *metric.keys(False)):
        if key.better not in (None, "higher", "lower"):
            raise EvaluationError(f"key {key.name!r} has better={key.better!r}; it must be 'higher', 'lower' or None")
    if not metric.keys(True) or not metric.keys(False):
        raise EvaluationError(f"metric {name!r} has no keys")
