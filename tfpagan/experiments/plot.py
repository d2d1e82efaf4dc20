"""The plot of a table: its scores against one setting or one score, ours and the paper's."""

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tfpagan.experiments import report
from tfpagan.experiments.experiment import Outcome
from tfpagan.experiments.table import Row, Table

Point = tuple[float, float, str]
"""Where a run is, and the name of its row."""


def draw(file: Path, table: Table, outcomes: Sequence[Outcome]) -> list[str]:
    """A panel for each column that a row has numbers of, with a point for each run: joined along a setting, named by a score.

    Returns:
      The columns drawn; none if no run has a number.
    """
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    found = [
        (row, outcome) for row, outcome in report.beside(table.rows, outcomes) if row.name.partition(",")[0] in table.drawn
    ]
    columns = [c for c in table.columns if c != table.drawn_by and any(row.paper.get(c) for row, _ in found)]
    ours = {column: _points(table, column, found, ours=True) for column in columns}
    drawn = [column for column in columns if ours[column]]
    if not drawn:
        return []
    width = 4.5 if _is_score(table) else 3.2
    figure, axes = pyplot.subplots(1, len(drawn), figsize=(width * len(drawn), width), squeeze=False)
    for axis, column in zip(axes[0], drawn, strict=True):
        _plot(axis, table, ours[column], "o-", color="black", label="ours")
        _plot(axis, table, _points(table, column, found, ours=False), "o--", color="grey", mfc="none", label="the paper")
        axis.set_title("\n".join(dict.fromkeys([column, *report.names_of(column, outcomes)])), fontsize=9)
        axis.set_xlabel(table.drawn_by)
        if _is_score(table) and column == "RID":  # an exponential
            axis.set_yscale("log")
    axes[0][0].legend(fontsize=8)
    how = " ".join(report.protocol_lines(outcomes))
    figure.suptitle("\n".join(textwrap.wrap(how, 45 * len(drawn))), fontsize=7)
    figure.tight_layout()
    figure.savefig(file, dpi=100)
    pyplot.close(figure)
    return drawn


def _plot(axis: Any, table: Table, points: Sequence[Point], style: str, **look: Any) -> None:
    if not points:
        return
    x, y, names = zip(*points, strict=True)
    axis.plot(x, y, style[0] if _is_score(table) else style, **look)
    if _is_score(table):
        for place in zip(names, zip(x, y, strict=True), strict=True):
            axis.annotate(*place, xytext=(4, 4), textcoords="offset points", fontsize=7, color=look["color"])


def _points(table: Table, column: str, found: Sequence[tuple[Row, Outcome | None]], *, ours: bool) -> list[Point]:
    """Those of the rows that have both numbers, in the order of the first."""
    points = []
    for row, outcome in found:
        y = _number(column, row, outcome, ours=ours)
        if _is_score(table):
            x = _number(table.drawn_by, row, outcome, ours=ours)
        else:
            x = float(outcome.experiment.config.flat()[table.drawn_by]) if outcome else None
        if x is not None and y is not None:
            points.append((x, y, row.name))
    return sorted(points)


def _number(column: str, row: Row, outcome: Outcome | None, *, ours: bool) -> float | None:
    if ours:
        return report.value_of(column, outcome)[0] if outcome else None
    return float(row.paper[column].split()[0]) if column in row.paper else None


def _is_score(table: Table) -> bool:
    return table.drawn_by in table.columns
