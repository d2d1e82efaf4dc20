"""The spread of scores over the runs of a sweep, and how far metrics agree: as numbers for JSON, and as pictures of them.

As alpha-GAN's paper compares systems (Rosca et al., 2017, figures 2, 5 and 15, section 6).
"""

import dataclasses
import itertools
import math
import shutil
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from tfpagan.evaluation import metrics
from tfpagan.evaluation.metrics import Key, Need
from tfpagan.experiments import report
from tfpagan.experiments.experiment import Outcome

BEST = 10  # black circles, as in alpha-GAN's figures
ACROSS = 5  # panels
FEWEST = 3  # runs of which a correlation says anything


def overview() -> dict[str, Key]:
    """The numbers that are shown of every run, by column."""
    measured = {key.column: key for key in metrics.keys().values() if key.overview and key.column}
    return {**measured, report.CRITIC_BESIDE: Key("critic_beside", better="higher", column=report.CRITIC_BESIDE)}


def boxes(by: str, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Of every metric that a run has: its runs by the values of one setting, and which are the best of all.

    Returns:
      By metric: `groups`, where each run has its name, its value, and whether it is among the ten best; and `real`, the number
      of real images where the best is the nearest to it.
    """
    found = {}
    for metric, key in overview().items():
        runs = _values(metric, outcomes)
        if not runs:
            continue
        best = sorted(runs, key=lambda run: _off(key, *run))[:BEST]
        groups: dict[str, list[dict[str, Any]]] = {}
        for outcome, value in runs:
            row = {"run": outcome.experiment.name, "value": value, "best": (outcome, value) in best}
            groups.setdefault(str(outcome.experiment.settings.get(by, "-")), []).append(row)
        real = np.mean([float(outcome.scores[key.nearest_to]) for outcome, _ in runs]) if key.nearest_to else None
        found[metric] = {"groups": groups, "real": real if real is None else float(real)}
    return found


def relations(outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
    """Of every two metrics that three runs have: their values, correlations, and how they disagree on which runs are good.

    Returns:
      A list of: `x` and `y`, metrics; `runs`, with the names, both values and both ranks, of which 1 is the best; `correlation`
      of the values; `rank_correlation`, 1 where both rank the runs alike; `good_by_x_only` and `good_by_y_only`, shares of the
      runs that are in the upper half by one and in the lower half by the other (section 6 of the paper: 15 % by two Inception
      Scores).
    """
    pairs = itertools.combinations([_Scores(metric, metric, outcomes) for metric in overview()], 2)
    return [relation for x, y in pairs if (relation := _relation(x, y))]


def relations_between(
    outcomes: Sequence[Outcome], name: str, others: Sequence[Outcome], other_name: str
) -> list[dict[str, Any]]:
    """The same of every metric by two classifiers, as of the Inception Scores in figures 5b and 5c.

    Args:
      outcomes: of the runs, by one classifier.
      name: of that classifier.
      others: of the same runs, by the other.
      other_name: of that one.
    """
    classified = [metric for metric in metrics.METRICS.values() if Need.CLASSIFIER in metric.needs]
    columns = {key.column for metric in classified for key in metric.keys(official=True)}
    of_both = (
        [_Scores(f"{column} by {n}", column, o) for n, o in ((name, outcomes), (other_name, others))]
        for column in overview()
        if column in columns
    )
    return [relation for x, y in of_both if (relation := _relation(x, y))]


@dataclasses.dataclass(frozen=True)
class _Scores:
    """A metric of some runs, with a name for display."""

    name: str
    metric: str
    outcomes: Sequence[Outcome]

    def values(self) -> dict[str, float]:
        """By run."""
        return {outcome.experiment.name: value for outcome, value in _values(self.metric, self.outcomes)}

    def off(self) -> dict[str, float]:
        """How far each run is from the best."""
        key = overview()[self.metric]
        return {outcome.experiment.name: _off(key, outcome, value) for outcome, value in _values(self.metric, self.outcomes)}


def _relation(x: _Scores, y: _Scores) -> dict[str, Any] | None:
    """Of two numbers of the same runs; None if fewer than three runs have both."""
    of_x, of_y, off = x.values(), y.values(), (x.off(), y.off())
    runs = [run for run in of_x if run in of_y]
    if len(runs) < FEWEST:
        return None
    off_x, off_y = ([by_run[run] for run in runs] for by_run in off)
    ranks = zip(runs, _ranks(off_x).tolist(), _ranks(off_y).tolist(), strict=True)
    return {
        "x": x.name,
        "y": y.name,
        "runs": [{"run": run, "x": of_x[run], "y": of_y[run], "rank_x": a, "rank_y": b} for run, a, b in ranks],
        "correlation": _correlation([of_x[run] for run in runs], [of_y[run] for run in runs]),
        "rank_correlation": _correlation(_ranks(off_x), _ranks(off_y)),
        "good_by_x_only": _good_by_one_only(off_x, off_y),
        "good_by_y_only": _good_by_one_only(off_y, off_x),
    }


def relation_lines(found: Sequence[Mapping[str, Any]]) -> list[str]:
    """A table of the relations in Markdown, after an empty line; none if there are none."""
    if not found:
        return []
    header = ["", "", "correlation", "of ranks", "good by the first only", "by the second only"]
    how = (
        "How metrics agree on these runs. Correlation: of the values, negative where less is better by one of them; of ranks: "
        "from the best run to the worst. Good: in the upper half of the runs; only: in the lower half by the other."
    )
    lines = ["", how, ""]
    lines += [report.line_of(header), report.line_of(["---"] * len(header))]
    for pair in found:
        numbers = [_shown(pair["correlation"]), _shown(pair["rank_correlation"])]
        shares = [f"{100 * pair[f'good_by_{m}_only']:.0f} %" for m in ("x", "y")]
        lines.append(report.line_of([pair["x"], pair["y"], *numbers, *shares]))
    return lines


def best_samples(runs: Path, outcomes: Sequence[Outcome]) -> list[str]:
    """Samples of the best run by each metric (alpha-GAN, Figure 14), copied to `best_METRIC.png`; lines of Markdown."""
    lines = []
    for metric, key in overview().items():
        ranked = sorted(_values(metric, outcomes), key=lambda run: _off(key, *run))
        pictures = sorted((runs / ranked[0][0].experiment.name / "samples").glob("step_*.png")) if ranked else []
        if pictures:
            copy = runs / f"best_{metric.replace(' ', '_')}.png"
            shutil.copyfile(pictures[-1], copy)
            lines += [
                "",
                f"Samples of the best run by {metric}, {ranked[0][0].experiment.name}:",
                "",
                f"![best by {metric}]({copy.name})",
            ]
    return lines


def draw_boxes(file: Path, by: str, found: Mapping[str, Any], outcomes: Sequence[Outcome]) -> None:
    """Box plots of `boxes`: quartiles, medians, whiskers to the extremes; the best runs black circles, real images dashed."""
    with _panels(file, (1, len(found)), outcomes) as axes:
        for axis, (metric, drawn) in zip(axes[0], found.items(), strict=True):
            groups = drawn["groups"]
            values = [[run["value"] for run in runs] for runs in groups.values()]
            axis.boxplot(values, whis=(0, 100), tick_labels=list(groups))
            for place, runs in enumerate(groups.values(), 1):
                best = [run["value"] for run in runs if run["best"]]
                axis.plot([place] * len(best), best, "ko", markersize=4)
            if drawn["real"] is not None:
                axis.axhline(drawn["real"], color="grey", linestyle="--")
            axis.set_title("\n".join(dict.fromkeys([metric, *report.names_of(metric, outcomes)])), fontsize=9)
            if metric == "RID":
                axis.set_yscale("log")  # the exponential of a divergence
            axis.set_xlabel(by)
            axis.set_ylabel(overview()[metric].unit)
            axis.tick_params(axis="x", rotation=30)


def draw_relations(file: Path, found: Sequence[Mapping[str, Any]], outcomes: Sequence[Outcome]) -> None:
    """A point for each run, by two metrics, with their correlations."""
    with _panels_of(file, found, outcomes) as panels:
        for axis, pair in panels:
            axis.plot([run["x"] for run in pair["runs"]], [run["y"] for run in pair["runs"]], "ko", markersize=4)
            axis.set_xscale("log" if pair["x"].startswith("RID") else "linear")
            axis.set_yscale("log" if pair["y"].startswith("RID") else "linear")
            axis.set_xlabel(pair["x"])
            axis.set_ylabel(pair["y"])
            axis.set_title(
                f"r {_shown(pair['correlation'])}, from best to worst {_shown(pair['rank_correlation'])}", fontsize=9
            )


def draw_ranks(file: Path, found: Sequence[Mapping[str, Any]], outcomes: Sequence[Outcome]) -> None:
    """A point for each run, by its ranks: in the shaded quarters are those that are good by one metric and bad by the other."""
    with _panels_of(file, found, outcomes) as panels:
        for axis, pair in panels:
            middle, end = (len(pair["runs"]) + 1) / 2, len(pair["runs"]) + 0.5
            for x, y in (((0.5, middle), (middle, end)), ((middle, end), (0.5, middle))):
                axis.fill_between(x, *y, color="lightgrey")
            axis.plot([run["rank_x"] for run in pair["runs"]], [run["rank_y"] for run in pair["runs"]], "ko", markersize=4)
            axis.set_xlabel(f"rank by {pair['x']}")
            axis.set_ylabel(f"rank by {pair['y']}")
            shares = [f"{100 * pair[f'good_by_{m}_only']:.0f} %" for m in ("x", "y")]
            axis.set_title(f"good by the first only {shares[0]}, second {shares[1]}", fontsize=9)


@contextmanager
def _panels_of(
    file: Path, found: Sequence[Mapping[str, Any]], outcomes: Sequence[Outcome]
) -> Iterator[Iterator[tuple[Any, Mapping[str, Any]]]]:
    """Axes, each with a relation, of a figure that is written to `file`."""
    columns = min(ACROSS, len(found))
    with _panels(file, (math.ceil(len(found) / columns), columns), outcomes) as axes:
        for axis in axes.flat[len(found) :]:
            axis.set_visible(False)
        yield zip(axes.flat, found, strict=False)


@contextmanager
def _panels(file: Path, shape: tuple[int, int], outcomes: Sequence[Outcome]) -> "Iterator[np.ndarray[Any, np.dtype[Any]]]":
    """Axes [rows, columns] of a figure that is written to `file` with the protocol above them."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    rows, columns = shape
    figure, axes = pyplot.subplots(rows, columns, figsize=(3.2 * columns, 3.0 * rows + 0.6), squeeze=False)
    yield axes
    how = " ".join(report.protocol_lines(outcomes))
    figure.suptitle("\n".join(textwrap.wrap(how, 45 * columns)), fontsize=7)
    figure.tight_layout()
    figure.savefig(file, dpi=100)
    pyplot.close(figure)


def _values(metric: str, outcomes: Sequence[Outcome]) -> list[tuple[Outcome, float]]:
    found = [(o, report.value_of(metric, o)[0]) for o in outcomes]
    return [(o, value) for o, value in found if value is not None and math.isfinite(value)]


def _off(key: Key, outcome: Outcome, value: float) -> float:
    """How far a number is from the best: less is better."""
    if key.nearest_to:
        return abs(value - float(outcome.scores[key.nearest_to]))
    return -value if key.better == "higher" else value


def _ranks(values: Sequence[float]) -> "np.ndarray[Any, np.dtype[np.float64]]":
    """1 for the smallest; equal ones share the mean of their ranks."""
    from scipy import stats

    return np.asarray(stats.rankdata(values))


def _correlation(x: Any, y: Any) -> float | None:
    """Pearson's; None where one of them does not vary."""
    return float(np.corrcoef(x, y)[0, 1]) if np.std(x) and np.std(y) else None


def _good_by_one_only(off: Sequence[float], off_other: Sequence[float]) -> float:
    """Share of runs in the upper half by one and in the lower half by the other; of an odd number the middle is in neither."""
    half = len(off) // 2
    good = set(np.argsort(off, kind="stable")[:half])
    bad = set(np.argsort(off_other, kind="stable")[len(off) - half :])
    return len(good & bad) / len(off)


def _shown(correlation: float | None) -> str:
    return "-" if correlation is None else f"{correlation:.2f}"
