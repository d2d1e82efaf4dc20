"""The benchmark of the evaluation measures what it says."""

import json

import pytest

from tfpagan import cli
from tfpagan.evaluation import bench
from tfpagan.evaluation.classifiers.mixed_precision import has_bfloat16


def test_all_ways_are_timed_on_the_same_images() -> None:
    speed = bench.speed(100, rounds=2, channels=2)
    bfloat16 = ["later_in_bfloat16"] if has_bfloat16() else []
    assert (speed.images, [*speed.seconds]) == (100, ["first", "later", *bfloat16, "tf_gans"])
    assert all(len(times) == 2 and min(times) > 0 for times in speed.seconds.values())
    assert bench.Speed(100, {"later": [1.0, 2.0, 4.0], "tf_gans": [2.0, 6.0, 6.0]}).ratio("later") == 2.0


def test_bin_bench_eval_prints_what_was_measured(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    seconds = {"first": 2.0, "later": 1.5, "tf_gans": 3.0}

    def measured(images: int, rounds: int) -> bench.Speed:
        return bench.Speed(images, {way: [s] * rounds for way, s in seconds.items()})

    monkeypatch.setattr(bench, "speed", measured)
    monkeypatch.setattr(bench, "peak_mib", lambda images: 100.0 + images)
    monkeypatch.setattr(bench, "frechet_seconds", lambda: 2.5)
    assert cli.run("bench_eval", ["--images=200", "--few=100", "--many=400", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["ratio"] == {"first": 1.5, "later": 2.0, "tf_gans": 1.0}
    assert (facts["frechet_2048_seconds"], facts["peak_mib"]) == (2.5, {"100": 200.0, "400": 500.0})
    assert cli.run("bench_eval", ["--images=200"]) == 0
    assert "later ones               1.50 s      2.00 times as fast as tf-gan's" in capsys.readouterr().out
    for flag, message in (
        ("--images=150", "--images=150 is not legal: it must be whole hundreds"),
        ("--rounds=0", "at least 1"),
    ):
        assert cli.run("bench_eval", [flag]) == 1
        assert message in capsys.readouterr().err
