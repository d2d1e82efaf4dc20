"""Early stopping: which runs are hopeless, by hand; and a sweep with one."""

import csv
import itertools
import json
import os
from pathlib import Path

import pytest

from tfpagan.evaluation import metrics
from tfpagan.experiments.experiment import evaluations
from tfpagan.experiments.halving import Halving

NOW = itertools.count(10**18, 10**9)


@pytest.fixture
def halving() -> Halving:
    return Halving(metrics.keys()["rmse"], most=10)


def evaluated(folder: Path, *values: float | None, protocol: str = "quick1k_validation", metric: str = "rmse") -> Path:
    """A run with evaluations of these values, each after ten steps more."""
    folder.mkdir(exist_ok=True)
    with (folder / "scores.csv").open("w", newline="") as f:
        writer = csv.writer(f)
        writer.writerow(["step", metric, "protocol"])
        for i, value in enumerate(values):
            writer.writerow([10 * (i + 1), "" if value is None else value, json.dumps({"name": protocol})])
    os.utime(folder / "scores.csv", ns=(next(NOW), next(NOW)))  # files written in one tick of the clock differ
    return folder


def test_a_run_goes_on_if_it_is_among_the_best_third_of_those_before(halving: Halving, tmp_path: Path) -> None:
    # The bound is the value that a third of the runs before have reached, between two of them linearly.
    found = [(v, halving.hopeless(evaluated(tmp_path / f"{v}", v))) for v in (9.0, 10.0, 8.0, 8.5, 8.0, 8.1)]
    # Bounds: none; 9; 9 1/3 of (9, 10); 8 2/3 of (8, 9, 10); 8.5 of (8, 8.5, 9, 10); 8 1/6 of (8, 8, 8.5, 9, 10)
    assert found == [(9.0, False), (10.0, True), (8.0, False), (8.5, False), (8.0, False), (8.1, False)]
    assert halving.stopped(tmp_path / "10.0") == "stopped at step 10 by ASHA: rmse 10"
    assert halving.stopped(tmp_path / "9.0") == ""


def test_runs_are_compared_after_1_3_and_9_evaluations(halving: Halving, tmp_path: Path) -> None:
    assert not halving.hopeless(evaluated(tmp_path / "good", *[9.0] * 10))
    run = tmp_path / "run"
    for count, hopeless in [(1, False), (2, False), (3, True)]:
        evaluated(run, *[8.0, 99.0, 99.0][:count])
        assert halving.hopeless(run) is hopeless
    assert json.loads((run / "stopped_early.json").read_text())["evaluations"] == 3


def test_a_stopped_run_stays_stopped_for_the_same_metric_alone(halving: Halving, tmp_path: Path) -> None:
    halving.hopeless(evaluated(tmp_path / "good", 1.0))
    bad = evaluated(tmp_path / "bad", 2.0)
    assert halving.hopeless(bad)
    again = Halving(metrics.keys()["rmse"], most=10)
    assert again.hopeless(bad)  # although nothing is before it now
    assert again.stopped(bad)
    assert not Halving(metrics.keys()["class_kept"], most=10).hopeless(bad)


def test_evaluations_on_test_images_and_missing_values_do_not_count(halving: Halving, tmp_path: Path) -> None:
    halving.hopeless(evaluated(tmp_path / "good", 1.0))
    assert not halving.hopeless(evaluated(tmp_path / "a", 5.0, protocol="quick5k"))
    assert not halving.hopeless(evaluated(tmp_path / "b", None))
    (tmp_path / "c").mkdir()
    assert not halving.hopeless(tmp_path / "c")
    (tmp_path / "c/scores.csv").write_text("no table")
    assert not halving.hopeless(tmp_path / "c")


def test_a_step_that_was_done_again_counts_once(halving: Halving, tmp_path: Path) -> None:
    assert evaluations(evaluated(tmp_path / "a", 3.0, 2.0), "rmse") == [(10, 3.0), (20, 2.0)]
    text = (tmp_path / "a/scores.csv").read_text().splitlines()
    (tmp_path / "a/scores.csv").write_text("\n".join([*text, text[2].replace("2.0", "1.5"), text[1].replace("3.0", "4.0")]))
    assert evaluations(tmp_path / "a", "rmse") == [(10, 4.0), (20, 1.5)]


def test_where_more_is_better_the_lower_is_hopeless(tmp_path: Path) -> None:
    kept = Halving(metrics.keys()["class_kept"], most=10)
    runs = [evaluated(tmp_path / name, value, metric="class_kept") for name, value in (("a", 0.9), ("b", 0.8))]
    assert [kept.hopeless(run) for run in runs] == [False, True]
