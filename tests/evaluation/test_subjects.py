"""Exports as what is scored, and those that cannot be."""

from collections.abc import Callable
from pathlib import Path

import pytest
import tensorflow as tf
from helpers.scored import ALL, DECODER, MODEL, PX, Z, images, linear_classifier

from tfpagan.evaluation.errors import EvaluationError
from tfpagan.evaluation.images import ArrayImages
from tfpagan.evaluation.protocols import Protocol
from tfpagan.evaluation.scorer import Scorer
from tfpagan.evaluation.subjects import of_saved_model


def test_an_export_is_scored_as_the_model_is(tmp_path: Path) -> None:
    class Served(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None, Z], tf.float32, "latents")])
        def decode(self, latents: tf.Tensor) -> dict[str, tf.Tensor]:
            return {"images": tf.reshape(tf.tanh(latents @ DECODER / 3), [-1, PX, PX, 3])}

        @tf.function(input_signature=[tf.TensorSpec([None, PX, PX, 3], tf.float32, "images")])
        def encode(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
            mean = tf.reshape(images, [-1, PX * PX * 3]) @ DECODER.T / 100
            return {"latents": mean, "mean": mean, "log_variance": tf.fill(tf.shape(mean), -2.0)}

        @tf.function(input_signature=[tf.TensorSpec([None, PX, PX, 3], tf.float32, "images")])
        def reconstruct(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
            return self.decode(self.encode(images)["mean"])

    served = Served()
    reconstructions = Scorer(
        Protocol(metrics=("rmse", "fid"), samples=101), classifier=linear_classifier(), test=ArrayImages(images(90, 1))
    )
    tf.saved_model.save(served, str(tmp_path / "export"), {"decode": served.decode, "encode": served.encode})
    scorer = Scorer(Protocol(metrics=ALL, samples=101), classifier=linear_classifier(), test=ArrayImages(images(90, 1)))
    given = scorer.score(of_saved_model(tmp_path / "export")).metrics
    for key, value in scorer.score(MODEL).metrics.items():
        assert given[key] == (None if value is None else pytest.approx(value, rel=1e-3, abs=1e-4)), key
    with pytest.raises(EvaluationError, match="is not a readable SavedModel"):
        of_saved_model(tmp_path / "nowhere")
    tf.saved_model.save(served, str(tmp_path / "swapped"), {"decode": served.encode, "encode": served.encode})
    with pytest.raises(
        EvaluationError, match=r"the signature decode takes images and returns .*; expected one input, and outputs images"
    ):
        of_saved_model(tmp_path / "swapped")
    other = Scorer(Protocol(metrics=("rmse",)), test=ArrayImages(images(9, channels=1)))
    with pytest.raises(EvaluationError, match=r"takes images \[16, 16, 3\]; these are \[16, 16, 1\]"):
        other.score(of_saved_model(tmp_path / "export"))
    known = reconstructions.score(MODEL).metrics
    tf.saved_model.save(served, str(tmp_path / "reconstructing"), {"reconstruct": served.reconstruct})
    found = reconstructions.score(of_saved_model(tmp_path / "reconstructing"))
    assert found.metrics["rmse"] == pytest.approx(known["rmse"], rel=1e-3)
    assert found.reasons["frechet_classifier_distance"].endswith("gives no samples")
    with pytest.raises(EvaluationError, match=r"takes images \[16, 16, 3\]; these are \[16, 16, 1\]"):
        other.score(of_saved_model(tmp_path / "reconstructing"))
    drawn = Scorer(Protocol(metrics=("rmse",), code="draw"), test=ArrayImages(images(9)))
    assert "reconstructs from mean codes only" in drawn.score(of_saved_model(tmp_path / "reconstructing")).reasons["rmse"]
    tf.saved_model.save(tf.Module(), str(tmp_path / "empty"))
    with pytest.raises(EvaluationError, match="no signature decode"):
        of_saved_model(tmp_path / "empty")


FOREIGN: dict[str, tuple[Callable[[tf.Tensor], tf.Tensor], Callable[[tf.Tensor], dict[str, tf.Tensor]], str]] = {
    "bytes": (
        lambda z: tf.zeros([tf.shape(z)[0], PX, PX, 3], tf.uint8),
        lambda x: dict.fromkeys(("mean", "log_variance"), tf.zeros([tf.shape(x)[0], Z])),
        "decode returns uint8",
    ),
    "another Z": (
        lambda z: tf.zeros([tf.shape(z)[0], PX, PX, 3]),
        lambda x: dict.fromkeys(("mean", "log_variance"), tf.zeros([tf.shape(x)[0], Z + 1])),
        "encode returns mean of 8 dimensions, but decode takes 7",
    ),
    "one variance": (
        lambda z: tf.zeros([tf.shape(z)[0], PX, PX, 3]),
        lambda x: {"mean": tf.zeros([tf.shape(x)[0], Z]), "log_variance": tf.zeros([tf.shape(x)[0], 1])},
        "encode returns log_variance of 1 dimensions, but decode takes 7",
    ),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_exports_of_another_form_are_refused_in_one_line(tmp_path: Path, name: str) -> None:
    decoder, encoder, message = FOREIGN[name]
    module = tf.Module()
    module.decode = tf.function(lambda z: {"images": decoder(z)}, input_signature=[tf.TensorSpec([None, Z], tf.float32, "z")])
    module.encode = tf.function(encoder, input_signature=[tf.TensorSpec([None, PX, PX, 3], tf.float32, "x")])
    tf.saved_model.save(module, str(tmp_path / "e"), {"decode": module.decode, "encode": module.encode})
    with pytest.raises(EvaluationError, match=message):
        of_saved_model(tmp_path / "e")
