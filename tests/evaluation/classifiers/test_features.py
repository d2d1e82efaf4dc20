"""From images to what a classifier takes, and what it gives."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from helpers.scored import PX, images, linear_classifier

from tfpagan.evaluation.classifiers import mixed_precision
from tfpagan.evaluation.classifiers.classifier import Classifier
from tfpagan.evaluation.classifiers.features import FeatureExtractor
from tfpagan.evaluation.classifiers.preprocessing import for_classifier
from tfpagan.evaluation.errors import EvaluationError


def test_the_resize_is_tensorflow_1s() -> None:
    """Output i looks at input i * (in / out), without half pixels: 2 px become 4 as a, (a + b) / 2, b, b."""
    x = tf.constant([[[[0], [200]], [[0], [200]]]], tf.uint8)
    given = for_classifier(x, (4, 4, 3)).numpy() * 128 + 128
    np.testing.assert_allclose(given[0, 1, :, 2], [0, 100, 200, 200])
    same = images(2)
    np.testing.assert_array_equal(for_classifier(tf.constant(same), (PX, PX, 3)), (same.astype(np.float32) - 128) / 128)


def test_features_that_are_not_finite_are_an_error() -> None:
    for bad in (np.nan, np.inf):

        def outputs(x: tf.Tensor, bad: float = bad) -> tuple[tf.Tensor, tf.Tensor]:
            features = tf.reduce_mean(x, [1, 2])
            return features, features * bad

        with pytest.raises(EvaluationError, match="returns features that are not finite"):
            FeatureExtractor(Classifier("bad", "0", (PX, PX, 3), outputs))(images(4))


def test_colour_for_a_greyscale_classifier_is_refused() -> None:
    with pytest.raises(EvaluationError, match="takes greyscale images"):
        FeatureExtractor(linear_classifier(channels=1))(images(4))


def test_a_classifier_in_bfloat16_is_another_one_and_those_in_float32_stay() -> None:
    if "avx512_bf16" not in Path("/proc/cpuinfo").read_text():  # elsewhere TensorFlow may have kernels or not
        pytest.skip("this CPU has no instructions for bfloat16")
    assert mixed_precision.has_bfloat16()
    one, x = linear_classifier(), images(40)
    before = FeatureExtractor(one)
    logits, features = before(x)
    other = one.in_bfloat16()
    assert (other.name, other.official, other.checksum == one.checksum) == ("linear-bfloat16", False, False)
    rounded_logits, rounded = FeatureExtractor(other)(x)
    # A product of bfloat16 numbers, which have 8 bits: off by about 2^-9 of the values, by more than float32 could be.
    error = np.abs(rounded - features).max() / np.abs(features).max()
    assert 1e-4 < error < 2**-6
    assert (rounded.dtype, rounded_logits.dtype) == (np.float32, np.float32)
    for float32 in (before, FeatureExtractor(one)):
        np.testing.assert_array_equal(float32(x)[1], features)
        np.testing.assert_array_equal(float32(images(7, 1))[0], FeatureExtractor(one)(images(7, 1))[0])
    np.testing.assert_allclose(rounded_logits, logits, atol=0.05 * np.abs(logits).max())


def test_bfloat16_where_there_is_none_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mixed_precision, "has_bfloat16", lambda: False)
    with pytest.raises(EvaluationError, match="no kernels for bfloat16 on this CPU"):
        FeatureExtractor(linear_classifier().in_bfloat16())
