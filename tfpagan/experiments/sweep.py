"""A grid over settings: its runs, and the spread of their scores."""

import csv
import hashlib
import itertools
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tfpagan.config import renamed
from tfpagan.errors import UserError
from tfpagan.evaluation import metrics
from tfpagan.evaluation.metrics import Key
from tfpagan.experiments import report
from tfpagan.experiments.experiment import Experiment, Outcome
from tfpagan.objectives import OBJECTIVES
from tfpagan.settings import setting as checks
from tfpagan.settings.sections import SECTIONS
from tfpagan.settings.setting import settings_of

BEST = 10  # black circles, as in alpha-GAN's figures
LONGEST_NAME = 200  # bytes of a folder's name
WITH_COMMAS = ("code_layers", "devices")


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


def table(grids: Sequence[Grid], outcomes: Sequence[Outcome]) -> str:
    """Every run with its scores, in Markdown."""
    columns, given_names = [*_overview(), "images/s", "CPU min"], names(grids)
    lines = [report.line_of([*given_names, *columns]), report.line_of(["---"] * (len(given_names) + len(columns)))]
    for outcome in outcomes:
        given = [str(outcome.experiment.settings.get(name, "-")) for name in given_names]
        lines.append(report.line_of([*given, *(report.cell(column, outcome) for column in columns)]))
    lines += report.protocol_lines(outcomes)
    lines += [f"\n- {outcome.experiment.name} failed: {outcome.failure}" for outcome in outcomes if outcome.failure]
    return "\n".join(lines) + "\n"


def write_csv(file: Path, grids: Sequence[Grid], outcomes: Sequence[Outcome]) -> None:
    """Every run with its settings and all its scores."""
    rows = []
    for outcome in outcomes:
        given = {name: outcome.experiment.settings.get(name, "") for name in names(grids)}
        rows.append({**given, "failure": outcome.failure, "cpu_minutes": outcome.cpu_minutes, **outcome.scores})
    columns = list(dict.fromkeys(key for row in rows for key in row))
    with file.open("w", newline="") as f:
        writer = csv.DictWriter(f, columns, restval="")
        writer.writeheader()
        writer.writerows(rows)


def plot(file: Path, by: str, outcomes: Sequence[Outcome]) -> list[str]:
    """Box plots of every available metric, with a box for each value of one setting; the best runs are black circles.

    As in alpha-GAN's figures 2 and 5: boxes show quartiles, lines medians, whiskers the extremes, and a dashed line the
    number of real images where the best is the nearest to it. Titles have the full names
    of the numbers, of Inception or of another classifier, and the protocol.

    Returns:
      The metrics plotted.
    """
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    overview = _overview()
    known = {m: [(o, v) for o in outcomes if (v := report.value_of(m, o)[0]) is not None] for m in overview}
    plotted = [metric for metric, found in known.items() if found]
    if not plotted:
        return []
    figure, axes = pyplot.subplots(1, len(plotted), figsize=(3.2 * len(plotted), 3.6), squeeze=False)
    for axis, metric in zip(axes[0], plotted, strict=True):
        groups: dict[str, list[float]] = {}
        for outcome, value in known[metric]:
            groups.setdefault(str(outcome.experiment.settings.get(by, "-")), []).append(value)
        axis.boxplot(list(groups.values()), whis=(0, 100), tick_labels=list(groups))
        best = [value for _, value in sorted(known[metric], key=lambda run: _off(overview[metric], *run))[:BEST]]
        for place, values in enumerate(groups.values(), 1):
            shown = [value for value in values if value in best]
            axis.plot([place] * len(shown), shown, "ko", markersize=4)
        if real := overview[metric].nearest_to:
            axis.axhline(np.mean([float(outcome.scores[real]) for outcome, _ in known[metric]]), color="grey", linestyle="--")
        axis.set_title("\n".join(dict.fromkeys([metric, *report.names_of(metric, outcomes)])), fontsize=9)
        if metric == "RID":
            axis.set_yscale("log")  # the exponential of a divergence
        axis.set_xlabel(by)
        axis.set_ylabel(overview[metric].unit)
        axis.tick_params(axis="x", rotation=30)
    how = " ".join(report.protocol_lines(outcomes))
    figure.suptitle("\n".join(textwrap.wrap(how, 45 * len(plotted))), fontsize=7)
    figure.tight_layout()
    figure.savefig(file, dpi=100)
    pyplot.close(figure)
    return plotted


def _off(key: Key, outcome: Outcome, value: float) -> float:
    """How far a number is from the best: less is better."""
    if key.nearest_to:
        return abs(value - float(outcome.scores[key.nearest_to]))
    return -value if key.better == "higher" else value


def _overview() -> dict[str, Key]:
    """Columns that are shown of every run."""
    return {key.column: key for key in metrics.keys().values() if key.overview and key.column}


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
