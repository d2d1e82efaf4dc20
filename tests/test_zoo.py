"""The trained networks that come with the package."""

import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

import tfpagan
from tfpagan import cli, zoo
from tfpagan.cli import serve
from tfpagan.data.shapes import builder
from tfpagan.evaluation.classifiers import trained
from tfpagan.evaluation.classifiers.classifier import checksum, from_saved_model

ROOT = Path(__file__).parents[1]


def bytes_in(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def test_the_classifier_of_shapes_is_small_and_knows_test_images_it_never_saw() -> None:
    folder = trained.folder(Path("shapes"))
    assert bytes_in(folder) < 300_000
    images, labels = builder.images_of("test", 0)
    logits, _ = from_saved_model(folder)(images)
    assert np.mean(np.argmax(logits, 1) == labels) >= 0.99


@pytest.mark.parametrize("name", ["mnist", "cifar10"])
def test_scores_in_the_docs_are_by_the_classifier_that_comes_along(name: str) -> None:
    folder = trained.folder(Path(name))
    assert f"| {checksum(folder)} |" in (ROOT / "docs" / "evaluation.md").read_text()
    assert bytes_in(folder) < 2_500_000
    assert json.loads((folder / "classifier.json").read_text())["dataset"] == name


def test_the_model_of_shapes_is_small_and_its_reconstructions_keep_their_classes() -> None:
    folder = zoo.model(Path("shapes"))
    assert bytes_in(folder) < 2_000_000
    model = tfpagan.load("shapes")
    images, labels = builder.images_of("test", 0)
    logits, _ = from_saved_model(trained.folder(Path("shapes")))(model.reconstruct(images))
    assert np.mean(np.argmax(logits, 1) == labels) >= 0.75  # of ten classes
    assert model.config is not None
    assert (model.config.objective.name, model.config.data.dataset) == ("pagan", "shapes")


@pytest.mark.slow
def test_commands_take_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.run("sample", ["--model=shapes", "--count=4", "--scale=2", "--output=four.png"]) == 0
    assert tf.io.decode_png((tmp_path / "four.png").read_bytes()).shape == (128, 128, 3)
    assert serve._version(zoo.model(Path("shapes"))) == zoo.HERE / "shapes" / "1"
    (tmp_path / "shapes").mkdir()
    assert cli.run("sample", ["--model=shapes", "--output=four.png"]) == 1
    hides = "shapes is neither a run, with ckpt/, nor an export, with saved_model.pb, and it hides the model of that name"
    assert hides in capsys.readouterr().err
    assert cli.run("sample", ["--model=shaped", "--output=four.png"]) == 1
    assert (
        "shaped is neither a run, with ckpt/, nor an export, with saved_model.pb, nor shapes, which tfpagan"
        in capsys.readouterr().err
    )


def test_a_folder_of_the_user_takes_precedence_over_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert trained.folder(Path("shapes")) == trained.HERE / "shapes"
    assert trained.folder(Path("runs/shapes")) == Path("runs/shapes")
    assert trained.folder(Path("celeb_a")) == Path("celeb_a")
    (tmp_path / "shapes").mkdir()
    assert trained.folder(Path("shapes")) == Path("shapes")
