"""The Inception Score against tf-gan's, and its bounds."""

import numpy as np
import pytest
import tensorflow as tf
from helpers.random_features import RANDOM

from tfpagan.evaluation.errors import EvaluationError
from tfpagan.evaluation.metrics.base import Batch
from tfpagan.evaluation.metrics.inception_score import InceptionScore
from tfpagan.evaluation.tf_gan import classifier_metrics as tfgan


def score(logits: np.ndarray, batch: int = 1000, **options: int | None) -> tuple[float, float]:
    s = InceptionScore(len(logits), **options)  # type: ignore[arg-type]
    for i in range(0, len(logits), batch):
        s.update(Batch(logits=logits[i : i + batch]))
    return s.result()


def test_inception_score_of_one_split_is_tf_gans() -> None:
    logits = RANDOM(0).normal(0, 3, [500, 10])
    expected = float(tfgan.classifier_score_from_logits(tf.constant(logits)))
    assert score(logits, splits=1)[0] == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("batch", [1, 64, 997])
def test_inception_score_of_ten_splits_is_tf_gans_on_each(batch: int) -> None:
    logits = RANDOM(0).normal(0, 3, [997, 10])  # does not divide
    parts = [logits[i * 997 // 10 : (i + 1) * 997 // 10] for i in range(10)]
    each = [float(tfgan.classifier_score_from_logits(tf.constant(part))) for part in parts]
    mean, std = score(logits, batch, splits=10, seed=None)
    assert mean == pytest.approx(np.mean(each), rel=1e-9)
    assert std == pytest.approx(np.std(each), rel=1e-6)


def test_inception_score_has_its_bounds() -> None:
    sure = np.log(np.eye(10)[np.arange(1000) % 10] + 1e-30)
    assert 9.0 < score(sure)[0] < 10.0  # shuffled splits of 100 do not hold 10 of each class
    assert score(sure, splits=10, seed=None) == (pytest.approx(10.0, rel=1e-9), pytest.approx(0.0, abs=1e-9))
    assert score(np.zeros([100, 10])) == (pytest.approx(1.0, abs=1e-12), pytest.approx(0.0, abs=1e-12))


def test_images_that_come_class_by_class_are_shuffled() -> None:
    by_class = np.log(np.eye(10)[np.arange(1000) // 100] + 1e-30)
    assert score(by_class, seed=None)[0] == pytest.approx(1.0, abs=1e-9)  # every split is one class
    assert score(by_class, seed=0)[0] > 9.0


def test_fewer_images_than_splits_are_refused() -> None:
    with pytest.raises(EvaluationError, match="9 images cannot make 10 splits"):
        InceptionScore(9)


def test_extreme_logits_stay_finite() -> None:
    logits = np.array([[1e4, -1e4], [-1e4, 1e4]] * 10, np.float32)
    assert score(logits, splits=1)[0] == pytest.approx(2.0, rel=1e-12)
