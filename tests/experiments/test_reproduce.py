"""What bin/reproduce lists and runs: commands, budgets, seeds, hours."""

import dataclasses
import io
import re
import shlex
from contextlib import redirect_stdout
from pathlib import Path

import pytest
from helpers.outcomes import outcome

from tfpagan import cli
from tfpagan.evaluation import protocols
from tfpagan.experiments import estimate, tables
from tfpagan.experiments.experiment import Experiment, Outcome
from tfpagan.experiments.runner import Runner
from tfpagan.experiments.table import Row, Table


def test_a_folder_that_cannot_be_written_is_refused_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    argv = ["--table=systems_mnist", "--rows=vae", "--images=64", "--protocol=nll10k"]
    for flags in ([f"--runs={tmp_path}/file/runs"], [f"--runs={tmp_path}/runs", f"--publish={tmp_path}/file"]):
        assert cli.run("reproduce", [*argv, *flags]) == 1
        said = capsys.readouterr().err
        assert f"{flags[-1]} cannot be written to" in said
        assert said.count("\n") == 1
    assert not (tmp_path / "runs").exists()


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
