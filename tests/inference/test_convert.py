"""Exports as TFLite and ONNX answer as the checkpoint does: every architecture, elsewhere, any number of rows."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import tensorflow as tf
from helpers import tiny

from tfpagan import cli
from tfpagan.errors import UserError
from tfpagan.inference import convert, restore
from tfpagan.inference.signatures import Served

pytestmark = pytest.mark.slow
SHAPE = (8, 8, 3)
KINDS = ("tflite", "onnx")


def written(folder: Path, **changes: Any) -> Path:
    tiny.write_run(folder, changes.pop("shape", SHAPE), **changes)
    return folder


def ask(file: Path, **inputs: np.ndarray) -> dict[str, np.ndarray]:
    if file.suffix == ".tflite":
        return tf.lite.Interpreter(str(file)).get_signature_runner()(**inputs)
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, inputs), strict=True))


ALL, COLOURS = {"encode", "decode", "reconstruct"}, {"encode", "reconstruct", "colourise"}


@pytest.mark.parametrize(
    ("kind", "changes", "files"),
    [
        ("onnx", {"architecture": "resnet", "posterior": "sphere"}, ALL),
        ("tflite", {"objective": "conditional_age"}, COLOURS),
        ("onnx", {"objective": "conditional_age"}, COLOURS),
        ("onnx", {"posterior": "flow", "flow_length": 3}, ALL),
        ("onnx", {"objective": "dcgan", "architecture": "color_mnist"}, {"decode"}),
        ("onnx", {"mixed_precision": "bfloat16"}, ALL),
    ],
)
def test_files_answer_as_the_checkpoint_does(kind: str, changes: dict[str, Any], files: set[str], tmp_path: Path) -> None:
    run = written(tmp_path / "run", **changes)
    restored = restore.restored(run, float32=True)
    version = convert.publish(restored, run / kind, kind)
    assert {file.stem for file in version.glob(f"*.{kind}")} == files
    random = np.random.default_rng(0)
    signatures = Served(restored).signatures()
    for name in files:
        inputs = {spec.name: random.uniform(-1, 1, [5, *spec.shape[1:]]).astype(np.float32) for spec in signatures[name].inputs}
        wanted = signatures[name](*map(tf.constant, inputs.values()))
        given = {key.removesuffix("_out"): value for key, value in ask(version / f"{name}.{kind}", **inputs).items()}
        assert given.keys() == wanted.keys()
        for key, value in wanted.items():
            np.testing.assert_allclose(
                given[key], value, atol=1e-4 * max(1.0, float(np.abs(value).max())), err_msg=f"{name} {key}"
            )
    facts = json.loads((version / "tfpagan.json").read_text())
    assert (facts["step"], facts["configuration"]["objective"]["name"]) == (1, changes.get("objective", "pagan"))
    assert facts["configuration"]["training"]["mixed_precision"] == changes.get("mixed_precision", "none")  # of the run


@pytest.mark.parametrize("kind", KINDS)
def test_the_command_writes_versions_of_what_is_asked_for(kind: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    run = written(tmp_path / "run", shape=(8, 8, 1))
    argv = [f"--model_dir={run}", f"--format={kind}", "--signatures=decode, encode"]
    assert cli.run("export", argv) == 0
    assert capfd.readouterr().out == f"{run}/{kind}/1\n"
    assert sorted(file.name for file in (run / kind / "1").iterdir()) == [f"decode.{kind}", f"encode.{kind}", "tfpagan.json"]
    assert not list((run / kind).glob(".export-*"))


def test_a_file_that_answers_otherwise_is_not_published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = restore.restored(written(tmp_path / "run", shape=(8, 8, 1)))
    other = restore.restored(written(tmp_path / "other", shape=(8, 8, 1), steps=(2,)))
    kind = "onnx"
    made, wrong = convert.CONVERTERS[kind], Served(other)
    monkeypatch.setattr(convert, "CONVERTERS", {kind: lambda signature, served: made(wrong.signatures()["decode"], wrong)})
    with pytest.raises(UserError, match=r"the export is not published: images of its decode are .* off the checkpoint's"):
        convert.publish(run, tmp_path / kind, kind, ["decode"])
    assert not list((tmp_path / kind).iterdir())
