"""Protocols that can be, and those that cannot."""

import pytest

from tfpagan.evaluation import protocols
from tfpagan.evaluation.errors import EvaluationError
from tfpagan.evaluation.protocols import Protocol


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"metrics": ("fdi",)}, r"unknown metric 'fdi' \(did you mean fid\?\); known: is, fid"),
        ({"metrics": ()}, "no metric is requested"),
        ({"samples": 1}, "1 images cannot be scored; at least 2"),
        ({"code": "mode"}, "code 'mode' is not legal; it must be mean or draw"),
        ({"splits": 0}, "0 splits"),
    ],
)
def test_protocols_that_cannot_be_are_refused(fields: dict, message: str) -> None:
    with pytest.raises(EvaluationError, match=message):
        Protocol(**fields)
    with pytest.raises(EvaluationError, match=r"unknown protocol 'is5k'; known: .*is50k, fid50k, rid10k"):
        protocols.get("is5k")
