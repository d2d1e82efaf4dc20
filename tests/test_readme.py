"""The README and the pages of docs/ keep their promises: examples run, flags and files exist."""

import dataclasses
import re
import shlex
from pathlib import Path

import pytest
import tensorflow as tf
import yaml
from helpers import tiny

import tfpagan
from tfpagan import cli
from tfpagan.cli import flags
from tfpagan.config import Config
from tfpagan.data.shapes import builder
from tfpagan.objectives import OBJECTIVES
from tfpagan.training.trainer import Trainer

COMMANDS = cli.COMMANDS
ROOT = Path(__file__).parents[1]
PAGES = {path: path.read_text(encoding="utf-8") for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))}
README = PAGES[ROOT / "README.md"]


@pytest.mark.slow
def test_the_examples_run_and_are_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("TFDS_DATA_DIR", raising=False)
    monkeypatch.setattr(builder, "SPLITS", {"train": builder.CHUNK, "test": builder.CHUNK})  # drawn in a second
    monkeypatch.chdir(tmp_path)
    pages = "\n".join([README, *(PAGES[ROOT / "docs" / f"{name}.md"] for name in ("tutorial", "training", "evaluation"))])
    *of_readme, tutorial, one, other, scoring = re.findall(r"```python\n(.*?)```", pages, re.DOTALL)
    training, using = (run(example) for example in of_readme)
    assert training["reconstructions"].shape == (8, 32, 32, 3)
    assert training["codes"].shape == (8, 128)
    assert using["reconstructions"].shape == (64, 32, 32, 3)
    assert using["between"].shape == (1, 8, 32, 32, 3)
    assert 0.0 <= run(tutorial)["found"].metrics["class_kept"] <= 1.0
    assert run(one)["picture"].shape == (1, 8, 32, 32, 3)
    assert run(other)["reconstructions"].shape == (8, 32, 32, 3)
    assert 0.7 < run(scoring)["kept"] <= 1.0


def run(example: str) -> dict:
    assert len([line for line in example.splitlines() if line]) <= 14
    names: dict = {}
    exec(compile(example, "example", "exec"), names)
    return names


def test_every_flag_of_bin_train_is_described() -> None:
    known = {name for name, _, _ in flags.rows(COMMANDS["train"])} | {"help", "flagfile", "plugin"}
    described = set(re.findall(r"`--(\w+)", PAGES[ROOT / "docs/flags.md"]))
    assert known <= described
    of_others = {name for command in COMMANDS.values() for name, _, _ in flags.rows(command)}
    of_tensorboard = {"logdir"}
    for path, text in PAGES.items():
        assert set(re.findall(r"`--(\w+)", text)) <= known | of_others | of_tensorboard, path


def test_every_file_that_the_readme_and_the_docs_name_is_there() -> None:
    for page in (*PAGES, ROOT / "CONTRIBUTING.md", ROOT / "GLOSSARY.md"):
        text = page.read_text(encoding="utf-8")
        for path in re.findall(r"`((?:tfpagan|evaluation|tests|bin|docs)/[\w/.]+)`", text):
            assert (ROOT / path).exists(), (page.name, path)
        for link in re.findall(r"\]\(([\w/.]+)\)", text):
            assert (page.parent / link).exists(), (page.name, link)


def test_the_index_of_the_docs_names_every_page() -> None:
    named = set(re.findall(r"\]\((\w+\.md)\)", PAGES[ROOT / "docs/README.md"]))
    assert named | {"README.md"} == {page.name for page in PAGES if page.parent.name == "docs"} | {"README.md"}


@pytest.mark.slow
def test_the_objective_of_the_docs_trains(one_device: tf.distribute.Strategy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(OBJECTIVES, "_things", dict(OBJECTIVES._things))  # what the example registers goes with this test
    (example,) = re.findall(r"```python\n(.*?)```", PAGES[ROOT / "docs/objectives.md"], re.DOTALL)
    names: dict = {"__name__": "two_games"}
    exec(compile(example, "objectives.md", "exec"), names)
    sizes = {"image_size": 8, "channels": 8, "latent_dim": 4, "batch_size": 4}
    config = dataclasses.replace(Config().with_changes(sizes), objective=names["TwoGames"]())
    trainer = Trainer(config=config, image_shape=tiny.SHAPE, strategy=one_device)
    progress = trainer.advance(tiny.feed(), 2)
    assert trainer.mode == "fused"
    assert (progress.steps, dict(progress.not_finite)) == (2, {})
    assert {"loss/generator", "loss/disc_z"} <= progress.totals.keys()


def test_every_command_of_the_readme_and_the_docs_has_legal_flags() -> None:
    found = 0
    for text in PAGES.values():
        for block in re.findall(r"```\w*\n(.*?)```", text, re.DOTALL):
            for line in block.replace("\\\n", " ").splitlines():
                if line.startswith("bin/"):
                    program, *argv = shlex.split(line.removesuffix(" &"), comments=True)
                    flags.parse(COMMANDS[program.removeprefix("bin/")], argv)
                    found += 1
    assert found > 15


def test_the_citation_is_of_this_version() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == tfpagan.__version__
    assert {"cff-version", "message", "title", "authors", "license"} <= citation.keys()  # what the format requires
