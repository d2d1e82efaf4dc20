"""A grid over settings: its runs, and the spread of their scores."""

import csv
import dataclasses
import hashlib
import itertools
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from absl import logging

from tfpagan.config import renamed
from tfpagan.errors import UserError
from tfpagan.experiments import report, spread
from tfpagan.experiments.experiment import Experiment, Outcome, Scoring
from tfpagan.experiments.runner import Runner, kept_in
from tfpagan.objectives import OBJECTIVES
from tfpagan.settings import setting as checks
from tfpagan.settings.sections import SECTIONS
from tfpagan.settings.setting import settings_of

LONGEST_NAME = 200  # bytes of a folder's name
WITH_COMMAS = ("code_layers", "devices", "disc_augmentation")


Grid = dict[str, list[Any]]
"""Values by setting."""


def parse(text: str) -> list[Grid]:
    """The values of every setting: one grid, or one for each system that some settings are given for.

    >>> parse("learning_rate=1e-4,5e-4; channels=32,64")
    [{'learning_rate': [0.0001, 0.0005], 'channels': [32, 64]}]
    >>> parse("seed=0,1; vae: kl_weight=1,2; dcgan: generator_steps=1") == [
    ...     {"objective": ["vae"], "seed": [0, 1], "kl_weight": [1.0, 2.0]},
    ...     {"objective": ["dcgan"], "seed": [0, 1], "generator_steps": [1]},
    ... ]
    True

    Raises:
      UserError: on an unknown setting or system, or a value of the wrong type.
    """
    shared: Grid = {}
    own: dict[str, Grid] = {}
    for part in filter(None, (part.strip() for part in text.split(";"))):
        name, equals, values = (piece.strip() for piece in part.partition("="))
        if not equals or not values:
            raise UserError(f"--grid={text} is not legal: it must be NAME=VALUE,VALUE,...; NAME=...; SYSTEM: NAME=...")
        system, colon, of_system = (piece.strip() for piece in name.partition(":"))
        grid, name = (own.setdefault(_system(system), {}), of_system) if colon else (shared, name)
        if colon and name == "objective":
            raise UserError(f"--grid={text} is not legal: objective=... and settings of a system exclude each other")
        if name in grid or name in shared:
            raise UserError(f"--grid={text} is not legal: it has {name} twice")
        grid[name] = _values(name, values)
        if len(set(grid[name])) < len(grid[name]):
            raise UserError(f"--grid={text} is not legal: {name} has a value twice")
    if not shared and not own:
        raise UserError("--grid is missing: the values of the sweep, as --grid='learning_rate=1e-4,5e-4; seed=0,1'")
    if own and "objective" in shared:
        raise UserError(f"--grid={text} is not legal: objective=... and settings of a system exclude each other")
    if both := [name for grid in own.values() for name in grid if name in shared]:
        raise UserError(f"--grid={text} is not legal: it has {both[0]} twice")
    return [{"objective": [system], **shared, **grid} for system, grid in own.items()] or [shared]


def names(grids: Sequence[Grid]) -> list[str]:
    """The settings of all grids, each once."""
    return list(dict.fromkeys(name for grid in grids for name in grid))


def experiments(grids: Sequence[Grid], preset: str, settings: Mapping[str, Any]) -> list[Experiment]:
    """One run per combination; the last setting varies fastest.

    Raises:
      UserError: on an illegal combination, or a setting given both in the grid and as a flag.
    """
    if both := [name for name in names(grids) if name in settings]:
        raise UserError(f"--{both[0]} is in the grid too; give it once")
    found = []
    for grid in grids:
        for values in itertools.product(*grid.values()):
            chosen = dict(zip(grid, values, strict=True))
            experiment = Experiment(_folder_name(chosen), preset, {**settings, **chosen})
            assert experiment.config  # refuses illegal settings
            found.append(experiment)
    return found


def run(
    runner: Runner,
    folder: Path,
    grids: Sequence[Grid],
    experiments: Sequence[Experiment],
    scoring: Scoring,
    *,
    by: str,
    second: str = "",
) -> tuple[str, list[Outcome]]:
    """Train and score every run, and write `sweep.md`, `sweep.csv`, `sweep.json` and pictures to the folder of the runs.

    Args:
      runner: of that folder.
      folder: likewise.
      grids: of the runs.
      experiments: the runs.
      scoring: how they are scored.
      by: the setting with a box for each of its values.
      second: another classifier, whose scores are compared; "": there is none.

    Returns:
      The table, and the outcomes.
    """
    outcomes = runner.outcomes(experiments, scoring)
    relations = spread.relations(outcomes)
    if second:
        others = runner.outcomes(experiments, dataclasses.replace(scoring, classifier=second))
        relations += spread.relations_between(outcomes, scoring.classifier, others, second)
        outcomes = [
            dataclasses.replace(o, failure=o.failure or other.failure) for o, other in zip(outcomes, others, strict=True)
        ]
    text = table(grids, outcomes, relations)
    with kept_in(folder):
        (folder / "sweep.md").write_text(text + "\n".join(spread.best_samples(folder, outcomes)) + "\n")
        write_csv(folder / "sweep.csv", grids, outcomes)
        plotted = drawn(folder / "boxes.png", by, outcomes, relations)
    if plotted:
        logging.info("box plots by %s: %s; HParams: tensorboard --logdir=%s", by, folder / "boxes.png", folder)
    return text, outcomes


def table(grids: Sequence[Grid], outcomes: Sequence[Outcome], relations: Sequence[Mapping[str, Any]]) -> str:
    """Every run with its scores, and how metrics agree, in Markdown."""
    measured = [column for column in spread.overview() if any(report.value_of(column, o)[0] is not None for o in outcomes)]
    columns, given_names = [*measured, "images/s", "CPU min"], names(grids)
    lines = [report.line_of([*given_names, *columns]), report.line_of(["---"] * (len(given_names) + len(columns)))]
    for outcome in outcomes:
        given = [str(outcome.experiment.settings.get(name, "-")) for name in given_names]
        lines.append(report.line_of([*given, *(report.cell(column, outcome) for column in columns)]))
    lines += spread.relation_lines(relations)
    lines += report.protocol_lines(outcomes) + report.legend_lines(columns)
    lines += [f"\n- {outcome.experiment.name} failed: {outcome.failure}" for outcome in outcomes if outcome.failure]
    lines += [f"\n- {outcome.experiment.name} was {outcome.stopped}" for outcome in outcomes if outcome.stopped]
    return "\n".join(lines) + "\n"


def write_csv(file: Path, grids: Sequence[Grid], outcomes: Sequence[Outcome]) -> None:
    """Every run with its settings and all its scores."""
    rows = []
    for outcome in outcomes:
        given = {name: outcome.experiment.settings.get(name, "") for name in names(grids)}
        ours = {"cpu_minutes": outcome.cpu_minutes, "critic_beside": outcome.critic_beside}
        rows.append({**given, "failure": outcome.failure, "stopped": outcome.stopped, **ours, **outcome.scores})
    columns = list(dict.fromkeys(key for row in rows for key in row))
    with file.open("w", newline="") as f:
        writer = csv.DictWriter(f, columns, restval="")
        writer.writeheader()
        writer.writerows(rows)


def drawn(file: Path, by: str, outcomes: Sequence[Outcome], relations: Sequence[Mapping[str, Any]]) -> list[str]:
    """Box plots and, of several metrics, `relations.png` and `ranks.png` beside them; all their numbers in `sweep.json`.

    Returns:
      The metrics drawn.
    """
    boxes = spread.boxes(by, outcomes)
    numbers = {"by": by, "boxes": boxes, "relations": relations}
    file.with_name("sweep.json").write_text(json.dumps(numbers, indent=2) + "\n")
    if boxes:
        spread.draw_boxes(file, by, boxes, outcomes)
    if relations:
        spread.draw_relations(file.with_name("relations.png"), relations, outcomes)
        spread.draw_ranks(file.with_name("ranks.png"), relations, outcomes)
    return list(boxes)


def _folder_name(chosen: Mapping[str, Any]) -> str:
    """The settings; if too long for a file system, their beginning and a checksum."""
    name = ",".join(f"{key}={value}" for key, value in chosen.items()).replace("/", "-").replace(":", "-").encode()
    checksum = hashlib.sha256(name).hexdigest()[:8].encode()
    return (name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 9] + b"-" + checksum).decode(errors="ignore")


def _system(name: str) -> str:
    """The name of a system, refused if there is none of it."""
    OBJECTIVES.get(name)
    return name


def _values(name: str, text: str) -> list[Any]:
    kinds = _kinds()
    if known := renamed.answer(name):
        raise UserError(f"there is no setting {name}: {known}")
    if name not in kinds:
        raise UserError(checks.unknown(name, kinds, "setting of the grid"))
    if name in WITH_COMMAS:
        raise UserError(f"{name} cannot be in a grid: its values have commas; run a sweep for each of them")
    return [_typed(name, value.strip(), kinds[name]) for value in text.split(",")]


def _kinds() -> dict[str, type]:
    """Types of all settings by name, including those of objectives."""
    sections = [*SECTIONS.values(), *(OBJECTIVES.get(name) for name in OBJECTIVES)]
    kinds: dict[str, Any] = {setting.name: setting.type for kind in sections for setting in settings_of(kind)}
    return {"objective": str, **kinds}


def _typed(name: str, text: str, kind: type) -> Any:
    if kind is bool:
        if text.lower() not in ("true", "false"):
            raise UserError(f"{name}={text} in the grid is not legal: it must be true or false")
        return text.lower() == "true"
    try:
        return kind(text)
    except ValueError:
        wanted = {int: "a whole number", float: "a number"}[kind]
        raise UserError(f"{name}={text} in the grid is not legal: it must be {wanted}") from None
