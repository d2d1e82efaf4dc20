"""A table of an experiment: its rows, what a paper reports in them, and where our settings differ."""

import dataclasses
import fnmatch
from collections.abc import Mapping
from typing import Any

from tfpagan.experiments.experiment import Experiment


@dataclasses.dataclass(frozen=True)
class Deviation:
    """Settings that are not the papers', and why.

    Attributes:
      of: names of the rows that have them, or patterns, as of files; (): all.
      settings: by flag.
      why: for display.
    """

    of: tuple[str, ...]
    settings: Mapping[str, Any]
    why: str

    def is_of(self, row: str) -> bool:
        """Whether a row has them."""
        return not self.of or any(fnmatch.fnmatchcase(row, pattern) for pattern in self.of)


@dataclasses.dataclass(frozen=True)
class Row:
    """One system of a table.

    Attributes:
      name: for display.
      experiment: its run; None: a baseline that is not implemented here, of which there are the paper's numbers alone.
      paper: the paper's numbers, by column.
      deviations: of its settings from its paper's; a report lists each once.
      budget: of its run, in multiples of the table's.
    """

    name: str
    experiment: Experiment | None
    paper: Mapping[str, str] = dataclasses.field(default_factory=dict)
    deviations: tuple[Deviation, ...] = ()
    budget: int = 1


@dataclasses.dataclass(frozen=True)
class Table:
    """A table of a paper, or of ours.

    Attributes:
      title: for display.
      rows: its systems.
      columns: of metrics, as their keys declare them, and images, images/s and CPU min.
      paper_protocol: how the paper's numbers were obtained; "" if there are none.
      protocol: of our scores at a budget.
      full_protocol: of our scores at the paper's own budget, with its numbers of images.
      drawn_by: the setting, or the column, against which a figure shows the scores; "": there is none.
      drawn: names of the rows in that figure.
      pictures: of each run, by the names of their folders.
    """

    title: str
    rows: tuple[Row, ...]
    columns: tuple[str, ...]
    paper_protocol: str = ""
    protocol: str = "quick5k"
    full_protocol: str = "pagan"
    drawn_by: str = ""
    drawn: tuple[str, ...] = ()
    pictures: tuple[str, ...] = ("samples", "colourisations", "transfers", "reconstructions")

    @property
    def experiments(self) -> list[Experiment]:
        """The runs, in the order of their rows."""
        return [row.experiment for row in self.rows if row.experiment]
