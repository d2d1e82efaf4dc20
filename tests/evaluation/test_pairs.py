"""Images with their reconstructions."""

import pytest
from helpers.scored import images

from tfpagan.evaluation.errors import EvaluationError
from tfpagan.evaluation.images import ArrayImages
from tfpagan.evaluation.pairs import Pairs


def test_pairs_must_match() -> None:
    with pytest.raises(EvaluationError, match="cannot be paired"):
        Pairs(ArrayImages(images(3)), ArrayImages(images(4)))
    with pytest.raises(EvaluationError, match="do not have the shape"):
        list(Pairs(ArrayImages(images(3)), lambda x: x[:, :8]).batches(2))
