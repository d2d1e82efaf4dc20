"""RID by hand, and its worst pairs."""

import math

import numpy as np
import pytest
from helpers.random_features import RANDOM, noise_images

from tfpagan.evaluation.metrics.base import Batch
from tfpagan.evaluation.metrics.rid import ReconstructionDissimilarity


def rid(p: np.ndarray, q: np.ndarray, batch: int = 1000, **options: int) -> ReconstructionDissimilarity:
    r = ReconstructionDissimilarity(len(p), **options)
    x = noise_images(len(p))
    for i in range(0, len(p), batch):
        now = slice(i, i + batch)
        r.update(Batch(255 - x[now], logits=q[now], originals=x[now], logits_of_originals=p[now]))
    return r


def test_rid_by_hand() -> None:
    """p = (0.5, 0.5), q = (0.8, 0.2): KL = 0.5 ln 0.625 + 0.5 ln 2.5 = 0.5 ln 1.5625, so RID = 1.25; and 1 for p = q."""
    p, q = np.log([[0.5, 0.5]] * 4), np.log([[0.8, 0.2], [0.5, 0.5]] * 2)
    result = rid(p, q, splits=2).result()
    assert result.mean == pytest.approx(math.sqrt(1.25), rel=1e-12)
    assert result.std == pytest.approx(0.0, abs=1e-12)
    assert rid(p[:1], q[:1], splits=1).result().mean == pytest.approx(1.25, rel=1e-12)
    assert result.class_kept == 1.0


def test_rid_of_perfect_reconstructions_is_exactly_one() -> None:
    logits = RANDOM(0).normal(0, 10, [100, 10]).astype(np.float32)
    result = rid(logits, logits).result()
    assert (result.mean, result.std, result.median, result.percentile_95) == (1.0, 0.0, 1.0, 1.0)


@pytest.mark.parametrize("batch", [3, 1000])
def test_rid_has_sequential_splits_that_are_not_shuffled(batch: int) -> None:
    p = np.zeros([25, 2])
    q = np.log([[0.8, 0.2]]).repeat(25, 0)
    q[:5] = 0.0
    result = rid(p, q, batch, splits=5).result()
    assert result.mean == pytest.approx((1 + 4 * 1.25) / 5, rel=1e-12)
    assert result.std == pytest.approx(np.std([1, 1.25, 1.25, 1.25, 1.25]), rel=1e-12)


def test_the_worst_images_are_kept_in_order_whatever_the_batch() -> None:
    p = np.zeros([50, 2])
    q = np.stack([RANDOM(0).permutation(50) / 10.0, np.zeros(50)], 1)
    x = noise_images(50)
    for batch in (7, 50):
        worst = rid(p, q, batch, keep=5).worst()
        assert [kl for kl, _, _ in worst] == sorted((kl for kl, _, _ in worst), reverse=True)
        for (_, image, rec), i in zip(worst, np.argsort(-q[:, 0])[:5], strict=True):
            np.testing.assert_array_equal(image, x[i])
            np.testing.assert_array_equal(rec, 255 - x[i])


def test_rid_of_a_kl_that_overflows_is_infinite_not_an_error() -> None:
    p, q = np.array([[0.0, -2000.0]] * 10), np.array([[-2000.0, 0.0]] * 10)
    assert rid(p, q, splits=1).result().mean == math.inf
