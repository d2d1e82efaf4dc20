"""Classifiers from SavedModels: called, checked, named with their checksum."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from helpers.classifiers import Network, write

from tfpagan.evaluation.classifiers import classifier
from tfpagan.evaluation.classifiers.classifier import INCEPTION_SHAPE, from_saved_model
from tfpagan.evaluation.classifiers.features import FeatureExtractor
from tfpagan.evaluation.errors import EvaluationError

X = np.random.default_rng(1).integers(0, 256, [5, 16, 16, 3]).astype(np.uint8)


@pytest.mark.parametrize("signature", [False, True])
def test_a_saved_model_is_called_or_its_signature_is(tmp_path: Path, signature: bool) -> None:
    found = from_saved_model(write(tmp_path / "net", signature=signature))
    assert (found.name, found.shape, found.official) == ("net", (16, 16, 3), False)
    logits, features = FeatureExtractor(found)(X)
    assert (logits.shape, features.shape) == ((5, 10), (5, 8))
    network = Network(10, 8, (16, 16, 3), ("logits", "pool_3"))
    expected = network.outputs((X.astype(np.float32) - 128) / 128)["logits"]
    np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-5)


def test_an_input_without_a_size_gets_inceptions(tmp_path: Path) -> None:
    assert from_saved_model(write(tmp_path / "net", shape=(None, None, 3))).shape == INCEPTION_SHAPE


def test_the_checksum_follows_the_weights(tmp_path: Path) -> None:
    first = from_saved_model(write(tmp_path / "a")).checksum
    data = next((tmp_path / "a/variables").glob("*.data*"))
    data.write_bytes(data.read_bytes()[:-1] + b"x")
    assert classifier.checksum(tmp_path / "a") != first
    assert len(first) == 16


def test_what_is_no_classifier_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match=r"holds no classifier: saved_model\.pb is missing"):
        from_saved_model(tmp_path)
    with pytest.raises(EvaluationError, match=r"net returns features, probs; a classifier returns logits \[N, K\] and pool_3"):
        from_saved_model(write(tmp_path / "net", keys=("probs", "features")))
    model = write(tmp_path / "half") / "saved_model.pb"
    model.write_bytes(model.read_bytes()[:100])
    with pytest.raises(EvaluationError, match="cannot be read"):
        from_saved_model(tmp_path / "half")


Outputs = dict[str, tf.Tensor]
FOREIGN: dict[str, tuple[tuple[int | None, ...], Callable[[tf.Tensor], Outputs], str]] = {
    "a vector": ((None, 8, 8, 3), lambda x: {"logits": x[:, 0, 0, 0], "pool_3": x[:, 0, 0]}, r"returns logits \(3,\)"),
    "a number": ((None, 8, 8, 3), lambda x: {"logits": tf.reduce_mean(x), "pool_3": x[:, 0, 0]}, r"returns logits \(\)"),
    "no features": ((None, 8, 8, 3), lambda x: {"logits": x[:, 0, 0], "pool_3": x[:, 0, 0, :0]}, r"pool_3 \(3, 0\)"),
    "one row": ((None, 8, 8, 3), lambda x: {"logits": x[:1, 0, 0], "pool_3": x[:, 0, 0]}, r"returns logits \(1, 3\)"),
    "words": ((None, 8, 8, 3), lambda x: {"logits": tf.as_string(x[:, 0, 0]), "pool_3": x[:, 0, 0]}, "string"),
    "four channels": ((None, 8, 8, 4), lambda x: {"logits": x[:, 0, 0], "pool_3": x[:, 0, 0]}, "C is 4"),
    "a fixed batch": ((2, 8, 8, 3), lambda x: {"logits": x[:, 0, 0], "pool_3": x[:, 0, 0]}, "does not take images"),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_foreign_networks_are_refused_in_one_line(tmp_path: Path, name: str) -> None:
    shape, function, message = FOREIGN[name]
    module = tf.Module()
    module.__call__ = tf.function(function, input_signature=[tf.TensorSpec(shape, tf.float32, "images")])
    tf.saved_model.save(module, str(tmp_path / "net"), signatures={"serving_default": module.__call__})
    with pytest.raises(EvaluationError, match=message) as caught:
        from_saved_model(tmp_path / "net")
    assert "\n" not in str(caught.value)
