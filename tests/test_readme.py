"""The README keeps its promises: its example runs, its flags and files exist."""

import re
from pathlib import Path

import pytest

from tfpagan.cli import benchmark, benchmark_eval, classifying, comparing, flags, scoring, training

OTHERS = [m.COMMAND for m in (benchmark, benchmark_eval, classifying, comparing, scoring)]
ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_example_runs_and_is_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("TFDS_DATA_DIR", raising=False)
    (example,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert len([line for line in example.splitlines() if line]) <= 10
    names: dict = {}
    exec(compile(example, "README.md", "exec"), names)
    assert names["reconstructions"].shape == (8, 32, 32, 3)


def test_every_flag_of_bin_train_is_described() -> None:
    known = {name for name, _, _ in flags.rows(training.COMMAND)} | {"help", "flagfile"}
    described = set(re.findall(r"`--(\w+)", README))
    assert known <= described
    of_others = {name for command in OTHERS for name, _, _ in flags.rows(command)}
    assert described <= known | of_others


def test_every_file_that_the_readme_names_is_there() -> None:
    for path in re.findall(r"`((?:tfpagan|tests|bin|docs)/[\w/.]+)`", README) + re.findall(r"\]\(([\w/.]+)\)", README):
        assert (ROOT / path).exists(), path
