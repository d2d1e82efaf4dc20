"""Figures: their points, the papers' beside them, pictures, and the pages of sweeps."""

import collections
import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from helpers.outcomes import outcome

from tfpagan import cli
from tfpagan.cli import reproduce
from tfpagan.config import presets
from tfpagan.experiments import figures, plot, report, sweep, sweeps, tables
from tfpagan.experiments.experiment import Experiment, Outcome, Scoring
from tfpagan.experiments.runner import Runner
from tfpagan.experiments.table import Row, Table
from tfpagan.images import write_png


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
