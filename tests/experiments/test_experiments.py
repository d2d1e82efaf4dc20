"""Tables and sweeps: which runs they take, what is found again, resumed, scored once, and how failures look."""

import collections
import csv
import dataclasses
import fnmatch
import hashlib
import io
import json
import math
import re
import shlex
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from helpers import exports

import tfpagan
from tfpagan import cli
from tfpagan.cli import reproduce
from tfpagan.config import presets
from tfpagan.errors import UserError
from tfpagan.evaluation import protocols
from tfpagan.experiments import estimate, figures, plot, report, spread, sweep, sweeps, systems, tables
from tfpagan.experiments import runner as runs
from tfpagan.experiments.experiment import Experiment, Outcome, Scoring, critic_beside, row_of
from tfpagan.experiments.processes import Ended, Processes
from tfpagan.experiments.publish import publish
from tfpagan.experiments.runner import Runner
from tfpagan.experiments.table import Deviation, Row, Table
from tfpagan.images import write_png
from tfpagan.losses.adversarial import DIVERGENCES
from tfpagan.objectives import OBJECTIVES
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


def test_a_folder_that_cannot_be_written_is_refused_in_one_line(
    places: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    argv = ["--table=systems_mnist", "--rows=vae", "--images=64", "--protocol=nll10k"]
    for flags in ([f"--runs={tmp_path}/file/runs"], [f"--runs={tmp_path}/runs", f"--publish={tmp_path}/file"]):
        assert cli.run("reproduce", [*argv, *flags]) == 1
        said = capsys.readouterr().err
        assert f"{flags[-1]} cannot be written to" in said
        assert said.count("\n") == 1
    assert not (tmp_path / "runs").exists()


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
    deadline = time.monotonic() + 120
    while not log.exists() and time.monotonic() < deadline:
        time.sleep(0.1)
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


@pytest.mark.parametrize("name", tables.TABLES)
def test_every_row_of_every_table_is_a_run_that_can_be_made(name: str) -> None:
    table = tables.TABLES[name]
    assert all(experiment.config.training.train_steps > 0 for experiment in table.experiments)
    assert all(set(row.paper) <= set(table.columns) for row in table.rows)
    names = [experiment.name for experiment in table.experiments]
    assert len(names) == len(set(names))
    assert all(
        row.paper for row in table.rows if not row.experiment and row.name != "PixelCNN++"
    )  # its table was not available


def test_pagans_tables_have_every_row_of_the_papers() -> None:
    for name, rows in {
        "pagan_1": "WAE-GAN ALI AGE ALICE S-VAE alpha-GAN AS-VAE PD-WGAN PAGAN",
        "pagan_2": "AUG VAE SVAE AGE PAGAN",
        "pagan_3": "PAGAN PAGAN-L1 PAGAN-NOAUG",
    }.items():
        assert [row.name for row in tables.TABLES[name].rows] == rows.split()
    papers = {row.name: row.paper for row in tables.PAGAN_2.rows}
    assert (papers["SVAE"], papers["PAGAN"]["RMSE"]) == ({"RMSE": "8.59", "RID": "38.13 ± 1.92"}, "8.12")


def test_the_systems_tables_have_every_system() -> None:
    objectives = [experiment.config.objective for experiment in tables.TABLES["systems_cifar10"].experiments]
    assert {objective.name for objective in objectives} == set(OBJECTIVES)
    made = [getattr(objective, "divergence", "") for objective in objectives]
    assert set(made) - {""} == set(DIVERGENCES)


def test_the_tables_of_age_and_as_vae_have_the_papers_numbers() -> None:
    papers = {name: {row.name: dict(row.paper) for row in tables.TABLES[name].rows} for name in tables.TABLES}
    nats = {row: float(paper["log p(x) nats"]) for row, paper in papers["age_mnist"].items()}
    assert nats == {"AGE": 746.0, "ALI": 721.0, "VAE": 705.375, "GAN": 346.679}
    assert all(e.config.networks.latent_dim == 10 for e in tables.AGE_MNIST.experiments)
    assert papers["age_cifar10"]["AGE"] == {"IS": "5.90 ± 0.04"}
    assert papers["as_vae_mnist"]["normalizing flow"] == {"NLL nats": "85.1"}
    assert papers["as_vae_cifar10"]["AS-VAE"] == {"IS": "6.3"}
    own = ["AS-VAE", "AS-VAE-r", "AS-VAE-g"]
    assert list(papers["as_vae_cifar10"]) == [*own, "ALI", "DCGAN", "VAE", "PixelCNN++", "PixelRNN"]
    assert list(papers["as_vae_imagenet"]) == [*own, "DCGAN", "PixelCNN++", "PixelRNN"]
    datasets = {e.config.data.dataset for e in tables.TABLES["as_vae_imagenet"].experiments}
    assert datasets == {"imagenet_resized/64x64"}


def test_rows_of_pagans_tables_are_its_presets() -> None:
    for name in ("pagan_1", "pagan_3", "pagan_4", "pagan_5", "as_vae_mnist"):
        assert all(experiment.preset in presets.PRESETS for experiment in tables.TABLES[name].experiments)


def outcome(name: str, failure: str = "", **scores: float) -> Outcome:
    protocol = json.dumps({"name": "quick5k", "classifier": "vgg", "classifier_checksum": "c0ffee", "samples": 5000})
    texts = {key: repr(value) for key, value in scores.items()} | {"protocol": protocol}
    return Outcome(Experiment(name, "", {"seed": 0}), {} if failure else texts, failure, 2.5, 431.2)


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


def test_a_table_shows_the_critic_beside_the_model_of_the_last_step(tmp_path: Path) -> None:
    rows = [{"step": 10, "critic/held_out": 5.0}, {"step": 20, "loss/generator": 1.0}, {"step": 20, "critic/held_out": 2.5}]
    assert critic_beside(tmp_path, 20) is None
    (tmp_path / "metrics.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    assert [critic_beside(tmp_path, step) for step in (10, 20, 30)] == [-5.0, -2.5, None]
    made = dataclasses.replace(outcome("a"), critic_beside=-2.5)
    assert [report.cell("critic beside", o) for o in (made, outcome("a"))] == ["-2.500", "-"]


def test_a_table_has_ours_the_papers_and_failures_as_failures() -> None:
    table = Table(
        "T",
        tuple(Row(n, Experiment(n, "", {}), {"FID": "32.84"} if n == "a" else {}) for n in ("a", "b")),
        ("IS", "FID", "class kept", "codes", "images/s", "CPU min"),
        "somewhere else",
    )
    a = outcome(
        "a",
        classifier_score_mean=2.0,
        classifier_score_std=0.25,
        frechet_classifier_distance=12.345,
        class_kept=0.914,
        latent_variance_of_means=0.4,
        latent_mean_of_variances=0.025,
    )
    lines = report.markdown(table, [a, outcome("b", "loss/x is not finite")], {"images": 320, "channels": ""}).splitlines()
    assert lines[4] == "| a | 2.000 ± 0.250 | 12.35 (32.84) | 91.4 % | 0.400 + 0.025 | 431.2 | 2.500 |"
    assert lines[5] == "| b | failed | failed | failed | failed | 431.2 | 2.500 |"
    assert "Ours: images 320." in lines
    assert "- b failed: loss/x is not finite" in lines
    assert any("classifier_checksum c0ffee" in line for line in lines)
    assert any("somewhere else" in line for line in lines)
    assert any("do not compare with published ones" in line for line in lines)


def test_a_baseline_that_is_not_implemented_has_the_papers_numbers_alone() -> None:
    rows = (Row("PD-WGAN", None, {"FID": "33.0"}), Row("a", Experiment("a", "", {}), {"FID": "32.84"}))
    table, made = Table("T", rows, ("IS", "FID")), [outcome("a", frechet_classifier_distance=12.345)]
    assert report.markdown(table, made, {}).splitlines()[4:6] == [
        "| PD-WGAN (paper only) | - | - (33.0) |", "| a | - | 12.35 (32.84) |",
    ]  # fmt: skip
    told = json.loads(report.as_json(table, made, {}))["rows"]
    assert [(row["name"], row["run"], row["paper"]) for row in told] == [
        ("PD-WGAN", None, {"FID": "33.0"}), ("a", "a", {"FID": "32.84"}),
    ]  # fmt: skip


def test_a_figure_has_our_points_and_the_papers_at_their_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from matplotlib.axes import Axes

    plotted: list[tuple[list[float], list[float]]] = []
    monkeypatch.setattr(Axes, "plot", lambda self, x, y, *style, **more: plotted.append((list(x), list(y))))
    monkeypatch.setattr(Axes, "legend", lambda self, **more: None)
    table = tables.PAGAN_4
    scores = {"pagan_pad02_cifar10": 3.0, "pagan_pad0_cifar10": 5.0, "pagan_blur_cifar10": 9.0}  # the last is of another kind
    made = [
        dataclasses.replace(outcome(e.name, frechet_classifier_distance=scores.get(e.name, 0.0)), experiment=e)
        if e.name in scores
        else Outcome(e, {}, "failed")
        for e in table.experiments
    ]
    assert plot.draw(tmp_path / "f.png", table, made) == ["FID"]
    assert plotted == [
        ([0.0, 0.2], [5.0, 3.0]), ([0.0, 0.05, 0.1, 0.15, 0.2], [108.81, 45.6, 37.2, 39.38, 39.18]),
    ]  # fmt: skip
    assert (tmp_path / "f.png").stat().st_size > 1000
    assert plot.draw(tmp_path / "g.png", table, [Outcome(e, {}, "failed") for e in table.experiments]) == []


def test_a_figure_of_two_scores_has_the_runs_and_the_paper_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from matplotlib.axes import Axes

    plotted: list[Any] = []
    monkeypatch.setattr(Axes, "plot", lambda self, x, y, style, **more: plotted.append((style, list(zip(x, y, strict=True)))))
    monkeypatch.setattr(Axes, "legend", lambda self, **more: None)
    monkeypatch.setattr(Axes, "annotate", lambda self, name, place, **more: plotted.append((name, place)))
    table = figures.FIGURES["pagan_3"]
    rid = {f"reconstruction_classifier_dissimilarity_{part}": 7.0 for part in ("mean", "std")}
    made = [
        dataclasses.replace(outcome(e.name, rmse=5.0, **rid), experiment=e)
        if e.name in ("vae_cifar10", "blur_cifar10")
        else Outcome(e, {}, "failed")
        for e in table.experiments
    ]
    assert plot.draw(tmp_path / "f.png", table, made) == ["RID"]
    assert plotted[:3] == [("o", [(5.0, 7.0)] * 2), ("VAE", (5.0, 7.0)), ("blur", (5.0, 7.0))]
    assert plotted[3] == ("o", [(5.85, 44.33), (6.675, 19.02), (8.12, 13.01), (8.59, 38.13), (8.89, 1.57)])
    assert [name for name, _ in plotted[4:]] == ["VAE", "AGE", "PAGAN", "SVAE", "AUG"]


def test_a_table_says_once_which_settings_are_not_the_papers_and_why() -> None:
    shared = Deviation((), {"channels": 8, "ema_decay": 0.99}, "it is cheap")
    own = {"a": Deviation(("a",), {"seed": 0}, "luck"), "b": Deviation(("b",), {"seed": 1}, "luck")}
    rows = [Row(n, Experiment(n, "", {}), deviations=(shared, deviation)) for n, deviation in own.items()]
    lines = report.markdown(Table("T", tuple(rows), ("FID",)), [outcome("a"), outcome("b")], {}).splitlines()
    first = lines.index("Settings that are not the papers', and why:") + 2
    assert lines[first:] == [
        "- all: `--channels=8 --ema_decay=0.99`: it is cheap", "- a: `--seed=0`: luck", "- b: `--seed=1`: luck",
    ]  # fmt: skip


@pytest.mark.parametrize("dataset", systems.DEVIATIONS)
def test_a_deviation_names_rows_and_its_row_has_its_settings(dataset: str) -> None:
    rows = {row.name: row for row in systems.table(dataset).rows}
    for deviation in systems.DEVIATIONS[dataset]:
        assert all(fnmatch.filter(rows, pattern) for pattern in deviation.of), deviation
        for name in filter(deviation.is_of, rows):
            own = rows[name].experiment.settings
            assert {key: own[key] for key in deviation.settings} == deviation.settings, name
            assert own["validation_images"] > 0


@pytest.mark.parametrize("dataset", systems.DEVIATIONS)
def test_the_page_of_a_data_set_has_the_deviations_of_its_rows(dataset: str) -> None:
    before, table = "Settings that are not the papers', and why:", systems.table(dataset)
    page = (ROOT / "docs" / f"systems_{dataset}.md").read_text().partition(before)[2].partition("## ")[0]
    made = report.markdown(table, [Outcome(e, {}) for e in table.experiments], {}).partition(before)[2]
    assert page.split() == made.split()


def test_a_page_shows_the_upper_halves_of_the_last_pictures_and_says_what_they_are(tmp_path: Path) -> None:
    picture = np.arange(64 * 32 * 3, dtype=np.uint8).reshape(64, 32, 3)
    for run, kind, step in (("a", "samples", 9), ("a", "samples", 10), ("a", "reconstructions", 10), ("b", "samples", 10)):
        (tmp_path / run / kind).mkdir(parents=True, exist_ok=True)
        write_png(picture * (step == 10), str(tmp_path / run / kind / f"step_{step:08d}.png"))
    table = Table("T", tuple(Row(n, Experiment(n, "", {})) for n in "abc"), ())
    sections = report.page(table, [outcome(n) for n in "abc"], tmp_path, tmp_path / "page").split("## ")[1:]
    assert [section.split()[0] for section in sections] == ["a", "b"]
    assert "samples; test images in odd columns" in sections[0]
    assert "(page/a_samples.png) ![reconstructions of a](page/a_reconstructions.png)" in sections[0]
    assert "reconstructions" not in sections[1]
    np.testing.assert_array_equal(tf.io.decode_png((tmp_path / "page/a_samples.png").read_bytes()), picture[:32])


def test_a_figure_shows_whole_pictures_of_evaluations_and_of_augmentations(tmp_path: Path) -> None:
    """Of the scored step where there is one, else the last."""
    picture = np.arange(64 * 32 * 3, dtype=np.uint8).reshape(64, 32, 3)
    files = ("eval/critic_curves_step_00000002.png", "eval/critic_curves_step_00000003.png", "augmentations/step_00000000.png")
    for file in files:
        (tmp_path / "a" / file).parent.mkdir(parents=True, exist_ok=True)
        write_png(picture * ("3" not in file), str(tmp_path / "a" / file))
    table = Table("T", (Row("a", Experiment("a", "", {})),), (), pictures=("critic_curves", "augmentations", "code_means"))
    page = report.page(table, [outcome("a", step=2)], tmp_path, tmp_path / "page")
    assert "the distance by critics while they learn; images in odd columns, a(x) in even ones" in page
    for name in ("critic_curves", "augmentations"):
        np.testing.assert_array_equal(tf.io.decode_png((tmp_path / f"page/a_{name}.png").read_bytes()), picture)


def test_the_sweeps_are_those_of_alpha_gans_paper() -> None:
    """Its Table 2 and H.1: 9 of DCGAN and of WGAN-GP, 12 of AGE, 32 of alpha-GAN; on ColorMNIST three latent sizes of each."""
    sizes = {}
    for data, times in (("color_mnist", 3), ("celeb_a", 1), ("cifar10", 1)):
        swept = sweeps.SWEEPS[data]
        runs = sweep.experiments(sweep.parse(swept.grid), "", swept.settings)
        counts = collections.Counter(run.settings["objective"] for run in runs)
        assert counts == {"dcgan": 9 * times, "wgan_gp": 9 * times, "age": 12 * times, "alpha_gan": 32 * times}
        preset = presets.get(f"dcgan_{data}")
        for run in runs:
            training = run.config.training
            assert (training.adam_beta1, training.adam_beta2, training.critic_from) == (0.5, 0.9, 0.5)
            assert training.train_steps == preset.training.train_steps
            assert run.config.networks.architecture == preset.networks.architecture
        sizes[data] = {run.config.networks.latent_dim for run in runs}
    assert sizes == {"color_mnist": {10, 50, 75}, "celeb_a": {128}, "cifar10": {128}}


def test_a_figure_of_sweeps_has_a_page_of_each_data_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    small = sweeps.Sweep("dcgan: learning_rate=1e-4,2e-4; vae: kl_weight=1", {"dataset": "mnist"}, "mnist")
    monkeypatch.setattr(reproduce, "SWEEPS", {"cifar10": small, "celeb_a": small})
    asked: list[str] = []

    def outcomes(self: Runner, experiments: list[Experiment], scoring: Scoring) -> list[Outcome]:
        asked.append(f"{self._folder.name} {scoring.classifier}")
        self._folder.mkdir(exist_ok=True)
        made = [outcome(e.name, rmse=0.5 + i / 10) for i, e in enumerate(experiments)]
        return [dataclasses.replace(o, experiment=e) for o, e in zip(made, experiments, strict=True)]

    monkeypatch.setattr(Runner, "outcomes", outcomes)
    argv = ["--figure=alpha_gan_5", "--rows=cifar10", "--images=640", f"--runs={tmp_path}"]
    assert cli.run("reproduce", [*argv, "--seeds=0,1"]) == 0
    assert asked == ["sweep_cifar10 inception", "sweep_cifar10 mnist"]
    page = (tmp_path / "figure_alpha_gan_5.md").read_text()
    assert "The paper: boxes without numbers; of test images the diversity is 0.621" in page
    assert "![boxes](sweep_cifar10/boxes.png)" in page
    assert (tmp_path / "sweep_cifar10/boxes.png").exists()
    assert "## celeb_a" not in page
    assert len((tmp_path / "sweep_cifar10/sweep.csv").read_text().splitlines()) == 1 + 6  # three points, two seeds
    assert cli.run("reproduce", [*argv, "--classifier=mnist"]) == 0
    assert asked[2:] == ["sweep_cifar10 mnist"]  # which is the second one, too
    capsys.readouterr()
    assert cli.run("reproduce", [*argv, "--publish=x"]) == 1
    assert "--publish cannot go with --figure=alpha_gan_5, which shows sweeps" in capsys.readouterr().err


def test_runs_of_the_same_name_are_the_same_in_all_tables_and_figures() -> None:
    """So that all of them can be made in one folder, and none trains what another has trained."""
    runs: dict[str, set[tuple[str, str, str, int]]] = {}
    for table in (*tables.TABLES.values(), *figures.FIGURES.values()):
        for row in table.rows:
            if e := row.experiment:
                runs.setdefault(e.name, set()).add((e.config.to_json(), e.stand_in, e.best, row.budget))
    assert [name for name, kinds in runs.items() if len(kinds) > 1] == []


def test_every_figure_has_runs_and_pictures_that_there_are() -> None:
    for name, shown in figures.FIGURES.items():
        assert shown.rows, name
        assert set(shown.pictures) <= set(report.PICTURES), name
        assert all("," not in row.name for row in shown.rows), name  # --rows could not select it
        assert all(e.config for e in shown.experiments)
    assert [e.config.networks.latent_dim for e in figures.FIGURES["alpha_gan_10"].experiments] == [100] * 4


def test_a_figure_is_made_as_a_table_is(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Runner, "outcomes", lambda self, experiments, scoring: [outcome(e.name) for e in experiments])
    (tmp_path / "age_cifar10" / "reconstructions").mkdir(parents=True)
    write_png(np.zeros([8, 8, 3], np.uint8), str(tmp_path / "age_cifar10/reconstructions/step_00000001.png"))
    argv = ["--figure=age_9", "--images=704", "--channels=8", "--classifier=vgg", f"--runs={tmp_path}"]
    assert cli.run("reproduce", argv) == 0
    said, page = capsys.readouterr().out, (tmp_path / "figure_age_9.md").read_text()
    assert page.startswith(said.rstrip())
    assert "# AGE Figure 9: the data loss in the generator, CIFAR-10" in said
    assert "bin/reproduce --figure=age_9 --images=704" in said
    assert "![reconstructions of AGE](figure_age_9/age_cifar10_reconstructions.png)" in page


def test_numbers_of_the_official_classifier_go_into_the_same_columns() -> None:
    assert report.value_of("FID", outcome("a", frechet_inception_distance=3.5)) == (3.5,)
    assert report.value_of("IS", outcome("a")) == (None,)


def test_a_grid_is_every_combination_with_typed_values() -> None:
    grids = sweep.parse(" objective=dcgan,wgan_gp; learning_rate=1e-4,2e-4,3e-4;deterministic=true")
    assert grids == [{"objective": ["dcgan", "wgan_gp"], "learning_rate": [1e-4, 2e-4, 3e-4], "deterministic": [True]}]
    made = sweep.experiments(grids, "", {"dataset": "mnist", "channels": 8})
    assert len(made) == 6
    assert made[1].name == "objective=dcgan,learning_rate=0.0002,deterministic=True"
    assert made[1].config.training.learning_rate == 2e-4
    assert made[1].flags()[-1] == "--deterministic=True"
    assert {e.config.objective.name for e in made} == {"dcgan", "wgan_gp"}


def test_systems_have_grids_of_their_own_in_one_sweep(tmp_path: Path) -> None:
    grids = sweep.parse("dcgan: learning_rate=1e-4,2e-4; alpha_gan: encoder_l1_weight=1,10; seed=0")
    assert len(grids) == 2
    made = sweep.experiments(grids, "", {"dataset": "mnist"})
    assert [e.name for e in made] == [
        "objective=dcgan,seed=0,learning_rate=0.0001", "objective=dcgan,seed=0,learning_rate=0.0002",
        "objective=alpha_gan,seed=0,encoder_l1_weight=1.0", "objective=alpha_gan,seed=0,encoder_l1_weight=10.0",
    ]  # fmt: skip
    outcomes = [Outcome(e, {"rmse": "5.0", "protocol": "{}"}) for e in made]
    head, _, first, *_ = sweep.table(grids, outcomes, []).splitlines()
    assert head.startswith("| objective | seed | learning_rate | encoder_l1_weight | RMSE |")
    assert first.startswith("| dcgan | 0 | 0.0001 | - | 5.000 |")
    sweep.write_csv(tmp_path / "sweep.csv", grids, outcomes)
    rows = list(csv.DictReader((tmp_path / "sweep.csv").open()))
    assert [row["encoder_l1_weight"] for row in rows] == ["", "", "1.0", "10.0"]


def test_the_best_diversity_is_the_nearest_to_that_of_real_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from matplotlib.axes import Axes

    circles: list[float] = []
    monkeypatch.setattr(spread, "BEST", 2)
    monkeypatch.setattr(Axes, "plot", lambda self, x, y, *style, **more: circles.extend(y))
    monkeypatch.setattr(Axes, "boxplot", lambda self, *values, **more: None)
    made = [
        dataclasses.replace(o, experiment=Experiment("", "", {"seed": i}))
        for i, o in enumerate(
            outcome("", ms_ssim_diversity=value, ms_ssim_diversity_error=0.1, ms_ssim_diversity_real=0.6)
            for value in (0.1, 0.5, 0.65, 0.9)
        )
    ]
    assert sweep.drawn(tmp_path / "b.png", "seed", made, []) == ["diversity"]
    assert sorted(circles) == [0.5, 0.65]


def test_two_metrics_are_related_by_values_by_ranks_and_by_halves() -> None:
    """Four runs by hand: the score ranks them a, b, c, d, the error c, a, d, b; a fifth has no error."""
    numbers = {"a": (4.0, 2.0), "b": (3.0, 9.0), "c": (2.0, 1.0), "d": (1.0, 4.0)}
    made = [outcome(n, classifier_score_mean=s, classifier_score_std=0.1, rmse=e) for n, (s, e) in numbers.items()]
    made.append(outcome("e", classifier_score_mean=9.0, classifier_score_std=0.1))
    (pair,) = spread.relations(made)
    assert (pair["x"], pair["y"], [run["run"] for run in pair["runs"]]) == ("IS", "RMSE", ["a", "b", "c", "d"])
    assert [(run["rank_x"], run["rank_y"]) for run in pair["runs"]] == [(1, 2), (2, 4), (3, 1), (4, 3)]
    # deviations 1.5, 0.5, -0.5, -1.5 and -2, 5, -3, 0: 1 / sqrt(5 * 38)
    assert pair["correlation"] == pytest.approx(1.0 / math.sqrt(190.0))
    assert pair["rank_correlation"] == pytest.approx(1 - 6 * (1 + 4 + 4 + 1) / (4 * 15))  # ranks 1, 2, 3, 4 and 2, 4, 1, 3
    assert (pair["good_by_x_only"], pair["good_by_y_only"]) == (0.25, 0.25)  # b; c
    assert spread.relation_lines([pair])[-1] == "| IS | RMSE | 0.07 | 0.00 | 25 % | 25 % |"
    assert spread.relations(made[:2]) == []
    assert spread.relation_lines([]) == []


def test_scores_by_two_classifiers_are_related_run_by_run() -> None:
    """Three runs by hand: both rank a first, and they differ in b and c; the error needs no classifier, and d has one score."""
    first = {"a": 4.0, "b": 3.0, "c": 2.0, "d": 1.0}
    one = [outcome(n, classifier_score_mean=s, classifier_score_std=0.1, rmse=s) for n, s in first.items()]
    two = [
        outcome(n, inception_score_mean=s, inception_score_std=0.1, rmse=1.0) for n, s in (("a", 9.0), ("b", 1.0), ("c", 5.0))
    ]
    (pair,) = spread.relations_between(one, "vgg", two, "inception")
    assert (pair["x"], pair["y"]) == ("IS by vgg", "IS by inception")
    assert [(run["run"], run["x"], run["y"]) for run in pair["runs"]] == [("a", 4.0, 9.0), ("b", 3.0, 1.0), ("c", 2.0, 5.0)]
    assert pair["correlation"] == pytest.approx(4.0 / math.sqrt(2.0 * 32.0))  # deviations 1, 0, -1 and 4, -4, 0
    assert pair["rank_correlation"] == pytest.approx(0.5)  # ranks 1, 2, 3 and 1, 3, 2
    assert (pair["good_by_x_only"], pair["good_by_y_only"]) == (0.0, 0.0)


def test_runs_without_a_finite_number_are_in_no_picture() -> None:
    made = [outcome(n, rmse=e) for n, e in (("a", 2.0), ("b", math.inf), ("c", math.nan))]
    (group,) = spread.boxes("seed", made)["RMSE"]["groups"].values()
    assert [run["run"] for run in group] == ["a"]


def test_the_samples_of_the_best_run_by_each_metric_are_shown(tmp_path: Path) -> None:
    numbers = {"a": (4.0, 2.0), "b": (3.0, 1.0), "c": (9.0, 3.0)}  # by the score c is the best, by the error b
    made = [outcome(n, classifier_score_mean=s, classifier_score_std=0.1, rmse=e) for n, (s, e) in numbers.items()]
    for i, name in enumerate("ab"):  # c has no pictures
        for step in (1, 2):
            (tmp_path / name / "samples").mkdir(parents=True, exist_ok=True)
            write_png(np.full([8, 8, 3], 10 * i + step, np.uint8), str(tmp_path / name / f"samples/step_{step:08d}.png"))
    lines = spread.best_samples(tmp_path, made)
    assert [line for line in lines if line] == ["Samples of the best run by RMSE, b:", "![best by RMSE](best_RMSE.png)"]
    assert tf.io.decode_png((tmp_path / "best_RMSE.png").read_bytes()).numpy().max() == 12


def test_of_an_odd_number_of_runs_the_middle_is_in_neither_half() -> None:
    assert spread._good_by_one_only([1, 2, 3], [3, 2, 1]) == pytest.approx(1 / 3)
    assert spread._good_by_one_only([1, 2, 3], [1, 2, 3]) == 0


def test_a_folder_is_named_for_its_settings_as_long_as_a_file_system_takes_that() -> None:
    first, second = sweep.experiments([{"data_dir": ["/" + "ä" * 200, "/" + "ä" * 199 + "b"]}], "", {})
    assert first.name != second.name
    assert first.name.startswith("data_dir=-ää")
    assert max(len(e.name.encode()) for e in (first, second)) <= 200


def test_a_sweep_leaves_a_table_a_csv_and_box_plots(tmp_path: Path) -> None:
    grids: list[sweep.Grid] = [{"objective": ["dcgan", "vae"], "seed": [0, 1, 2]}]
    outcomes = []
    for i, e in enumerate(sweep.experiments(grids, "", {"dataset": "mnist"})):
        scores = {"rmse": repr(5.0 + i), "classifier_score_mean": repr(2.0), "classifier_score_std": "0.1", "protocol": "{}"}
        outcomes.append(Outcome(e, scores if i else {}, "" if i else "not finite", 1.0, 100.0))
    assert sweep.drawn(tmp_path / "boxes.png", "objective", outcomes, spread.relations(outcomes)) == ["IS", "RMSE"]
    for name in ("boxes.png", "relations.png", "ranks.png"):
        picture = tf.io.decode_png((tmp_path / name).read_bytes()).numpy()
        assert min(picture.shape[:2]) > 200
        assert picture.std() > 10
    made = json.loads((tmp_path / "sweep.json").read_text())
    assert made["by"] == "objective"
    rmse = made["boxes"]["RMSE"]["groups"]
    assert [run["value"] for run in rmse["dcgan"]] == [6.0, 7.0]
    assert [run["value"] for run in rmse["vae"]] == [8.0, 9.0, 10.0]
    assert rmse["vae"][0]["run"] == "objective=vae,seed=0"
    assert [(pair["x"], pair["y"], len(pair["runs"])) for pair in made["relations"]] == [("IS", "RMSE", 5)]
    assert made["relations"][0]["correlation"] is None  # all scores are 2.0
    sweep.write_csv(tmp_path / "sweep.csv", grids, outcomes)
    rows = list(csv.DictReader((tmp_path / "sweep.csv").open()))
    assert [row["rmse"] for row in rows] == ["", "6.0", "7.0", "8.0", "9.0", "10.0"]
    assert rows[0]["failure"] == "not finite"
    assert "| dcgan | 0 | failed |" in sweep.table(grids, outcomes, [])


def test_a_sweep_shows_the_critic_that_learned_beside_each_model(tmp_path: Path) -> None:
    made = [dataclasses.replace(outcome(name, rmse=5.0 + i), critic_beside=-1.0 - i) for i, name in enumerate("abc")]
    relations = spread.relations(made)
    assert [(pair["x"], pair["y"]) for pair in relations] == [("RMSE", "critic beside")]
    assert relations[0]["rank_correlation"] == pytest.approx(1.0)  # more is better by the critic
    text = sweep.table([{"seed": [0]}], made, relations)
    assert "| seed | RMSE | critic beside | images/s | CPU min |" in text
    assert "critic beside: the same by one that learned beside the model" in text
    assert sweep.drawn(tmp_path / "boxes.png", "seed", made, relations) == ["RMSE", "critic beside"]
    sweep.write_csv(tmp_path / "sweep.csv", [{"seed": [0]}], made)
    assert [row["critic_beside"] for row in csv.DictReader((tmp_path / "sweep.csv").open())] == ["-1.0", "-2.0", "-3.0"]
    assert "critic beside" not in sweep.table([{"seed": [0]}], [outcome("a", rmse=5.0)], [])


def test_a_sweep_says_whose_scores_these_are() -> None:
    """Scores of an in-domain classifier are not those of Inception, in the table and in the titles of the plots."""
    made = [outcome(name, classifier_score_mean=2.0, classifier_score_std=0.1, rmse=5.0) for name in ("a", "b")]
    text = sweep.table([{"seed": [0]}], made, [])
    assert "Protocol: name quick5k, classifier vgg, classifier_checksum c0ffee, samples 5000." in text
    assert "IS, FID and RID are of this classifier here, not of Inception" in text
    assert report.names_of("IS", made) == ["classifier_score_mean"]
    official = [outcome("a", inception_score_mean=2.0, inception_score_std=0.1)]
    assert report.names_of("IS", official) == ["inception_score_mean"]
    assert "not of Inception" not in sweep.table([{"seed": [0]}], official, [])


def test_a_table_names_the_command_that_makes_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Runner, "outcomes", lambda self, experiments, scoring: [outcome(e.name) for e in experiments])
    flags = ["--table=pagan_5", "--images=704", "--channels=8", "--classifier=vgg"]
    assert cli.run("reproduce", [*flags, f"--runs={tmp_path}", "--jobs=2"]) == 0
    line = f"Ours: images for each, at most 704; channels 8; made by `bin/reproduce {' '.join(flags)}`."
    assert line in capsys.readouterr().out.splitlines()
    assert line in (tmp_path / "pagan_5.md").read_text().splitlines()
    assert cli.run("reproduce", ["--table=pagan_plus_cifar10", "--rows=without L1 distance", f"--runs={tmp_path}"]) == 0
    said = capsys.readouterr().out
    command = said.split("made by `")[1].split("`")[0]
    assert shlex.split(command) == ["bin/reproduce", "--table=pagan_plus_cifar10", "--rows=without L1 distance"]


@pytest.mark.parametrize(
    ("flags", "counts"),
    [
        (["--images=704"], ("quick5k", 5_000, 5_000)),
        (["--images=0"], ("pagan", 50_000, 10_000)),
        (["--images=0", "--protocol=quick1k"], ("quick1k", 1_000, 1_000)),
    ],
)
def test_at_the_papers_budget_scores_are_of_as_many_images_as_its(
    flags: list[str], counts: tuple[str, int, int], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    used = []
    monkeypatch.setattr(Runner, "outcomes", lambda self, experiments, scoring: used.append(scoring.protocol) or [])
    assert cli.run("reproduce", ["--table=pagan_1", "--rows=PD-WGAN", "--classifier=vgg", f"--runs={tmp_path}", *flags]) == 0
    protocol = protocols.get(used[0])
    assert (protocol.name, protocol.samples, protocol.reconstructions) == counts


def test_a_perceptual_loss_is_by_the_classifier_that_scores(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run("reproduce", ["--table=slides_losses", "--images=64", "--classifier=/vgg", "--dry_run"]) == 0
    said = capsys.readouterr().out.splitlines()[:-1]
    lines = dict(line.split(": bin/") for line in said if not line.startswith("  bin/evaluate "))
    assert sum(line.startswith("train ") for line in lines.values()) == 4  # the augmentations are not trained
    assert "--perceptual_classifier=/vgg" in lines["runs/reproduce/pagan_perceptual_cifar10"]
    assert "--reconstruction=l2" in lines["runs/reproduce/pagan_l2_cifar10"]


@pytest.mark.slow
def test_hours_are_measured_and_what_is_done_takes_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    argv = ["--table=pagan_2", "--rows=AUG,VAE,SVAE", "--images=640000", "--channels=8", "--dry_run", "--hours"]
    assert cli.run("reproduce", [*argv, f"--runs={tmp_path}"]) == 0
    aug, vae, _, took, svae, _, total = capsys.readouterr().out.splitlines()
    assert "augment:pad_crop" in aug
    assert ("--train_steps=10000" in vae, "the paper's numbers alone" in svae) == (True, True)
    assert re.fullmatch(r"  (\d+(\.\d)? (minutes|hours)|under a minute)", took)
    assert total == f"{took.strip()} of training on this machine, one run after another; evaluations come on top"
    (folder := tmp_path / "vae_cifar10" / "ckpt").mkdir(parents=True)
    (folder / "ckpt-10000.index").touch()
    row = Experiment("vae_cifar10", "", {"train_steps": 10_000})
    assert estimate.hours(row, tmp_path / "vae_cifar10", []) == (0.0, "done")
    assert estimate.hours(row, tmp_path / "other", ["--dataset=folder:/nowhere"])[0] is None


def test_every_seed_has_a_run_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    argv = ["--table=systems_mnist", "--rows=vae", "--dry_run"]
    assert cli.run("reproduce", [*argv, "--seeds=0,7", "--images=64"]) == 0
    first, scored, *second, _ = capsys.readouterr().out.splitlines()
    of_seed = re.sub(r"vae_on_mnist\b", "vae_on_mnist_seed7", first).replace("--train_steps", "--seed=7 --train_steps")
    assert second == [of_seed, re.sub(r"vae_on_mnist\b", "vae_on_mnist_seed7", scored)]
    assert first.startswith("runs/reproduce/vae_on_mnist: bin/train --model_dir=runs/reproduce/vae_on_mnist --dataset=mnist")
    assert cli.run("reproduce", ["--table=pagan_2", "--rows=AUG,VAE", "--dry_run", "--seeds=3,4"]) == 0
    runs = [line for line in capsys.readouterr().out.splitlines()[:-1] if not line.startswith("  ")]
    assert [line.split(":")[0].split("/")[-1] for line in runs] == [
        "aug_cifar10", "vae_cifar10_seed3", "vae_cifar10_seed4",
    ]  # fmt: skip
    assert cli.run("reproduce", ["--table=pagan_2", "--rows=SVAE,AUG", "--dry_run"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "runs/reproduce/aug_cifar10: bin/evaluate --reconstructor=augment:pad_crop --dataset=cifar10 "
        "--output=runs/reproduce/aug_cifar10 --classifier=inception --protocol=pagan",
        "SVAE: the paper's numbers alone",
        "scored by --protocol=pagan (is, fid, kid, rid, rmse, panel of 50,000 samples and 10,000 test images) and "
        "--classifier=inception",
    ]  # fmt: skip
    assert cli.run("reproduce", [*argv, "--seeds=1,x"]) == 1
    assert "--seeds=1,x is not legal: it must be comma-separated whole numbers" in capsys.readouterr().err


def test_the_listed_commands_are_those_that_are_run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    argv = ["--table=systems_mnist", "--rows=pagan", "--images=64", "--classifier=mnist", f"--runs={tmp_path}/a b"]
    made: list[list[str]] = []

    def process(self: Runner, command: str, flags: list[str], folder: Path, enough: object = None) -> str:
        made.append([command, *flags])
        return ""

    monkeypatch.setattr(Runner, "_process", process)
    with redirect_stdout(io.StringIO()) as listed:
        assert cli.run("reproduce", [*argv, "--dry_run"]) == 0
    assert cli.run("reproduce", argv) == 1  # as nothing was scored
    train, evaluate, _ = listed.getvalue().splitlines()
    assert shlex.split(train.partition(": bin/")[2]) == made[0]
    assert shlex.split(evaluate.removeprefix("  bin/")) == made[1]
    assert {"--best_metric=class_kept", "--eval_every_steps=1"} <= set(made[0])


def test_a_budget_is_a_number_of_images_times_the_budget_of_the_row(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [Row(n, Experiment(n, "", {"objective": n})) for n in ("pagan", "wpagan", "wgan_gp")]
    longer = dataclasses.replace(rows[0], name="longer", experiment=Experiment("longer", "", {}), budget=10)
    augmented = Row("a(x)", Experiment("a", "", {}, "augment:blur"))
    monkeypatch.setitem(tables.TABLES, "t", Table("T", (*rows, longer, augmented), ("images",)))
    monkeypatch.setattr(Runner, "outcomes", lambda self, experiments, scoring: [Outcome(e, {}) for e in experiments])
    assert cli.run("reproduce", ["--table=t", "--images=70400", f"--runs={tmp_path}", "--classifier=vgg"]) == 0
    said = capsys.readouterr().out
    cells = dict(line.strip("| ").split(" | ") for line in said.splitlines()[4:9])
    assert cells == {
        "pagan": "70,400",  # 1,100 steps
        "wpagan": "70,400",  # 100 of 11 phases
        "wgan_gp": "70,272",  # 183 of 6
        "longer": "704,000",
        "a(x)": "-",
    }
    assert "images for each" not in said
