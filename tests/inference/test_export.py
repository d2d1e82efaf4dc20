"""Exports: the signatures, equal to the checkpoint where there is no tfpagan, whole or not at all, refused when they differ."""

import dataclasses
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from helpers import exports as exporting
from helpers import tiny
from tensorflow_serving.apis import prediction_log_pb2

from tfpagan import cli, images
from tfpagan.config import Config
from tfpagan.errors import UserError
from tfpagan.inference import export, read_export, restore
from tfpagan.serving import exports
from tfpagan.settings.sections import DataConfig
from tfpagan.training.trainer import Trainer

SHAPE = (8, 8, 3)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Trainer]:
    folder = tmp_path_factory.mktemp("runs") / "tiny"
    return folder, tiny.write_run(folder, SHAPE, steps=(1, 2))


@pytest.fixture(scope="module")
def exported(run: tuple[Path, Trainer]) -> Path:
    assert cli.run("export", [f"--model_dir={run[0]}"]) == 0
    return run[0] / "export/1"


def ask(exported: Path, signature: str, **inputs: object) -> dict[str, np.ndarray]:
    found = tf.saved_model.load(str(exported)).signatures[signature]
    return {name: tensor.numpy() for name, tensor in found(**{k: tf.constant(v) for k, v in inputs.items()}).items()}


def pixels(n: int) -> np.ndarray:
    return tiny.images(n, SHAPE)


@pytest.mark.slow
def test_the_signatures_give_what_the_networks_give(run: tuple[Path, Trainer], exported: Path) -> None:
    generator, encoder = (run[1].inference(role) for role in ("generator", "encoder"))
    x = images.normalize(pixels(5)).numpy()
    mean, log_variance = encoder(x)
    given = ask(exported, "encode", images=x)
    for name, expected in (("latents", mean), ("mean", mean), ("log_variance", log_variance)):
        np.testing.assert_allclose(given[name], expected, rtol=1e-5)
    for signature in ("reconstruct", "serving_default"):
        np.testing.assert_allclose(ask(exported, signature, images=x)["images"], generator(mean), atol=1e-5)
    z = np.random.default_rng(0).normal(size=[3, tiny.Z]).astype(np.float32)
    np.testing.assert_allclose(ask(exported, "decode", latents=z)["images"], generator(z), atol=1e-5)


def test_samples_follow_their_seed_and_more_begin_with_fewer(exported: Path) -> None:
    three, five = (ask(exported, "sample", seed=7, num=n)["images"] for n in (3, 5))
    np.testing.assert_allclose(three, five[:3], atol=1e-6)
    assert np.abs(ask(exported, "sample", seed=8, num=3)["images"] - three).max() > 1e-4


@pytest.mark.slow
@pytest.mark.parametrize("encode", [tf.io.encode_png, lambda x: tf.io.encode_jpeg(x, quality=100)], ids=["png", "jpeg"])
def test_byte_signatures_take_and_give_files(exported: Path, encode: object) -> None:
    files = [encode(x).numpy() for x in pixels(3)]  # type: ignore[operator]
    x = images.normalize(np.stack([tf.io.decode_image(f).numpy() for f in files])).numpy()
    np.testing.assert_allclose(
        ask(exported, "encode_bytes", images_bytes=files)["mean"], ask(exported, "encode", images=x)["mean"], rtol=1e-4
    )
    expected = images.to_bytes(ask(exported, "reconstruct", images=x)["images"]).astype(int)
    png = ask(exported, "reconstruct_bytes", images_bytes=files)["images_bytes"]
    assert all(file.startswith(b"\x89PNG") for file in png)
    given = np.stack([tf.io.decode_png(file) for file in png]).astype(int)
    assert np.abs(given - expected).max() <= 1
    jpeg = ask(exported, "reconstruct_jpeg_bytes", images_bytes=files)["images_bytes"]
    assert all(file.startswith(b"\xff\xd8\xff") for file in jpeg)
    assert np.abs(np.stack([tf.io.decode_jpeg(file) for file in jpeg]) - expected).mean() < 8


def test_files_of_another_size_are_refused_with_both_sizes(exported: Path) -> None:
    file = tf.io.encode_png(np.zeros([16, 8, 3], np.uint8)).numpy()
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"\[16,8,3\] is not compatible with expected shape \[8,8,3\]"):
        ask(exported, "reconstruct_bytes", images_bytes=[file])
    with pytest.raises(tf.errors.InvalidArgumentError):
        ask(exported, "reconstruct_bytes", images_bytes=[b"no image"])


@pytest.mark.slow
def test_it_loads_where_tfpagan_cannot_be_imported(exported: Path) -> None:
    program = f"""
import sys
sys.modules["tfpagan"] = None
import tensorflow as tf
loaded = tf.saved_model.load({str(exported)!r})
print(loaded.signatures["sample"](seed=tf.constant(1), num=tf.constant(2))["images"].shape)
"""
    done = subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "(2, 8, 8, 3)"


@pytest.mark.slow
def test_saved_model_cli_runs_it(exported: Path, tmp_path: Path) -> None:
    z = np.zeros([2, tiny.Z], np.float32)
    np.save(tmp_path / "z.npy", z)
    program = Path(sys.executable).with_name("saved_model_cli")
    argv = ["run", "--dir", exported, "--tag_set", "serve", "--signature_def", "decode"]
    argv += ["--inputs", f"latents={tmp_path}/z.npy", "--outdir", tmp_path]
    subprocess.run([program, *argv], check=True, capture_output=True)
    np.testing.assert_allclose(np.load(tmp_path / "images.npy"), ask(exported, "decode", latents=z)["images"], atol=1e-5)


def test_warm_up_requests_ask_every_signature_in_its_own_types(exported: Path) -> None:
    requests = [
        prediction_log_pb2.PredictionLog.FromString(record.numpy()).predict_log.request
        for record in tf.data.TFRecordDataset(str(exported / "assets.extra/tf_serving_warmup_requests"))
    ]
    signatures = tf.saved_model.load(str(exported)).signatures
    assert {r.model_spec.signature_name for r in requests} == set(signatures) - {"__saved_model_init_op"}
    for request in requests:
        assert request.model_spec.name == "tiny"
        inputs = {name: tf.constant(tf.make_ndarray(proto)) for name, proto in request.inputs.items()}
        assert signatures[request.model_spec.signature_name](**inputs)


@pytest.mark.slow
def test_every_export_gets_the_next_number_and_says_what_it_is_of(
    run: tuple[Path, Trainer], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "7").mkdir()
    for name, hours in ((".export-old", 25), (".export-new", 1)):  # of processes that were killed, or not
        (tmp_path / name).mkdir()
        os.utime(tmp_path / name, (time.time() - 3600 * hours,) * 2)
    with exporting.read_here():
        assert cli.run("export", [f"--model_dir={run[0]}", "--step=1", f"--output={tmp_path}"]) == 0
    assert capsys.readouterr().out.strip() == f"{tmp_path}/8"
    facts = json.loads((tmp_path / "8/assets.extra/tfpagan.json").read_text())
    assert facts["step"] == 1
    assert (facts["configuration"]["data"]["data_dir"], facts["configuration"]["data"]["cache_dir"]) == ("", "")
    assert exports.versions(tmp_path) == [8]
    assert sorted(p.name for p in tmp_path.iterdir()) == [".export-new", "7", "8"]


@pytest.mark.slow
def test_an_export_that_answers_otherwise_is_not_published(
    run: tuple[Path, Trainer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    read = read_export.read

    def one_answer_off(file: Path) -> export.Arrays:
        arrays = read(file)
        if Path(file).name == "answers.npz":
            arrays["encode"]["mean"] = arrays["encode"]["mean"] * np.float32(1.01)
        return arrays

    monkeypatch.setattr(read_export, "read", one_answer_off)
    assert cli.run("export", [f"--model_dir={run[0]}", f"--output={tmp_path}/e"]) == 1
    assert "the export is not published: mean of its encode are " in capsys.readouterr().err
    assert not list((tmp_path / "e").iterdir())


@pytest.mark.slow
def test_one_wrong_weight_is_not_published(
    run: tuple[Path, Trainer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """By so little that the answers hardly tell."""
    save = tf.saved_model.save

    def one_weight_off(module: tf.Module, *args: object, **options: object) -> None:
        weight, place = module.weights[2], (0,) * module.weights[2].shape.rank
        right = weight.numpy()
        wrong = right.copy()
        wrong[place] += 1e-3
        weight.assign(wrong)
        save(module, *args, **options)
        weight.assign(right)

    monkeypatch.setattr(tf.saved_model, "save", one_weight_off)
    with exporting.read_here():
        assert cli.run("export", [f"--model_dir={run[0]}", f"--output={tmp_path}/e"]) == 1
    assert "is not the checkpoint's" in capsys.readouterr().err
    assert not list((tmp_path / "e").iterdir())


def test_as_much_rounding_is_allowed_as_is_measured_and_no_more() -> None:
    exact = np.array([1.0, -3.0], np.float32)

    def require(again: float, given: float, most_noise: float = 1e-3) -> None:
        arrays = [{"a": {"x": exact + off}} for off in (0.0, again, given)]
        export.require_equal(*arrays, most_noise)

    require(again=0.0, given=0.0)
    require(again=0.0, given=2e-5)  # within 1e-5 of the largest value
    require(again=1e-5, given=6e-5)
    for again, given, off in ((0.0, 4e-5, "4.01e-05"), (1e-5, 9e-5, "9e-05"), (1e-2, 0.0, "0.01"), (0.0, np.nan, "nan")):
        with pytest.raises(UserError, match=f"x of its a are {off} off"):
            require(again, given)


def test_pictures_may_differ_by_half_a_grey_level() -> None:
    files = [tf.io.encode_png(np.full([8, 8, 3], level, np.uint8)).numpy() for level in (0, 2)]
    one, other = ({"a": {"x_bytes": np.frombuffer(file, np.uint8)}} for file in files)
    export.require_equal(one, one, one, 1e-3)
    with pytest.raises(UserError, match="x_bytes of its a are 2 off"):
        export.require_equal(one, one, other, 1e-3)


def test_the_facts_of_an_export_hold_no_paths_of_this_machine() -> None:
    data = DataConfig(dataset="folder:/home/someone/photos", data_dir="/home/someone/tfds", cache_dir="/home/someone/.cache")
    public = export._public(dataclasses.replace(Config(), data=data)).data
    assert (public.dataset, public.data_dir, public.cache_dir) == ("folder:photos", "", "")
    for given, kept in (("/home/someone/vgg", "vgg"), ("inception", "inception")):
        assert export._public(Config().with_changes({"eval_classifier": given})).training.eval_classifier == kept
    perceptual = {"reconstruction": "perceptual", "perceptual_classifier": "/home/someone/vgg"}
    assert export._public(Config().with_changes(perceptual)).objective.classifier == "vgg"
    assert export._public(Config().with_changes({"dataset": "imagenet_resized/64x64"})).data.dataset == "imagenet_resized/64x64"


@pytest.mark.slow
def test_a_run_of_mixed_precision_is_exported(tmp_path: Path) -> None:
    tiny.write_run(tmp_path / "run", SHAPE, mixed_precision="bfloat16")
    with exporting.read_here():
        assert cli.run("export", [f"--model_dir={tmp_path}/run"]) == 0


@pytest.mark.slow
def test_a_damaged_checkpoint_is_not_exported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Not even silently another: whoever exports means the newest."""
    tiny.write_run(tmp_path / "run", SHAPE, steps=(1, 2))
    (data,) = tmp_path.glob("run/ckpt/ckpt-2.data*")
    data.write_bytes(data.read_bytes()[:100])
    assert cli.run("export", [f"--model_dir={tmp_path}/run"]) == 1
    error = capsys.readouterr().err
    assert "checkpoint ckpt-2 in" in error
    assert "is damaged" in error
    assert "--step takes another: 1" in error
    assert not (tmp_path / "run/export").exists()
    assert restore.restored(tmp_path / "run", step=1).step == 1


@pytest.mark.slow
def test_a_system_without_an_encoder_serves_its_decoder(run: tuple[Path, Trainer], tmp_path: Path) -> None:
    whole = restore.restored(run[0])
    alone = restore.Inference({"generator": whole.networks["generator"]}, whole.config, whole.image_shape, whole.step)
    version = exporting.publish(alone, tmp_path, name="decoder")
    signatures = tf.saved_model.load(str(version)).signatures
    wanted = {f"{s}{ending}" for s in ("decode", "sample") for ending in ("", "_bytes", "_jpeg_bytes")}
    assert set(signatures) - {"__saved_model_init_op"} == wanted | {"serving_default"}
    z = np.ones([2, tiny.Z], np.float32)
    np.testing.assert_array_equal(
        ask(version, "serving_default", latents=z)["images"], ask(version, "decode", latents=z)["images"]
    )
