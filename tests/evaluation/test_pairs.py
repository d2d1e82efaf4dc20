"""Images with their reconstructions."""

import pytest
from helpers.scored import images

from tfpagan.evaluation.errors import EvaluationError
from tfpagan.evaluation.images import ArrayImages
from tfpagan.evaluation.pairs import Pairs


def test_pairs_must_match() -> None:
    with pytest.raises(EvaluationError, match="cannot be paired"):
        Pairs(ArrayImages(images(3)), ArrayImages(images(4)))
    double = ArrayImages(images(2))
    double.names = ["a", "a"]  # a.png and a.gif
    with pytest.raises(EvaluationError, match="has several files named a, so that pairs are ambiguous"):
        Pairs(double, double)
    with pytest.raises(EvaluationError, match="do not have the shape"):
        list(Pairs(ArrayImages(images(3)), lambda x: x[:, :8]).batches(2))
