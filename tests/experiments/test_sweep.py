"""Sweeps: grids, folders, relations between metrics, what is drawn and written."""

import csv
import dataclasses
import json
import math
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from helpers.outcomes import outcome

from tfpagan.experiments import report, spread, sweep
from tfpagan.experiments.experiment import Experiment, Outcome
from tfpagan.images import write_png


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
