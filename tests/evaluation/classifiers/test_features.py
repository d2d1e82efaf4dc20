"""From images to what a classifier takes, and what it gives."""

import numpy as np
import pytest
import tensorflow as tf
from helpers.scored import PX, images, linear_classifier

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
