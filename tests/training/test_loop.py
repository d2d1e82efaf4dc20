"""Whole runs on tiny images: the run folder, exact resume after a signal, refusals, what a failure leaves behind."""

import errno
import fcntl
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import text_format
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
from tensorboard.plugins.hparams import plugin_data_pb2
from tensorboard.plugins.projector import ProjectorConfig
from tensorflow.core.framework import graph_pb2

from tfpagan import cli
from tfpagan.config import Config
from tfpagan.errors import UserError
from tfpagan.objectives.pagan import PAGAN
from tfpagan.run_folder import chosen
from tfpagan.run_folder import folder as run_folder
from tfpagan.training import trainer

HANGS = 300
"""Seconds after which a process is taken to hang; a busy machine may need minutes."""
VAE = ["--objective=vae"]
"""The system of fewest networks, which are traced soonest."""
SIZES = ["--architecture=color_mnist", "--image_size=8", "--channels=8", "--latent_dim=4", "--batch_size=4"]


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Flags of a data set: 40 random images of 8 px."""
    root = tmp_path_factory.mktemp("data")
    random = np.random.default_rng(0)
    for i in range(40):
        picture = random.integers(0, 256, [8, 8, 3]).astype(np.uint8)
        (root / f"{i:02d}.png").write_bytes(tf.io.encode_png(picture).numpy())
    return [f"--dataset=folder:{root}", f"--cache_dir={root}-cache"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, dataset: list[str]) -> Path:
    """A run of 4 steps with everything on."""
    model_dir = tmp_path_factory.mktemp("runs") / "finished"
    every = ["--summary_every_steps=2", "--image_every_steps=2", "--save_every_steps=2", "--ema_decay=0.5"]
    assert cli.run("train", [*dataset, *SIZES, *every, "--train_steps=4", f"--model_dir={model_dir}"]) == 0
    return model_dir


def png(path: Path) -> np.ndarray:
    return tf.io.decode_png(path.read_bytes()).numpy()


@pytest.mark.slow
def test_the_run_folder_holds_what_the_interface_promises(finished: Path) -> None:
    assert json.loads((finished / "config.json").read_text())["networks"]["channels"] == 8
    assert sorted(p.name for p in (finished / "ckpt").glob("*.index")) == ["ckpt-2.index", "ckpt-4.index"]
    assert [p.name for p in (finished / "augmentations").iterdir()] == ["step_00000000.png"]
    for folder in ("samples", "reconstructions", "training_reconstructions", "interpolations"):
        assert [p.name for p in sorted((finished / folder).iterdir())] == ["step_00000002.png", "step_00000004.png"]
    lines = [json.loads(line) for line in (finished / "metrics.jsonl").read_text().splitlines()]
    assert [(line["step"], line["images"]) for line in lines] == [(2, 8), (4, 16)]
    assert {f"loss/{player}" for player in PAGAN().players} <= lines[0].keys()
    assert lines[1]["throughput/images_per_second"] > 0


def test_pictures_have_originals_in_odd_columns(finished: Path, dataset: list[str]) -> None:
    """The four test images, 0, 10, 20, 30 of the folder, beside their reconstructions and augmentations."""
    folder = Path(dataset[0].removeprefix("--dataset=folder:"))
    for name, step in (("reconstructions", 4), ("augmentations", 0)):
        picture = png(finished / name / f"step_{step:08d}.png")
        assert picture.shape == (8, 128, 3)  # 4 pairs and a row's empty places
        for i in range(4):
            np.testing.assert_array_equal(picture[:, 16 * i : 16 * i + 8], png(folder / f"{10 * i:02d}.png"))
            assert (picture[:, 16 * i + 8 : 16 * i + 16] != picture[:, 16 * i : 16 * i + 8]).any()
    assert png(finished / "samples/step_00000004.png").shape == (64, 64, 3)


def test_tensorboard_has_scalars_and_images_by_tag(finished: Path) -> None:
    (events,) = (finished / "train").glob("events.*")
    loaded = list(EventFileLoader(str(events)).Load())
    tags = {v.tag for event in loaded for v in event.summary.value}
    assert {f"images/{name}" for name in ("samples", "reconstructions", "interpolations", "augmentations")} <= tags
    assert {"loss/generator", "logits/disc_xx/fake", "grad_norm/encoder", "latent/variance"} <= tags
    assert "throughput/images_per_second" in tags


def test_tensorboard_has_the_codes_the_settings_and_the_graph(finished: Path) -> None:
    (events,) = (finished / "train").glob("events.*")
    loaded = list(EventFileLoader(str(events)).Load())
    values = [(event.step, v) for event in loaded for v in event.summary.value]
    moments = ("mean", "log_variance", "mean_of_dimensions", "variance_of_dimensions")
    for tag, count in zip((f"codes/{name}" for name in moments), (16, 16, 4, 4), strict=True):
        found = {step: tf.make_ndarray(v.tensor) for step, v in values if v.tag == tag}
        assert list(found) == [2, 4]
        assert all(buckets[:, 2].sum() == count for buckets in found.values())  # 4 test images, 4 dimensions
    (settings,) = finished.glob("events.*")
    summaries = [v for event in EventFileLoader(str(settings)).Load() for v in event.summary.value]
    infos = {v.tag.split("/")[1]: v.metadata.plugin_data.content for v in summaries}
    start = plugin_data_pb2.HParamsPluginData.FromString(infos["session_start_info"]).session_start_info
    metrics = plugin_data_pb2.HParamsPluginData.FromString(infos["experiment"]).experiment.metric_infos
    groups = {m.name.tag: m.name.group for m in metrics}
    assert (groups["loss/encoder"], groups["metrics/rid"]) == ("train", "eval")
    assert metrics[0].name.tag.startswith("loss/")  # which the tab opens on: every run has it
    assert start.hparams["channels"].number_value == 8
    assert start.hparams["objective"].string_value == "pagan"
    assert not {"data_dir", "save_every_steps"} & set(start.hparams)
    graphs = [graph_pb2.GraphDef.FromString(event.graph_def) for event in loaded if event.graph_def]
    assert any("while" in node.name for node in graphs[0].node)


@pytest.mark.slow
def test_the_projector_has_codes_labels_and_thumbnails(tmp_path: Path) -> None:
    for label in ("cat", "dog"):
        (tmp_path / "d" / label).mkdir(parents=True)
        for i in range(25):
            picture = np.random.default_rng(i).integers(0, 256, [8, 8, 3]).astype(np.uint8)
            (tmp_path / f"d/{label}/{i:02d}.png").write_bytes(tf.io.encode_png(picture).numpy())
    data = [f"--dataset=folder:{tmp_path}/d", f"--cache_dir={tmp_path}/cache", "--image_every_steps=1"]
    assert cli.run("train", [*data, *VAE, *SIZES, "--train_steps=1", f"--model_dir={tmp_path}/run"]) == 0
    folder = tmp_path / "run/train"
    config = text_format.Parse((folder / "projector_config.pbtxt").read_text(), ProjectorConfig())
    (embedding,) = config.embeddings
    assert np.loadtxt(folder / embedding.tensor_path).shape == (5, 4)  # images 0, 10, 20, 30, 40
    assert (folder / embedding.metadata_path).read_text().split() == ["cat", "cat", "cat", "dog", "dog"]
    assert list(embedding.sprite.single_image_dim) == [8, 8]
    assert png(folder / embedding.sprite.image_path).shape == (24, 24, 3)  # a square of 3 x 3


def test_the_end_says_where_everything_is_and_how_to_go_on(
    finished: Path, dataset: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run("train", [f"--model_dir={finished}"]) == 0  # nothing left to do
    printed = capsys.readouterr().out
    for part in ("samples/step_00000004.png", "ckpt/ckpt-4", f"tensorboard --logdir={finished}", "--train_steps=8"):
        assert part in printed


@pytest.mark.slow
def test_the_model_dir_alone_goes_on_with_the_stored_configuration(finished: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(finished, run)
    with (run / "metrics.jsonl").open("a") as f:
        f.write('{"step": 1e400}\n{"step": 5, "images": 20}\n{"step": ')  # what a killed process may leave behind, and worse
    assert cli.run("train", [f"--model_dir={run}", "--train_steps=6"]) == 0
    assert json.loads((run / "config.json").read_text())["training"]["train_steps"] == 6
    assert tf.train.latest_checkpoint(str(run / "ckpt")) == f"{run}/ckpt/ckpt-6"
    steps = [json.loads(line)["step"] for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert steps == [2, 4, 6]


@pytest.mark.parametrize(
    ("settings", "begun"),
    [
        ({}, ("dcgan", 8)),
        ({"train_steps": 7}, ("dcgan", 8)),
        ({"channels": 16}, ("dcgan", 16)),
        ({"dataset": "shapes", "channels": 16}, ("pagan", 16)),
    ],
)
def test_a_run_without_a_checkpoint_begins_again_as_it_began(
    settings: dict[str, object], begun: tuple[str, int], tmp_path: Path
) -> None:
    config = Config().with_changes({"objective": "dcgan", "channels": 8, "dataset": "shapes"})
    run_folder.write_config(tmp_path, config)  # and was killed
    again = chosen.config("", settings, tmp_path)
    assert (again.objective.name, again.networks.channels) == begun
    (tmp_path / "config.json").write_text("{")
    if "dataset" not in settings:
        with pytest.raises(UserError, match=r"config\.json: "):
            chosen.config("", settings, tmp_path)


def test_another_configuration_is_refused_with_the_difference(
    finished: Path, dataset: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    before = (finished / "config.json").read_text()
    assert cli.run("train", [f"--model_dir={finished}", "--channels=16", "--seed=3"]) == 1
    message = capsys.readouterr().err
    assert "another configuration (channels: 8 -> 16; seed: 0 -> 3)" in message
    assert (finished / "config.json").read_text() == before


def test_a_refused_attempt_to_go_on_leaves_the_configuration(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (finished / "config.json").read_text()
    for wrong in ("--devices=GPU:7", "--best_metric=rmse"):
        assert cli.run("train", [f"--model_dir={finished}", "--train_steps=9", wrong]) == 1
        assert wrong.split("=")[0] in capsys.readouterr().err
    assert (finished / "config.json").read_text() == before


@pytest.mark.parametrize("wrong", ["--devices=GPU:7", "--best_metric=fid --eval_every_steps=1", "--cache_dir=/proc/a"])
def test_a_new_run_that_is_refused_leaves_nothing(
    wrong: str, dataset: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tensorflow_hub.resolve", lambda handle: (_ for _ in ()).throw(OSError("no network")))
    monkeypatch.delenv("TFPAGAN_INCEPTION", raising=False)
    assert cli.run("train", [*dataset, *VAE, *SIZES, *wrong.split(), f"--model_dir={tmp_path}/run"]) == 1
    assert "train: error: " in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_a_folder_in_which_nothing_began_is_not_filled_with_another_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / ".lock").touch()  # of a command that was killed
    assert cli.run("train", [f"--model_dir={tmp_path}", "--train_steps=9"]) == 1
    assert "holds no run to go on with" in capsys.readouterr().err
    assert chosen.config("", {"dataset": "mnist"}, tmp_path).data.dataset == "mnist"
    assert chosen.config("pagan_mnist_cpu", {}, tmp_path).data.dataset == "mnist"


def test_checkpoints_without_their_configuration_are_not_gone_on_with(
    finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    shutil.copytree(finished, run)
    (run / "config.json").unlink()
    assert cli.run("train", [f"--model_dir={run}", "--preset=pagan_shapes_cpu", "--train_steps=6"]) == 1
    assert f"cannot read {run}/config.json" in capsys.readouterr().err
    assert tf.train.latest_checkpoint(str(run / "ckpt")) == f"{run}/ckpt/ckpt-4"


@pytest.mark.slow
def test_a_first_attempt_that_failed_on_its_data_binds_nobody(
    dataset: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "images"
    shutil.copytree(dataset[0].removeprefix("--dataset=folder:"), folder)
    (folder / "broken.png").write_bytes(b"no image")
    (folder / "link.png").symlink_to("/nowhere")
    argv = [f"--dataset=folder:{folder}", f"--cache_dir={tmp_path}/cache", *VAE, *SIZES, "--train_steps=2"]
    assert cli.run("train", [*argv, f"--model_dir={tmp_path}/run"]) == 1
    message = capsys.readouterr().err
    assert "2 of 42 images cannot be used" in message
    assert f"{folder}/link.png (No such file or directory)" in message
    assert cli.run("train", [*argv, f"--model_dir={tmp_path}/run", "--skip_corrupt_images"]) == 0
    assert (tmp_path / "run/ckpt/ckpt-2.index").exists()


def test_a_run_that_is_past_its_steps_has_nothing_to_do(finished: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"):
        assert cli.run("train", [f"--model_dir={finished}", "--train_steps=3"]) == 0
    assert f"{finished} is already at step 4: nothing to train up to step 3" in caplog.text
    assert tf.train.latest_checkpoint(str(finished / "ckpt")) == f"{finished}/ckpt/ckpt-4"


@pytest.mark.slow
def test_a_model_dir_that_cannot_be_written_is_named(
    dataset: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "run").mkdir()
    (tmp_path / "run/train").write_text("")
    assert cli.run("train", [*dataset, *VAE, *SIZES, f"--model_dir={tmp_path}/run"]) == 1
    assert f"cannot write TensorBoard's files to {tmp_path}/run/train" in capsys.readouterr().err
    for model_dir in (tmp_path / "file" / "run", Path("/proc/run")):
        assert cli.run("train", [*dataset, *VAE, *SIZES, f"--model_dir={model_dir}"]) == 1
        assert f"cannot write in --model_dir={model_dir}" in capsys.readouterr().err


def test_without_locks_it_warns_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def no_locks(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", no_locks)
    with run_folder.opened(tmp_path / "run", Config()):
        assert (tmp_path / "run").is_dir()
    assert "this file system has no locks (No locks available)" in caplog.text


def test_an_export_is_no_run_folder(dataset: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "saved_model.pb").write_bytes(b"")
    assert cli.run("train", [*dataset, *SIZES, f"--model_dir={tmp_path}"]) == 1
    assert f"--model_dir={tmp_path} is an export, not the folder of a run" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["saved_model.pb"]
    (tmp_path / "versions/12").mkdir(parents=True)
    (tmp_path / "saved_model.pb").rename(tmp_path / "versions/12/saved_model.pb")
    assert cli.run("train", [*dataset, *SIZES, f"--model_dir={tmp_path}/versions"]) == 1
    assert f"--model_dir={tmp_path}/versions is an export" in capsys.readouterr().err


@pytest.mark.slow
def test_a_killed_run_that_resumes_shows_every_step_once(dataset: list[str], tmp_path: Path) -> None:
    argv = [*dataset, *SIZES, *VAE, "--summary_every_steps=1", f"--model_dir={tmp_path}/run"]
    assert cli.run("train", [*argv, "--train_steps=4", "--save_every_steps=2"]) == 0
    for file in (tmp_path / "run/ckpt").glob("ckpt-4.*"):
        file.unlink()  # as if it had been killed before it saved
    assert cli.run("train", [*argv, "--train_steps=4", "--keep_checkpoints=2"]) == 0
    shown: list[int] = []
    for events in (tmp_path / "run/train").glob("events.*"):
        tags = [(e.step, v.tag) for e in EventFileLoader(str(events)).Load() for v in e.summary.value]
        shown += [step for step, tag in tags if tag == "loss/generator"]
    assert sorted(shown) == [1, 2, 3, 4]


@pytest.mark.slow
def test_a_loss_that_is_not_finite_stops_the_run_and_keeps_the_last_good_checkpoint(
    dataset: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    advance = trainer.Trainer.advance

    def poisoned(self: trainer.Trainer, *args: object) -> trainer.Progress:
        if int(self.step.numpy()) == 3:
            self.networks["disc_z"].to_logit.bias.assign([np.nan])
        return advance(self, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(trainer.Trainer, "advance", poisoned)
    argv = [*dataset, *SIZES, "--train_steps=9", "--save_every_steps=1", f"--model_dir={tmp_path}/run"]
    assert cli.run("train", argv) == 1
    message = capsys.readouterr().err
    assert "loss/disc_z became nan at step 4" in message
    assert "Traceback" not in message
    assert tf.train.latest_checkpoint(f"{tmp_path}/run/ckpt") == f"{tmp_path}/run/ckpt/ckpt-3"


@pytest.mark.slow
def test_a_resumed_run_is_the_undisturbed_one_bit_for_bit(dataset: list[str], tmp_path: Path) -> None:
    """A run that is killed after step 50 goes on from step 40; ALI has codes and every kind of norm in few networks.

    A critic beside it learns from step 18 on.
    """
    every = ["--summary_every_steps=1", "--save_every_steps=40", "--keep_checkpoints=3"]
    critic = ["--critic_from=0.2", "--validation_images=8"]
    argv = [*dataset, *SIZES, *every, *critic, "--objective=ali", "--train_steps=90", "--deterministic", "--ema_decay=0.9"]
    straight, killed = tmp_path / "straight", tmp_path / "killed"
    assert cli.run("train", [*argv, f"--model_dir={straight}"]) == 0
    shutil.copytree(straight, killed, ignore=shutil.ignore_patterns("ckpt-80.*", "ckpt-90.*"))
    lines = (straight / "metrics.jsonl").read_text().splitlines()
    (killed / "metrics.jsonl").write_text("".join(f"{line}\n" for line in lines if json.loads(line)["step"] <= 50))
    assert cli.run("train", [*argv, f"--model_dir={killed}"]) == 0
    one, two = (tf.train.load_checkpoint(f"{folder}/ckpt") for folder in (straight, killed))
    assert one.get_variable_to_shape_map() == two.get_variable_to_shape_map()
    for name in one.get_variable_to_shape_map():
        if name not in ("save_counter/.ATTRIBUTES/VARIABLE_VALUE", "_CHECKPOINTABLE_OBJECT_GRAPH"):
            np.testing.assert_array_equal(one.get_tensor(name), two.get_tensor(name), err_msg=name)
    again = (killed / "metrics.jsonl").read_text().splitlines()
    assert [_losses(line) for line in again] == [_losses(line) for line in lines]
    assert [json.loads(line)["critic/updates"] for line in lines if "critic" in line] == list(range(2, 73, 10))
    assert len(lines) == 90 + 8
    assert again[43:] != lines[43:]  # the throughput is another: they were trained again


def _losses(line: str) -> dict[str, float]:
    return {tag: value for tag, value in json.loads(line).items() if not tag.startswith("throughput")}


def test_a_folder_that_another_process_trains_in_is_refused(
    dataset: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    argv = [*dataset, *SIZES, "--train_steps=2", f"--model_dir={tmp_path}/run"]
    with run_folder.opened(tmp_path / "run", Config()):  # a lock belongs to the open file, whichever process opened it
        assert cli.run("train", argv) == 1
    assert f"another process is training in {tmp_path}/run" in capsys.readouterr().err
