"""A tiny data set, a classifier of it, and a trained run."""

import importlib
import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from helpers.classifiers import write
from helpers.small_runs import PX, SIZES

from tfpagan import cli
from tfpagan.settings.sections import DataConfig


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    root = tmp_path_factory.mktemp("data")
    for i in range(40):
        picture = np.random.default_rng(i).integers(0, 256, [PX, PX, 3]).astype(np.uint8)
        (root / f"{i:02d}.png").write_bytes(tf.io.encode_png(picture).numpy())
    return [f"--dataset=folder:{root}", f"--cache_dir={root}-cache"]


@pytest.fixture(scope="session")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"--classifier={write(tmp_path_factory.mktemp('classifier') / 'net')}"


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory, data: list[str]) -> Path:
    model_dir = tmp_path_factory.mktemp("runs") / "run"
    assert cli.run("train", [*data, *SIZES, "--ema_decay=0.5", f"--model_dir={model_dir}"]) == 0
    return model_dir


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    """A copy that a test may write to."""
    return Path(shutil.copytree(trained, tmp_path / "run"))


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The data sets that are opened, one after the other."""
    names: list[str] = []
    module = importlib.import_module("tfpagan.data.prepare")  # `data.prepare` is its function
    original = module._open

    def counted(config: DataConfig) -> object:
        names.append(config.dataset)
        return original(config)

    monkeypatch.setattr(module, "_open", counted)
    return names
