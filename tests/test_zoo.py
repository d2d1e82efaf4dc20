"""The trained networks that come with the package."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tfpagan import zoo
from tfpagan.data.shapes import builder
from tfpagan.evaluation.classifiers.classifier import from_saved_model

ROOT = Path(__file__).parents[1]


def bytes_in(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def test_the_classifier_of_shapes_is_small_and_knows_test_images_it_never_saw() -> None:
    folder = zoo.classifier(Path("shapes"))
    assert bytes_in(folder) < 300_000
    images, labels = builder.images_of("test", 0)
    logits, _ = from_saved_model(folder)(images)
    assert np.mean(np.argmax(logits, 1) == labels) >= 0.99


def test_a_folder_of_the_user_takes_precedence_over_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert zoo.classifier(Path("shapes")) == zoo.HERE / "classifiers" / "shapes"
    assert zoo.classifier(Path("runs/shapes")) == Path("runs/shapes")
    assert zoo.classifier(Path("cifar10")) == Path("cifar10")
    (tmp_path / "shapes").mkdir()
    assert zoo.classifier(Path("shapes")) == Path("shapes")


@pytest.mark.slow
def test_an_installation_without_the_repository_has_them_all(tmp_path: Path) -> None:
    build = [
        sys.executable,
        "setup.py",
        "--quiet",
        "build",
        "--build-base",
        str(tmp_path),
        "--build-lib",
        str(tmp_path / "lib"),
    ]
    subprocess.run([*build, "egg_info", "--egg-base", str(tmp_path)], cwd=ROOT, check=True, capture_output=True)
    here, there = (
        {file.relative_to(root): file.read_bytes() for kind in ("models", "classifiers") for file in (root / kind).rglob("*.*")}
        for root in (zoo.HERE, tmp_path / "lib" / "tfpagan" / "zoo")
    )
    assert here
    assert here == there
