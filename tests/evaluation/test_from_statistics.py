"""Scores of statistics without images."""

import numpy as np
import pytest

from tfpagan.evaluation import from_statistics
from tfpagan.evaluation.errors import EvaluationError
from tfpagan.evaluation.protocols import Protocol
from tfpagan.evaluation.reference import Reference
from tfpagan.evaluation.statistics import Moments

FID = Protocol(metrics=("fid",))


def statistics(dimensions: int, mean: float = 0.0, classifier: str = "", checksum: str = "") -> Reference:
    moments = Moments.of(np.full(dimensions, mean), np.eye(dimensions), 10_000)
    return Reference(moments, np.zeros([0, dimensions]), "file", "c0ffee", classifier, checksum)


@pytest.mark.parametrize(
    ("one", "other", "name"),
    [
        (statistics(2048), statistics(2048, 0.5), "inception"),  # as pytorch-fid writes them: no network is stated
        (statistics(2048), statistics(2048, 0.5, "vgg", "1"), "classifier"),
        (statistics(2048, 0.0, "inception-2015-12-05", "2"), statistics(2048, 0.5), "inception"),
        (statistics(4), statistics(4, 0.5), "classifier"),
    ],
)
def test_only_a_distance_of_inceptions_features_is_named_so(one: Reference, other: Reference, name: str) -> None:
    distance = len(one.moments.mean()) * 0.25
    assert from_statistics.score(FID, one, other).metrics == {f"frechet_{name}_distance": pytest.approx(distance)}


def test_statistics_of_different_networks_are_not_compared() -> None:
    with pytest.raises(EvaluationError, match=r"computed with classifier 1 \(vgg\), but file with classifier 2 \(vgg\)"):
        from_statistics.score(FID, statistics(4, 0.0, "vgg", "1"), statistics(4, 0.0, "vgg", "2"))
    with pytest.raises(EvaluationError, match="features of 5 and 4 dimensions cannot be compared"):
        from_statistics.score(FID, statistics(5), statistics(4))
