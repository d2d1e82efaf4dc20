"""The in-domain classifier that is trained here."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tfpagan import cli
from tfpagan.evaluation.classifiers import vgg
from tfpagan.evaluation.classifiers.classifier import from_saved_model
from tfpagan.evaluation.classifiers.features import FeatureExtractor
from tfpagan.evaluation.errors import EvaluationError

X = np.random.default_rng(1).integers(0, 256, [5, 16, 16, 3]).astype(np.uint8)


def labelled(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Dark and bright noise."""
    labels = np.arange(n) % 2
    noise = np.random.default_rng(0).integers(0, 100, [n, 8, 8, 1])
    return (noise + 120 * labels[:, None, None, None]).astype(np.uint8), labels


RECIPE = vgg.Recipe(channels=4, train_steps=60, batch_size=16, learning_rate=0.02)


@pytest.mark.slow
def test_the_classifier_learns_is_exported_and_gives_the_same_outputs(tmp_path: Path) -> None:
    images, labels = labelled(200)
    model = vgg.train(images[:100], labels[:100], RECIPE, say=lambda line: None)
    assert vgg.accuracy(model, images[100:], labels[100:]) > 0.95
    vgg.export(model, tmp_path / "net", (8, 8, 1), {"dataset": "noise"})
    found = from_saved_model(tmp_path / "net")
    assert found.shape == (8, 8, 1)
    assert json.loads((tmp_path / "net/classifier.json").read_text()) == {"dataset": "noise"}
    logits, features = FeatureExtractor(found)(images[:7])
    assert features.shape == (7, 32)
    expected = model((images[:7].astype(np.float32) - 128) / 128, training=False)["logits"]
    np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_it_trains_as_many_steps_as_it_says_and_an_export_takes_the_place_of_the_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images, labels = labelled(32)
    said: list[str] = []
    model = vgg.train(images, labels, dataclasses.replace(RECIPE, train_steps=7), say=said.append, every_steps=5)
    assert int(model.optimizer.iterations.numpy()) == 7
    assert [line.split(":")[0] for line in said] == ["step 5 of 7", "step 7 of 7"]
    for seed in (0, 1):
        vgg.export(model, tmp_path / "net", (8, 8, 1), {"seed": seed})
        assert json.loads((tmp_path / "net/classifier.json").read_text()) == {"seed": seed}
    rename = Path.rename

    def fails(self: Path, target: Path) -> Path:
        if self.name == "net.part":
            raise OSError(5, "Input/output error")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fails)
    with pytest.raises(EvaluationError, match=r"cannot be written to .*net: \[Errno 5\]"):
        vgg.export(model, tmp_path / "net", (8, 8, 1), {"seed": 2})
    assert json.loads((tmp_path / "net/classifier.json").read_text()) == {"seed": 1}  # the one before is still there
    assert [p.name for p in tmp_path.iterdir()] == ["net"]


@pytest.mark.slow
def test_a_loss_that_is_not_finite_is_an_error_and_no_classifier() -> None:
    images, labels = labelled(64)
    with pytest.raises(EvaluationError, match="became NaN or infinite; try a smaller learning rate"):
        vgg.train(images, labels, dataclasses.replace(RECIPE, learning_rate=1e30, train_steps=6), say=lambda line: None)


def test_the_network_is_h5s_at_its_width() -> None:
    model = vgg.network(vgg.Recipe(), 3, 10)
    widths = [layer.filters for layer in model.layers if isinstance(layer, tf.keras.layers.Conv2D)]
    assert widths == [64] * 2 + [128] * 3 + [256] * 3 + [512] * 3
    assert len([layer for layer in model.layers if isinstance(layer, tf.keras.layers.BatchNormalization)]) == 11
    assert model(tf.zeros([1, 24, 24, 3]))["pool_3"].shape == (1, 512)


def test_bin_train_classifier_needs_labels_and_legal_numbers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for i in range(4):
        (tmp_path / "images").mkdir(exist_ok=True)
        (tmp_path / f"images/{i}.png").write_bytes(tf.io.encode_png(X[i]).numpy())
    argv = [f"--dataset=folder:{tmp_path}/images", "--image_size=16", f"--cache_dir={tmp_path}/cache"]
    for flag, message in (
        ("--seed=0", "has no labels; a classifier needs them"),
        ("--channels=0", "--channels=0 is not legal: it must be at least 1"),
        ("--crop_fraction=2", "--crop_fraction=2.0 is not legal"),
        ("--learning_rate=nan", "--learning_rate=nan is not legal: it must be at least 1e-09 and at most 100.0"),
        ("--seed=-1", "--seed=-1 is not legal: it must be at least 0"),
        ("--model_dir=/proc/x/y", "cannot write in --model_dir=/proc/x/y"),
        (f"--model_dir={tmp_path}/images", "exists and is not a classifier"),
    ):
        assert cli.run("train_classifier", [*argv, f"--model_dir={tmp_path}/net", flag]) == 1
        assert message in capsys.readouterr().err
    np.savez(tmp_path / "one.npz", train=X, train_labels=np.zeros(len(X), int), test=X, test_labels=np.zeros(len(X), int))
    argv = [f"--dataset=npz:{tmp_path}/one.npz", "--image_size=16", f"--cache_dir={tmp_path}/cache"]
    assert cli.run("train_classifier", [*argv, f"--model_dir={tmp_path}/net"]) == 1
    assert f"--dataset=npz:{tmp_path}/one.npz has one class; a classifier needs at least two" in capsys.readouterr().err
    assert not (tmp_path / "net").exists()
