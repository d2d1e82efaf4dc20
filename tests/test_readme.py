"""The README keeps its promises: its example runs, its flags and files exist."""

import dataclasses
import re
import shlex
from pathlib import Path

import pytest
import tensorflow as tf
from helpers import tiny

from tfpagan import cli
from tfpagan.cli import flags
from tfpagan.config import Config
from tfpagan.training.trainer import Trainer

COMMANDS = cli.COMMANDS
ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_example_runs_and_is_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("TFDS_DATA_DIR", raising=False)
    example, using = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert len([line for line in example.splitlines() if line]) <= 10
    names: dict = {}
    exec(compile(example, "README.md", "exec"), names)
    assert names["reconstructions"].shape == (8, 32, 32, 3)
    tiny.write_run(tmp_path / "runs/mnist")
    monkeypatch.chdir(tmp_path)
    names = {"images": tiny.images(3)}
    exec(compile(using, "README.md", "exec"), names)
    assert names["between"].shape == (1, 8, *tiny.SHAPE)


def test_every_flag_of_bin_train_is_described() -> None:
    known = {name for name, _, _ in flags.rows(COMMANDS["train"])} | {"help", "flagfile"}
    described = set(re.findall(r"`--(\w+)", README))
    assert known <= described
    of_others = {name for command in COMMANDS.values() for name, _, _ in flags.rows(command)}
    assert described <= known | of_others


def test_every_file_that_the_readme_names_is_there() -> None:
    for path in re.findall(r"`((?:tfpagan|tests|bin|docs)/[\w/.]+)`", README) + re.findall(r"\]\(([\w/.]+)\)", README):
        assert (ROOT / path).exists(), path


def test_the_objective_of_the_docs_trains(one_device: tf.distribute.Strategy) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs/objectives.md").read_text(encoding="utf-8"), re.DOTALL)
    names: dict = {"__name__": "two_games"}
    exec(compile(example, "objectives.md", "exec"), names)
    sizes = {"image_size": 8, "channels": 8, "latent_dim": 4, "batch_size": 4}
    config = dataclasses.replace(Config().with_changes(sizes), objective=names["TwoGames"]())
    trainer = Trainer(config=config, image_shape=tiny.SHAPE, strategy=one_device)
    progress = trainer.advance(iter(tf.data.Dataset.from_tensors(tiny.images(4)).repeat()), 2)
    assert trainer.mode == "fused"
    assert (progress.steps, dict(progress.not_finite)) == (2, {})
    assert {"loss/generator", "loss/disc_z"} <= progress.totals.keys()


def test_every_command_of_the_readme_and_the_docs_has_legal_flags() -> None:
    found = 0
    for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))):
        for block in re.findall(r"```\w*\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
            for line in block.replace("\\\n", " ").splitlines():
                if line.startswith("bin/"):
                    program, *argv = shlex.split(line.removesuffix(" &"), comments=True)
                    flags.parse(COMMANDS[program.removeprefix("bin/")], argv)
                    found += 1
    assert found > 15
