"""The benchmark of the evaluation measures what it says."""

import json

import pytest

from tfpagan import cli
from tfpagan.evaluation import bench


def test_all_ways_are_timed_on_the_same_images() -> None:
    speed = bench.speed(100, rounds=2, channels=2)
    assert (speed.images, len(speed.first), len(speed.later), len(speed.tf_gans)) == (100, 2, 2, 2)
    assert min(speed.first + speed.later + speed.tf_gans) > 0
    assert bench.Speed(100, [], [], [2.0, 6.0, 6.0]).ratio([1.0, 2.0, 4.0]) == 2.0


def test_bin_bench_eval_prints_what_was_measured(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(bench, "speed", lambda images, rounds: bench.Speed(images, *([s] * rounds for s in (2.0, 1.5, 3.0))))
    monkeypatch.setattr(bench, "peak_mib", lambda images: 100.0 + images)
    monkeypatch.setattr(bench, "frechet_seconds", lambda: 2.5)
    assert cli.run("bench_eval", ["--images=200", "--few=100", "--many=400", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["ratio"] == {"first": 1.5, "later": 2.0}
    assert (facts["frechet_2048_seconds"], facts["peak_mib"]) == (2.5, {"100": 200.0, "400": 500.0})
    assert cli.run("bench_eval", ["--images=200"]) == 0
    assert "later ones             1.50 s      2.00 times as fast as tf-gan's" in capsys.readouterr().out
    for flag, message in (
        ("--images=150", "--images=150 is not legal: it must be whole hundreds"),
        ("--rounds=0", "at least 1"),
    ):
        assert cli.run("bench_eval", [flag]) == 1
        assert message in capsys.readouterr().err
