"""`tfpagan.train`: a run from a Python program, with images in memory, and in a notebook."""

import os
import re
import signal
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from helpers import tiny
from helpers.brightness import Brightness

import tfpagan
from tfpagan import cli, objectives
from tfpagan.config import plugins
from tfpagan.errors import UserError
from tfpagan.evaluation import metrics
from tfpagan.evaluation.metrics import METRICS
from tfpagan.objectives import OBJECTIVES
from tfpagan.objectives.vae import VAE
from tfpagan.training import hooks

pytestmark = pytest.mark.slow
SIZES: dict[str, Any] = {"image_size": 8, "channels": 8, "latent_dim": 4, "batch_size": 4, "deterministic": True}
SIZES |= {"objective": "vae", "architecture": "color_mnist"}  # which are traced soonest
X, Y = tiny.images(20, (8, 8, 1)), np.arange(20) % 4


def stored(folder: Path) -> list[np.ndarray]:
    reader = tf.train.load_checkpoint(str(folder / "ckpt"))
    names = sorted(name for name in reader.get_variable_to_shape_map() if "networks" in name)
    return [reader.get_tensor(name) for name in names]


def test_it_trains_as_the_command_does_and_goes_on_in_the_same_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    data = tf.data.Dataset.from_tensor_slices((X, Y)).batch(8)
    model = tfpagan.train(data, model_dir=tmp_path / "run", train_steps=np.int64(2), **SIZES)
    assert model.encode(X[:3]).shape == (3, 4)
    assert model.reconstruct(X[:3]).shape == (3, 8, 8, 1)
    (file,) = (tmp_path / "tfpagan" / "arrays").iterdir()
    flags = [f"--{name}={value}" for name, value in SIZES.items()]
    argv = [f"--dataset=npz:{file}", f"--model_dir={tmp_path / 'other'}", "--train_steps=4", *flags]
    assert cli.run("train", argv) == 0
    gone_on = tfpagan.train(model_dir=f"{tmp_path}/run", train_steps=4)
    for one, other in zip(stored(tmp_path / "run"), stored(tmp_path / "other"), strict=True):
        np.testing.assert_array_equal(one, other)
    assert not np.array_equal(model.encode(X), gone_on.encode(X))


def test_a_preset_and_a_plugin_from_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(plugins, "_LOADED", {})
    (tmp_path / "mine.py").write_text("PLUGGED = True\n")
    sizes = {**SIZES, "eval_every_steps": 0, "best_metric": "", "train_steps": 1}
    model = tfpagan.train(X, preset="pagan_shapes_cpu", plugin=tmp_path / "mine.py", **sizes)
    assert model.config is not None
    assert [plugin.name for plugin in model.config.plugins] == ["mine.py"]
    assert (tmp_path / "runs" / "pagan_shapes_cpu" / "config.json").exists()


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(OBJECTIVES, "_things", dict(OBJECTIVES._things))


def cell(**of_class: Any) -> type:
    """A class as a cell of a notebook defines it, each time it is run."""
    made = type("Mine", (VAE,), {"__module__": "__main__", "name": "mine", **of_class})
    return dataclass(frozen=True)(made)


def of_cell() -> Brightness:
    return type("Mine", (Brightness,), {"__module__": "__main__", "name": "mine"})()


def test_a_cell_of_a_notebook_may_be_run_again(registry: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    objectives.register(cell())
    again = objectives.register(cell())
    assert OBJECTIVES.get("mine") is again
    places = {"model_dir": tmp_path / "run", "cache_dir": tmp_path / "cache", "train_steps": 1}
    model = tfpagan.train(X, **places, **SIZES | {"objective": "mine"})
    assert model.config is not None
    assert type(model.config.objective) is again
    assert metrics.register(of_cell()) is not metrics.register(of_cell())
    METRICS.pop("mine")
    with pytest.raises(UserError, match="objective 'pagan' exists already"):
        objectives.register(cell(name="pagan"))


def interrupting(number: int) -> Any:
    act = hooks.CheckpointHook.collect

    def collect(self: hooks.CheckpointHook, *args: Any) -> None:
        os.kill(os.getpid(), number)
        act(self, *args)

    return collect


def test_an_interrupt_saves_and_the_same_call_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    places = {"model_dir": tmp_path / "run", "cache_dir": tmp_path / "cache"}
    with monkeypatch.context() as patched:
        patched.setattr(hooks.CheckpointHook, "collect", interrupting(signal.SIGINT))
        with pytest.raises(KeyboardInterrupt):
            tfpagan.train(X, train_steps=50, **places, **SIZES)
    assert [path.name for path in (tmp_path / "run" / "ckpt").glob("*.index")] == ["ckpt-1.index"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    tfpagan.train(X, train_steps=50, **places, **SIZES)
    assert (tmp_path / "run" / "ckpt" / "ckpt-50.index").exists()


def test_paths_need_no_prefix_and_progress_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    np.savez("images.npz", images=X)
    (tmp_path / "pictures").mkdir()
    for i, image in enumerate(X):
        (tmp_path / "pictures" / f"{i}.png").write_bytes(tf.io.encode_png(image).numpy())
    for dataset, verbose in (("images.npz", False), ("pictures", True)):
        model = tfpagan.train(
            dataset, verbose=verbose, cache_dir=tmp_path / "cache", train_steps=1, **SIZES | {"batch_size": 30}
        )
        assert model.config is not None
        assert model.config.data.dataset.endswith(f":{tmp_path}/{dataset}")
        said = capsys.readouterr().err
        assert ("step 1 of 1, " in said) == verbose
        assert "\nbatch_size=30 exceeds the 18 training images" in f"\n{said}"  # a warning, in the words of Python


def test_another_thread_may_train(tmp_path: Path) -> None:
    found: list[Any] = []
    places = {"model_dir": tmp_path / "run", "cache_dir": tmp_path / "cache"}
    thread = threading.Thread(target=lambda: found.append(tfpagan.train(X, train_steps=1, **places, **SIZES)))
    thread.start()
    thread.join()
    assert found[0].sample(2).shape == (2, 8, 8, 1)


@pytest.mark.parametrize(
    ("dataset", "settings", "message"),
    [
        (X, {"train_steps": 0}, "train_steps=0 is not legal: it must be at least 1"),
        (X, {"batchsize": 4}, "unknown setting 'batchsize'; did you mean batch_size"),
        (X, {"objective": "pagan", "reconstruction": None}, "reconstruction=None is not of type str"),
        (X, {"objective": None}, "objective None is not legal: it must be a name"),
        (X, {"objective": ["pagan"]}, "objective ['pagan'] is not legal: it must be a name"),
        (
            tf.data.Dataset.from_tensor_slices(["a.png", "b.png"]),
            {},
            "elements of shape [] are not images [H, W, C]",
        ),
        (([X[0], X[0, :4]], [0, 1]), {}, "the images of a dataset must have one size; it must be"),
        (X, {"model_dir": "~nosuch/x", "train_steps": 0}, "train_steps=0 is not legal: it must be at least 1"),
        (X, {"preset": "pagan_shape_cpu"}, "unknown preset 'pagan_shape_cpu'; did you mean pagan_shapes_cpu"),
        (X, {"best_metric": "rmse"}, "best_metric=rmse needs eval_every_steps"),
        (X / 255.0, {}, "dataset has images float64 [20, 8, 8, 1] in [0, 1]: expected uint8"),
        ("npz:/nowhere/a.npz", {}, "dataset=npz:/nowhere/a.npz cannot be read"),
        (X, {"plugin": None}, "plugin=None is not legal: it must be a file or module, or a list of them"),
        (X, {"preset": 3}, "preset=3 is not legal: it must be the name of an experiment"),
        ("nowhere.npz", {}, "dataset=nowhere.npz is not legal: there is no such folder or file"),
        (X, {"plugin": "nowhere.py"}, "plugin=nowhere.py: there is no file nowhere.py"),
        (X, {"model_dir": 5}, "model_dir=5 is not legal: it must be the path of a folder"),
        (None, {}, "dataset is missing: give images or a preset, as there is no run in runs/shapes to go on with"),
        ("/nowhere", {}, "dataset=/nowhere is not legal: there is no such folder or file"),
        (X[0], {}, "dataset has images uint8 [8, 8, 1], a single image; expected [N, H, W, C]"),
        (X, {"model_dir": "/proc/a"}, "cannot write in model_dir=/proc/a"),
        (
            X,
            {"eval_every_steps": 1, "eval_classifier": "/nowhere"},
            "eval_classifier=/nowhere cannot be used: ",
        ),
    ],
)
def test_mistakes_are_told_in_the_words_of_python(
    dataset: Any, settings: dict[str, Any], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Exception, match=f"^{re.escape(message)}"):
        tfpagan.train(dataset, **{"train_steps": 2, "cache_dir": tmp_path, **SIZES, **settings})
