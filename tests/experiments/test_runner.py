"""Runs of an experiment: trained, scored once, found again, gone on with; which are refused, and how failures look."""

import csv
import dataclasses
import hashlib
import json
import signal
import subprocess
import sys
import tarfile
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from helpers import exports
from helpers.waiting import waited

import tfpagan
from tfpagan import cli
from tfpagan.errors import UserError
from tfpagan.evaluation import protocols
from tfpagan.experiments import report
from tfpagan.experiments import runner as runs
from tfpagan.experiments.experiment import Experiment, Outcome, Scoring, row_of
from tfpagan.experiments.processes import Ended, Processes
from tfpagan.experiments.publish import publish
from tfpagan.experiments.runner import Runner
from tfpagan.images import write_png
from tfpagan.run_folder import probed
from tfpagan.serving.exports import FACTS

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A folder of small images, a classifier of them, a cache: what a table needs besides the runs."""
    folder = tmp_path_factory.mktemp("experiments")
    random = np.random.default_rng(0)
    for split, count in (("train", 40), ("test", 20)):
        for i in range(count):
            kind = folder / "photos" / split / "ab"[i % 2]
            kind.mkdir(parents=True, exist_ok=True)
            write_png(random.integers(0, 256, [16, 16, 3]).astype(np.uint8), str(kind / f"{i}.png"))

    class Network(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None, 16, 16, 3], tf.float32)])
        def __call__(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
            features = tf.reduce_mean(images, [1, 2])
            return {"logits": features[:, :2], "pool_3": features}

    network = Network()
    tf.saved_model.save(network, str(folder / "classifier"), signatures=network.__call__)
    return {"dataset": f"folder:{folder}/photos", "classifier": str(folder / "classifier"), "cache": str(folder / "cache")}


def small(places: dict[str, str], name: str, **settings: object) -> Experiment:
    sizes = {"dataset": places["dataset"], "image_size": 16, "batch_size": 4, "train_steps": 3}
    sizes |= {"architecture": "color_mnist", "channels": 8, "latent_dim": 4}  # few layers, which are traced sooner
    return Experiment(name, "", sizes | settings)


class InThisProcess:
    """Commands without the seconds that it takes to start them."""

    jobs = 1

    def run(self, command: Sequence[str], log: Path, stop: Callable[[], bool]) -> Ended:
        with log.open("a") as output, redirect_stdout(output), redirect_stderr(output):
            return Ended(cli.run(command[0], command[1:]))


def runner(places: dict[str, str], folder: Path, processes: Processes | None = None) -> Runner:
    return Runner(folder, processes, places=[f"--cache_dir={places['cache']}"])


@pytest.mark.slow
def test_runs_are_trained_scored_found_again_and_gone_on_with(
    places: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment = dataclasses.replace(small(places, "vae", objective="vae", validation_images=8), best="RMSE")
    scoring = Scoring("custom", places["classifier"])
    protocol = "custom"
    quick = dataclasses.replace(scoring, protocol=protocol)
    for name in ("custom", "quick1k"):  # 50,000 samples take minutes
        few = dataclasses.replace(protocols.NAMED[name], samples=20, reconstructions=0, splits=2)
        monkeypatch.setitem(protocols.NAMED, name, few)
    (first,) = runner(places, tmp_path / "runs", InThisProcess()).outcomes([experiment], quick)
    assert first.failure == ""
    assert float(first.scores["rmse"]) > 0
    assert first.cpu_minutes is not None
    assert 0.001 < first.cpu_minutes < 5.0
    scores = (tmp_path / "runs/vae/scores.csv").read_text()
    (again,) = runner(places, tmp_path / "runs", InThisProcess()).outcomes([experiment], quick)
    assert (again.scores, again.cpu_minutes) == (first.scores, first.cpu_minutes)
    assert (tmp_path / "runs/vae/scores.csv").read_text() == scores
    longer = dataclasses.replace(experiment, settings={**experiment.settings, "train_steps": 5})
    bad = small(places, "bad", objective="vae", learning_rate=1e30)
    found = runner(places, tmp_path / "runs", InThisProcess()).outcomes([longer, bad], quick)
    assert [outcome.experiment.name for outcome in found] == ["vae", "bad"]
    assert (found[0].cpu_minutes or 0) > first.cpu_minutes
    assert "became" in found[1].failure
    assert found[1].scores == {}
    assert "\n" not in found[1].failure
    with (tmp_path / "runs/vae/scores.csv").open(newline="") as f:
        rows = [(int(row["step"]), json.loads(row["protocol"])["name"], float(row["rmse"])) for row in csv.DictReader(f)]
    during = {step: rmse for step, name, rmse in rows if name == "quick1k_validation"}
    assert list(during) == [1, 2, 3, 4, 5]
    scored = [step for step, name, _ in rows if name == "custom"]
    best = [min(steps, key=during.__getitem__) for steps in ([1, 2, 3], list(during))]
    assert [scored[0], scored[-1]] == best
    assert found[0].scores["step"] == str(scored[-1])
    assert_published(found, runner(places, tmp_path / "runs"), tmp_path)


def assert_published(outcomes: list[Outcome], source: Runner, folder: Path) -> None:
    """The scored run is there as an export and as an archive of it, which stays the same when nothing has changed."""
    with exports.read_here():
        models = publish(outcomes, source, folder / "models")
    assert sorted(path.name for path in (folder / "models").iterdir()) == ["MODELS.md", "vae", "vae.tar.gz"]
    archive = folder / "models/vae.tar.gz"
    content = archive.read_bytes()
    assert f"| {hashlib.sha256(content).hexdigest()} |" in models.read_text()
    assert "are of this classifier here, not of Inception" in models.read_text()
    with tarfile.open(archive) as tar:
        tar.extractall(folder / "unpacked", filter="data")
    assert str(json.loads((folder / "unpacked/vae/1" / FACTS).read_text())["step"]) == outcomes[0].scores["step"]
    assert tfpagan.load(folder / "unpacked/vae").sample(2).shape == (2, 16, 16, 3)
    publish(outcomes, source, folder / "models")
    assert archive.read_bytes() == content
    assert not (folder / "models/vae/2").exists()


def test_a_folder_with_a_run_of_other_settings_is_refused_before_anything_runs(places: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "vae" / "ckpt").mkdir(parents=True)
    (tmp_path / "vae" / "ckpt" / "ckpt-1.index").touch()  # before its first checkpoint a run binds nobody
    (tmp_path / "vae" / "config.json").write_text(small(places, "vae", objective="vae", channels=16).config.to_json())
    (tmp_path / "mnist" / "ckpt").mkdir(parents=True)
    (tmp_path / "mnist" / "ckpt" / "ckpt-7.index").touch()
    (tmp_path / "mnist" / "config.json").write_text(Experiment("", "", {"dataset": "mnist", "image_size": 32}).config.to_json())
    scoring, run = Scoring("quick1k", "inception"), runner(places, tmp_path)
    with pytest.raises(UserError, match=r"mnist is a run of other settings \(dataset: mnist -> cifar10\)"):
        run.outcomes([Experiment("mnist", "", {"dataset": "cifar10"})], scoring)
    run.check([Experiment("mnist", "", {"dataset": "mnist"})])  # 0 px and auto are what it began with
    held_out = Experiment("", "", {"dataset": "mnist", "image_size": 32, "validation_images": 1000}).config
    (tmp_path / "chosen" / "ckpt").mkdir(parents=True)
    (tmp_path / "chosen" / "ckpt" / "ckpt-7.index").touch()
    (tmp_path / "chosen" / "config.json").write_text(held_out.to_json())
    run.check([Experiment("chosen", "", {"dataset": "mnist"}, best="RMSE")])  # bin/train sets images aside by itself
    run.check([Experiment("chosen", "", {"dataset": "mnist", "best_metric": "rmse", "eval_every_steps": 1})])
    with pytest.raises(UserError, match=r"chosen is a run of other settings \(validation_images: 1000 -> 0\)"):
        run.check([Experiment("chosen", "", {"dataset": "mnist"})])
    with pytest.raises(UserError, match="mnist is a run of 7 steps, and 6 were requested"):
        run.outcomes([Experiment("mnist", "", {"dataset": "mnist", "train_steps": 6})], scoring)
    other = small(places, "gan", objective="dcgan")
    with pytest.raises(UserError, match=r"vae is a run of other settings \(channels: 16 -> 8\)"):
        runner(places, tmp_path).outcomes([other, small(places, "vae", objective="vae")], Scoring("quick1k", "inception"))
    assert not (tmp_path / "gan").exists()


def test_a_protocol_of_more_images_than_there_are_is_refused_before_anything_runs(
    places: dict[str, str], tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=r"has 20 test images, but --protocol=quick1k reconstructs 1000"):
        runner(places, tmp_path).outcomes([small(places, "vae", objective="vae")], Scoring("quick1k", places["classifier"]))
    assert not (tmp_path / "vae").exists()


def test_scores_of_another_classifier_or_of_none_are_not_taken(tmp_path: Path) -> None:
    experiment = Experiment("a", "", {"train_steps": 3})
    rows = [{"name": "quick1k", "classifier_checksum": "one"}, {"name": "quick1k"}]
    for protocol, own, other in ((rows[0], "one", "two"), (rows[1], "", "one")):
        (tmp_path / "scores.csv").unlink(missing_ok=True)
        with (tmp_path / "scores.csv").open("w", newline="") as f:
            writer = csv.DictWriter(f, ["step", "rmse", "protocol"])
            writer.writeheader()
            writer.writerow({"step": 3, "rmse": 1.5, "protocol": json.dumps(protocol)})
        scoring = Scoring("quick1k", "inception")
        assert (row_of(tmp_path, experiment, scoring, own) or {})["rmse"] == "1.5"
        assert row_of(tmp_path, experiment, scoring, other) is None


def test_the_newest_scores_by_each_of_two_classifiers_are_taken(tmp_path: Path) -> None:
    with (tmp_path / "scores.csv").open("w", newline="") as f:
        writer = csv.DictWriter(f, ["step", "rmse", "protocol"])
        writer.writeheader()
        for step, rmse, classifier in ((3, 1.0, "one"), (3, 2.0, "one"), (3, 3.0, "two"), (2, 4.0, "one")):
            protocol = json.dumps({"name": "quick1k", "classifier_checksum": classifier})
            writer.writerow({"step": step, "rmse": rmse, "protocol": protocol})
    experiment, scoring = Experiment("a", "", {"train_steps": 3}), Scoring("quick1k", "vgg")
    found = {name: row_of(tmp_path, experiment, scoring, name) for name in ("one", "two", "three")}
    assert {name: row and row["rmse"] for name, row in found.items()} == {"one": "2.0", "two": "3.0", "three": None}


@pytest.mark.slow
def test_sigterm_saves_the_run_under_way_and_no_other_begins(places: dict[str, str], tmp_path: Path) -> None:
    program = [
        "--grid=seed=0,1",
        "--objective=dcgan",
        f"--dataset={places['dataset']}",
        f"--cache_dir={places['cache']}",
        "--architecture=color_mnist",
        "--image_size=16",
        "--channels=8",
        "--summary_every_steps=1",
        "--train_steps=100000",
        "--protocol=is50k",
        f"--runs={tmp_path}/runs",
    ]
    command = [sys.executable, "-m", "tfpagan.cli", "sweep", *program]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT)
    log = tmp_path / "runs" / "seed=0" / "metrics.jsonl"
    assert waited(lambda: log.exists() or process.poll() is not None, 120.0)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 143
    assert list((tmp_path / "runs" / "seed=0" / "ckpt").glob("ckpt-*.index"))
    assert not (tmp_path / "runs" / "seed=1").exists()


def test_a_file_in_the_place_of_a_run_is_a_failure_of_that_run(places: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "run").touch()
    (found,) = runner(places, tmp_path).outcomes(
        [small(places, "run", objective="vae")], Scoring("is50k", places["classifier"])
    )
    assert found.failure == f"{tmp_path}/run cannot be used: File exists"


def test_a_table_with_a_column_of_errors_probes_encoders_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the scored step; not again where it was probed, and not a system without an encoder."""
    asked: list[str] = []

    def process(self: Runner, command: str, flags: list[str], folder: Path) -> str:
        asked.append(f"{command} {folder.name}")
        if folder.name == "bad":
            return "no labels"
        probed.write(folder, {"step": 9, "error_rate_mean": 0.237, "error_rate_std": 0.004, **probed.USUAL})
        return ""

    monkeypatch.setattr(Runner, "_process", process)
    monkeypatch.setattr(Runner, "_trained", lambda self, *args: "")
    monkeypatch.setattr(runs, "row_of", lambda *args: {"step": "9", "rmse": "5.0", "protocol": "{}"})
    run, scoring = Runner(tmp_path), Scoring("quick1k", "inception", probed=True)
    for name, objective in (("age", "age"), ("age", "age"), ("gan", "dcgan"), ("bad", "vae")):
        (tmp_path / name).mkdir(exist_ok=True)
        made = run._outcome(Experiment(name, "", {"objective": objective}), scoring, "")
        assert report.cell("SVM error", made) == {"age": "23.7 % ± 0.4 %", "gan": "-", "bad": "failed"}[name]
        assert report.cell("RMSE", made) == ("failed" if name == "bad" else "5.000")
    assert asked == ["probe age", "probe bad"]
