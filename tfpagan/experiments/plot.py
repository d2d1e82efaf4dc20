"""The plot of a table: its scores against one setting, ours and the paper's."""

import textwrap
from collections.abc import Sequence
from pathlib import Path

from tfpagan.experiments import report
from tfpagan.experiments.experiment import Outcome
from tfpagan.experiments.table import Table


def draw(file: Path, table: Table, outcomes: Sequence[Outcome]) -> list[str]:
    """A panel for each column that a row has numbers of, with a point for each run that has the setting.

    Returns:
      The columns drawn; none if no run has a number.
    """
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    found = [
        (row, outcome) for row, outcome in report.beside(table.rows, outcomes) if row.name.partition(",")[0] in table.drawn
    ]
    columns = [c for c in table.columns if any(row.paper.get(c) for row, _ in found)]
    ours = {c: [(_place(table, o), v) for _, o in found if o and (v := report.value_of(c, o)[0]) is not None] for c in columns}
    drawn = [column for column in columns if ours[column]]
    if not drawn:
        return []
    figure, axes = pyplot.subplots(1, len(drawn), figsize=(3.2 * len(drawn), 3.2), squeeze=False)
    for axis, column in zip(axes[0], drawn, strict=True):
        axis.plot(*zip(*sorted(ours[column]), strict=True), "ko-", label="ours")
        papers = [(_place(table, o), float(row.paper[column].split()[0])) for row, o in found if o and column in row.paper]
        axis.plot(*zip(*sorted(papers), strict=True), "o--", color="grey", mfc="none", label="the paper")
        axis.set_title("\n".join(dict.fromkeys([column, *report.names_of(column, outcomes)])), fontsize=9)
        axis.set_xlabel(table.drawn_by)
    axes[0][0].legend(fontsize=8)
    how = " ".join(report.protocol_lines(outcomes))
    figure.suptitle("\n".join(textwrap.wrap(how, 45 * len(drawn))), fontsize=7)
    figure.tight_layout()
    figure.savefig(file, dpi=100)
    pyplot.close(figure)
    return drawn


def _place(table: Table, outcome: Outcome) -> float:
    return float(outcome.experiment.config.flat()[table.drawn_by])
