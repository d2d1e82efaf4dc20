"""bin/evaluate and bin/compare of runs, on a tiny run with a tiny classifier."""

import csv
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from helpers.brightness import Brightness
from helpers.small_runs import LAYERS, PX, SIZES, printed
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

from tfpagan import cli
from tfpagan.cli import evaluate
from tfpagan.evaluation import metrics, protocols
from tfpagan.evaluation.metrics.ais import Annealing

FEW = ["--metrics=is,fid,kid,rid,rmse,ms_ssim,fid_rec,panel", "--samples=21", "--splits=2"]


@pytest.mark.slow
def test_a_run_is_scored_and_the_numbers_are_kept_with_it(
    run: Path, classifier: str, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert cli.run("evaluate", [f"--model_dir={run}", classifier, *FEW, "--json"]) == 0
    given = printed(capsys)
    assert given["subject"] == {"model": str(run), "step": 4}
    for key in ("classifier_score_mean", "frechet_classifier_distance", "rmse", "latent_cycle_rmse", "class_kept"):
        assert given["metrics"][key] is not None, key
    assert given["reasons"].keys() == {key for key, value in given["metrics"].items() if value is None}
    protocol = given["protocol"]
    assert (protocol["name"], protocol["samples"], protocol["splits"], protocol["code"]) == ("custom", 21, 2, "mean")
    assert (protocol["classifier"], protocol["test_count"], protocol["reference_count"]) == ("net", 4, 36)
    with (run / "scores.csv").open(newline="") as f:
        (row,) = csv.DictReader(f)
    assert float(row["rmse"]) == given["metrics"]["rmse"]
    line = json.loads((run / "metrics.jsonl").read_text().splitlines()[-1])
    assert (line["step"], line["metrics"]) == (4, given["metrics"])
    assert json.loads((run / "eval/custom_step_00000004.json").read_text()) == given
    assert tf.io.decode_png((run / "eval/worst_step_00000004.png").read_bytes()).shape == (PX, 16 * PX, 3)
    covariance = tf.io.decode_png((run / "eval/code_covariance_step_00000004.png").read_bytes()).numpy()[32::64, 32::64]
    assert covariance.shape == (4, 4, 3)  # of four dimensions
    np.testing.assert_array_equal(covariance, covariance.transpose(1, 0, 2))
    assert np.all(np.diagonal(covariance)[0] == 255)  # variances are not negative: white to red
    (events,) = (run / "eval").glob("events*")
    tags = {v.tag for event in EventFileLoader(str(events)).Load() for v in event.summary.value}
    assert {"metrics/rmse", "metrics/frechet_classifier_distance"} <= tags
    assert cli.run("train", [f"--model_dir={run}", "--train_steps=5"]) == 0  # and the run goes on


def test_a_protocol_of_likelihoods_has_its_own_chains_unless_flags_change_them() -> None:
    command = evaluate.COMMAND
    options: dict[str, Any] = {o.name: o.default for o in command.options} | {"protocol": "ais1k"}
    assert evaluate._protocol(options) is protocols.get("ais1k")
    assert protocols.get("ais1k").annealing == Annealing(images=1000, chains=16, distributions=10_000)
    changed = evaluate._protocol(options | {"ais_images": 5, "ais_sigma": 0.1})
    assert (changed.name, changed.annealing) == ("custom", Annealing(5, 16, 10_000, 0.1))
    critics = evaluate._protocol(options | {"protocol": "alpha_gan", "critics": 1, "critic_updates": 7}).critics
    assert (critics.seeds, critics.steps, critics.channels) == (1, 7, 32)


def test_the_same_evaluation_twice_gives_the_same_numbers(
    run: Path, classifier: str, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    results = []
    for _ in range(2):
        assert cli.run("evaluate", [f"--model_dir={run}", classifier, *FEW, "--code=draw", "--seed=3", "--json"]) == 0
        results.append(printed(capsys)["metrics"])
    assert results[0] == results[1]


def test_without_inception_the_rest_is_scored_and_the_exit_code_says_so(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def unreachable(handle: str) -> str:
        raise OSError("no network")

    monkeypatch.delenv("TFPAGAN_INCEPTION", raising=False)
    monkeypatch.setattr("tensorflow_hub.resolve", unreachable)
    capsys.readouterr()
    assert cli.run("evaluate", [f"--model_dir={run}", "--metrics=fid,rmse", "--samples=10", "--json"]) == 1
    given = capsys.readouterr()
    result = json.loads(given.out)
    assert result["metrics"]["frechet_inception_distance"] is None
    assert "Inception is not available" in result["reasons"]["frechet_inception_distance"]
    assert result["metrics"]["rmse"] > 0
    assert "fid cannot be computed: no classifier: Inception is not available" in given.err


def test_statistics_of_a_runs_samples_are_saved_whatever_is_measured(
    run: Path, data: list[str], classifier: str, tmp_path: Path
) -> None:
    file = tmp_path / "samples.npz"
    argv = [f"--model_dir={run}", data[1], "--samples=21", "--metrics=rmse", f"--save_statistics={file}"]
    assert cli.run("evaluate", argv) == 1  # without a classifier
    assert not file.exists()
    assert cli.run("evaluate", [*argv, classifier]) == 0
    with np.load(file) as stored:
        assert (int(stored["count"]), stored["sigma"].shape) == (21, 2 * stored["mu"].shape)
        assert stored["features"].shape == (21, *stored["mu"].shape)


@pytest.fixture
def brightness() -> Iterator[None]:
    metrics.register(Brightness())
    yield
    del metrics.METRICS["brightness"]


@pytest.mark.slow
@pytest.mark.usefixtures("brightness")
def test_a_metric_from_outside_is_a_metric_like_others(
    run: Path, data: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert cli.run("evaluate", [f"--model_dir={run}", "--metrics=brightness,rmse", "--samples=10", "--json"]) == 0
    value = printed(capsys)["metrics"]["brightness"]
    assert 0.0 < value < 255.0
    assert cli.run("evaluate", [f"--model_dir={run}", "--metrics=nothing"]) == 1
    assert "known: is, fid, kid, ms_ssim, rid, rmse, fid_rec, panel, nll, ais, critic, brightness" in capsys.readouterr().err
    monkeypatch.setitem(protocols.NAMED, "quick1k", protocols.Protocol("quick1k", ("brightness",), samples=8))
    argv = [*data, *SIZES, "--eval_every_steps=4", "--best_metric=brightness", f"--model_dir={tmp_path}/new"]
    assert cli.run("train", argv) == 0
    assert json.loads((tmp_path / "new/best/best.json").read_text())["metric"] == "brightness"
    tags = {
        value.tag
        for events in (tmp_path / "new/eval").glob("events*")
        for event in EventFileLoader(str(events)).Load()
        for value in event.summary.value
    }
    assert "metrics/bright" in tags


def test_an_evaluation_opens_its_data_set_once(run: Path, data: list[str], opened: list[str]) -> None:
    assert cli.run("evaluate", [f"--model_dir={run}", "--metrics=rmse"]) == 0
    assert len(opened) == 1
    argv = ["--reconstructor=augment:blur", *data, f"--image_size={PX}", "--metrics=rmse"]
    assert cli.run("evaluate", argv) == 0
    assert len(opened) == 2


def test_runs_are_compared_under_one_protocol_only(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = Path(shutil.copytree(run, tmp_path / "other"))
    for folder in (run, other):
        assert cli.run("evaluate", [f"--model_dir={folder}", "--metrics=rmse"]) == 0
    capsys.readouterr()
    assert cli.run("compare", [f"--runs={run},{other}"]) == 0
    assert "rmse" in capsys.readouterr().out
    swept = Path(shutil.copytree(other, tmp_path / "seed=0,channels=8"))  # as bin/sweep names them
    assert cli.run("compare", [f"--runs={run}, {swept},{other}"]) == 0
    assert "seed=0,channels=8" in capsys.readouterr().out
    assert cli.run("evaluate", [f"--model_dir={other}", "--metrics=rmse", "--code=draw"]) == 0
    assert cli.run("compare", [f"--runs={run},{other}"]) == 1
    assert "different protocols (code: mean and draw)" in capsys.readouterr().err
    refused = {"/a": "two or more run folders", "/a,/b,/a": "--runs names /a twice", "/a,/b": "/a/scores.csv holds no scores"}
    for runs, message in refused.items():
        assert cli.run("compare", [f"--runs={runs}"]) == 1
        assert message in capsys.readouterr().err


def test_a_run_whose_data_set_has_changed_is_neither_scored_nor_gone_on_with(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    for i in range(20):
        (folder / f"{i:02d}.png").write_bytes(tf.io.encode_png(np.full([8, 8, 3], 10 * i, np.uint8)).numpy())
    argv = [f"--dataset=folder:{folder}", "--image_size=8", *LAYERS, "--batch_size=4", f"--cache_dir={tmp_path}/cache"]
    assert cli.run("train", [*argv, "--train_steps=1", f"--model_dir={tmp_path}/run"]) == 0
    first = (folder / "00.png").read_bytes()
    for name, content, message in (
        ("a.png", first, "train had 18 images and has 18; test had 2 images and has 3"),
        ("00.png", (folder / "19.png").read_bytes(), "the 2 images of test are others, or in another order"),
    ):
        (folder / name).write_bytes(content)
        encoded = [f"--model={tmp_path}/run", *argv[:1], *argv[-1:], f"--output={tmp_path}/c.npz"]
        own = f"--model_dir={tmp_path}/run"
        for command, given in (
            ("train", [own, "--train_steps=2"]),
            ("evaluate", [own, "--metrics=rmse"]),
            ("probe", [own]),
            ("encode", encoded),
        ):
            assert cli.run(command, given) == 1
            error = capsys.readouterr().err
            assert f"has changed since the run in {tmp_path}/run began" in error, command
        assert message.split("; ")[-1] in error
        if name == "a.png":
            (folder / name).unlink()
        else:
            (folder / name).write_bytes(first)
    assert cli.run("evaluate", [f"--model_dir={tmp_path}/run", "--metrics=rmse"]) == 0
    assert cli.run("train", [f"--model_dir={tmp_path}/run", "--train_steps=2"]) == 0


def test_a_run_within_its_data_set_is_refused(tmp_path: Path, data: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    folder = Path(data[0].removeprefix("--dataset=folder:"))
    (tmp_path / "link").symlink_to(folder)
    for place in (folder / "run", tmp_path / "link" / "run"):
        assert cli.run("train", [*data, *SIZES, f"--model_dir={place}"]) == 1
        assert f"--model_dir={place} lies in folder:{folder}" in capsys.readouterr().err
    assert not (folder / "run").exists()


def test_a_refused_evaluation_leaves_no_folder(trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "old").mkdir()
    for folder in ("new/scores", "old"):
        code = cli.run("evaluate", [f"--model_dir={trained}", "--dataset=shapes", f"--output={tmp_path / folder}"])
        assert (code, "--dataset cannot be given with --model_dir" in capsys.readouterr().err) == (1, True)
    assert list(tmp_path.rglob("*")) == [tmp_path / "old"]


def test_more_is_better_for_scores_and_less_for_distances() -> None:
    assert metrics.keys()["rmse"].better
    assert not metrics.keys()["latent_cycle_rmse"].better
    assert metrics.keys()["inception_score_mean"].improves(2.0, 1.0)
    assert metrics.keys()["frechet_inception_distance"].improves(1.0, 2.0)
    assert not metrics.keys()["rmse"].improves(2.0, 1.0)
