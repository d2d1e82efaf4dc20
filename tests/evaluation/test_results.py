"""Numbers with their protocol, on disk and side by side."""

import csv
import errno
import fcntl
import json
import math
import multiprocessing
import threading
from contextlib import nullcontext
from pathlib import Path

import pytest
from helpers.waiting import waited

from tfpagan.evaluation.errors import EvaluationError
from tfpagan.evaluation.results import append_csv_row, comparison, last_row, result


def test_values_that_are_not_finite_are_null_with_a_reason() -> None:
    r = result({"a": math.inf, "b": None, "c": 1.5}, {"b": "why"}, {"name": "p"}, subject={}, versions={})
    assert json.loads(r.to_json())["metrics"] == {"a": None, "b": None, "c": 1.5}
    assert r.reasons == {"a": "it is inf", "b": "why"}
    assert "- (why)" in r.table()
    details = {"per": {"mean": [1.0, math.inf]}, "of": "m"}
    kept = result({}, {}, {}, subject={}, versions={}, details=details)
    assert json.loads(kept.to_json())["details"] == {"per": {"mean": [1.0, None]}, "of": "m"}


def row(step: int, value: float, **protocol: object):  # type: ignore[no-untyped-def]
    facts = {"name": "p", "samples": 10} | protocol
    return result({"rmse": value}, {}, facts, subject={"model": "m", "step": step}, versions={})


def test_scores_csv_grows_new_columns_and_keeps_every_digit(tmp_path: Path) -> None:
    append_csv_row(tmp_path / "scores.csv", row(1, 1 / 3))
    more = result({"rid": 2.0, "psnr": None}, {"psnr": "exact"}, {"name": "p"}, subject={"model": "m", "step": 2}, versions={})
    append_csv_row(tmp_path / "scores.csv", more)
    with (tmp_path / "scores.csv").open(newline="") as f:
        rows = list(csv.DictReader(f))
    assert [r["rmse"] for r in rows] == [repr(1 / 3), ""]
    assert [r["rid"] for r in rows] == ["", "2.0"]
    assert sorted(p.name for p in tmp_path.iterdir()) == [".scores.csv.lock", "scores.csv"]


def _append_rows(file: Path) -> None:
    for step in range(20):
        append_csv_row(file, row(step, 1.0))


def test_it_says_for_whom_it_waits(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with (tmp_path / ".s.csv.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        writer = threading.Thread(target=append_csv_row, args=(tmp_path / "s.csv", row(1, 1.0)))
        writer.start()
        assert waited(lambda: caplog.messages)
        assert not (tmp_path / "s.csv").exists()
    writer.join()
    assert caplog.messages == [f"another process is writing {tmp_path}/s.csv: waiting for it"]
    assert (tmp_path / "s.csv").exists()


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EIO])
def test_a_file_system_without_locks_is_written_too(number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def flock(*_: object) -> None:
        raise OSError(number, "")

    monkeypatch.setattr(fcntl, "flock", flock)
    with nullcontext() if number == errno.ENOLCK else pytest.raises(OSError, match=rf"\[Errno {errno.EIO}\]"):
        append_csv_row(tmp_path / "s.csv", row(1, 1.0))
    assert (tmp_path / "s.csv").exists() == (number == errno.ENOLCK)


def test_two_processes_lose_no_row_of_each_other(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        pool.map(_append_rows, [tmp_path / "s.csv"] * 2)
    with (tmp_path / "s.csv").open(newline="") as f:
        assert len(list(csv.DictReader(f))) == 40


def test_runs_under_one_protocol_stand_side_by_side(tmp_path: Path) -> None:
    for name, value in (("a", 1.25), ("b", 2.5)):
        append_csv_row(tmp_path / name, row(7, value))
    table = comparison({name: last_row(tmp_path / name) for name in ("a", "b")})
    assert "rmse  1.25  2.5" in table
    assert "step     7    7" in table


def test_mixed_protocols_are_refused_and_the_field_is_named(tmp_path: Path) -> None:
    append_csv_row(tmp_path / "a", row(7, 1.0))
    append_csv_row(tmp_path / "b", row(7, 1.0, samples=20))
    with pytest.raises(EvaluationError, match=r"different protocols \(samples: 10 and 20\)"):
        comparison({name: last_row(tmp_path / name) for name in ("a", "b")})
    with pytest.raises(EvaluationError, match="holds no scores of protocol fid50k"):
        last_row(tmp_path / "a", "fid50k")
    with pytest.raises(EvaluationError, match="holds no scores"):
        last_row(tmp_path / "nowhere")


def test_a_damaged_table_loses_only_what_is_damaged(tmp_path: Path) -> None:
    append_csv_row(tmp_path / "s.csv", row(7, 1.0))
    with (tmp_path / "s.csv").open("ab") as f:
        f.write(b"\xff\xfe,1,{broken\n")
    assert last_row(tmp_path / "s.csv")["step"] == "7"
    append_csv_row(tmp_path / "s.csv", row(8, 2.0))
    assert last_row(tmp_path / "s.csv", "p")["rmse"] == "2.0"
