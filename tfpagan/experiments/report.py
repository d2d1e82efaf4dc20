"""Reports of outcomes: a table in Markdown with the papers' numbers beside ours, and a page of images."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from tfpagan.evaluation import metrics
from tfpagan.evaluation.metrics import Key
from tfpagan.experiments.experiment import Outcome
from tfpagan.experiments.table import Row, Table

CRITIC_BESIDE = "critic beside"
"""The column of the critic that learned beside the model, which no evaluation measures."""

LEGENDS: Mapping[str, str] = {
    "class kept": "class kept: reconstructions that the classifier gives the class of their image",
    "codes": "codes: variance of their means + mean of their variances, over dimensions; of the prior 1, on the sphere 1 / Z",
    "critic": "critic: minus the Wasserstein distance of samples and test images, by critics trained on the scored checkpoint",
    CRITIC_BESIDE: "critic beside: the same by one that learned beside the model (--critic_from), as in alpha-GAN's paper",
    "SVM error": "SVM error: of linear SVMs on the encoder's last three layers, 1,000 labels, mean and deviation over ten sets "
    "(bin/probe)",
    "images": "images: drawn in training, over all phases of its steps",
    "images/s": "images/s: of training, the median",
    "CPU min": "CPU min: of training",
}
"""Meaning of a column, where its name does not say it."""

PICTURES: Mapping[str, str] = {
    "samples": "samples",
    "colourisations": "a grey image, itself, and its colourisations by six codes",
    "transfers": "an image, another, and the other in the colours of the first",
    "reconstructions": "test images in odd columns, their reconstructions in even ones",
    "training_reconstructions": "training images in odd columns, their reconstructions in even ones",
    "interpolations": "from the code of one test image to that of the next",
    "augmentations": "images in odd columns, a(x) in even ones",
    "code_means": "means of the dimensions of codes, over test images",
    "code_covariance": "covariance of the codes of test images: blue -1, white 0, red 1",
    "critic_curves": "the distance by critics while they learn",
}
"""The images of a page, with captions: folders of a run, or files of an evaluation in `eval/`."""

WHOLE = ("augmentations", "critic_curves")
"""Those of which a page shows more than the upper half."""


def markdown(table: Table, outcomes: Sequence[Outcome], facts: Mapping[str, Any]) -> str:
    """The table: our numbers, in brackets the paper's; failures; protocols."""
    header = ["", *table.columns]
    lines = [f"# {table.title}", "", line_of(header), line_of(["---"] * len(header))]
    for row, outcome in beside(table.rows, outcomes):
        name = row.name if outcome else f"{row.name} (paper only)"
        lines.append(line_of([name, *(_beside_the_papers(column, row, outcome) for column in table.columns)]))
    lines += ["", f"Ours: {'; '.join(f'{name} {value}' for name, value in facts.items() if value not in ('', None))}."]
    lines += protocol_lines(outcomes)
    lines += legend_lines(table.columns)
    lines += _deviation_lines(table)
    if table.paper_protocol:
        lines += ["", f"In brackets, the paper: {table.paper_protocol}. Scores by different classifiers do not compare."]
    failed = [(row.name, outcome.failure) for row, outcome in beside(table.rows, outcomes) if outcome and outcome.failure]
    if failed:
        lines += ["", *(f"- {name} failed: {failure}" for name, failure in failed)]
    return "\n".join(lines) + "\n"


def beside(rows: Sequence[Row], outcomes: Sequence[Outcome]) -> Iterator[tuple[Row, Outcome | None]]:
    """Every row with the outcome of its run; None if it has none."""
    remaining = iter(outcomes)
    for row in rows:
        yield row, next(remaining) if row.experiment else None
    assert next(remaining, None) is None


def _deviation_lines(table: Table) -> list[str]:
    """A list of the settings that are not the papers', each once, and why."""
    found = [deviation for row in table.rows for deviation in row.deviations]
    lines = []
    for i, deviation in enumerate(found):
        if deviation not in found[:i]:
            flags = " ".join(f"--{name}={value}" for name, value in deviation.settings.items())
            lines.append(f"- {', '.join(deviation.of) or 'all'}: `{flags}`: {deviation.why}")
    return ["", "Settings that are not the papers', and why:", "", *lines] if lines else []


def protocol_lines(outcomes: Sequence[Outcome]) -> list[str]:
    """Paragraphs, each after an empty line, that say how the scores were computed, and of which classifier they are."""
    lines: list[str] = []
    if protocols := {_in_words(outcome.scores["protocol"]) for outcome in outcomes if outcome.scores}:
        lines += ["", f"Protocol: {'; '.join(sorted(protocols))}."]
    if in_domain(outcomes):
        lines += ["", "IS, FID and RID are of this classifier here, not of Inception, and do not compare with published ones."]
    return lines


def legend_lines(columns: Sequence[str]) -> list[str]:
    """A paragraph, after an empty line, on the columns whose names do not say what they are; none if all do."""
    legends = [LEGENDS[column] for column in columns if column in LEGENDS]
    return ["", f"{'; '.join(legends)}."] if legends else []


def in_domain(outcomes: Sequence[Outcome]) -> bool:
    """Whether any score is of a classifier other than Inception."""
    return any("classifier_" in key and value for o in outcomes for key, value in o.scores.items() if key != "protocol")


def page(table: Table, outcomes: Sequence[Outcome], runs: Path, folder: Path) -> str:
    """Markdown with pictures of every run, of the scored step or the last, copied to `folder`; of grids the upper halves."""
    lines: list[str] = []
    folder.mkdir(parents=True, exist_ok=True)
    for row, outcome in beside(table.rows, outcomes):
        if not outcome:
            continue
        shown, run = {}, runs / outcome.experiment.name
        for kind in table.pictures:
            of_training, of_evaluation = run.glob(f"{kind}/step_*.png"), run.glob(f"eval/{kind}_step_*.png")
            if pictures := sorted(of_training) or sorted(of_evaluation):
                step = f"step_{int(outcome.scores.get('step') or 0):08d}.png"
                picture = next((picture for picture in pictures if picture.name.endswith(step)), pictures[-1])
                copy = folder / f"{outcome.experiment.name}_{kind}.png"
                _copy(picture, copy, upper_half=picture.parent.name == kind and kind not in WHOLE)
                shown[kind] = f"![{kind} of {row.name}]({folder.name}/{copy.name})"
        if shown:
            lines += ["", f"## {row.name}", "", "; ".join(PICTURES[kind] for kind in shown), "", " ".join(shown.values())]
    return "\n".join(lines) + "\n" if lines else ""


def _copy(picture: Path, copy: Path, *, upper_half: bool) -> None:
    with Image.open(picture) as whole:
        whole.crop((0, 0, whole.width, whole.height // (2 if upper_half else 1))).save(copy, optimize=True)


def as_json(table: Table, outcomes: Sequence[Outcome], facts: Mapping[str, Any]) -> str:
    """The table as JSON."""
    rows = [
        {
            "name": row.name,
            "run": outcome.experiment.name if outcome else None,
            "scores": {key: value for key, value in outcome.scores.items() if key != "protocol"} if outcome else {},
            "protocol": json.loads(outcome.scores["protocol"]) if outcome and outcome.scores else None,
            "failure": (outcome and outcome.failure) or None,
            "cpu_minutes": outcome and outcome.cpu_minutes,
            "images_per_second": outcome and outcome.images_per_second,
            "paper": dict(row.paper),
        }
        for row, outcome in beside(table.rows, outcomes)
    ]
    return json.dumps(
        {"table": table.title, "ours": dict(facts), "paper_protocol": table.paper_protocol, "rows": rows}, indent=2
    )


def value_of(column: str, outcome: Outcome) -> tuple[float | None, ...]:
    """The numbers of a column; None if missing."""
    if column == "images":
        e = outcome.experiment
        return (None if e.stand_in else e.config.training.train_steps * e.images_per_step,)
    if column == "images/s":
        return (outcome.images_per_second,)
    if column == "CPU min":
        return (outcome.cpu_minutes,)
    if column == "SVM error":
        return outcome.error_rate or (None,)
    if column == CRITIC_BESIDE:
        return (outcome.critic_beside,)
    key = _key_of(column, outcome)
    return (None,) if key is None else tuple(float(outcome.scores[name]) for name in (key.name, key.beside) if name)


def names_of(column: str, outcomes: Sequence[Outcome]) -> list[str]:
    """The full names of a column's numbers, which say whether they are of Inception or of another classifier."""
    if column == CRITIC_BESIDE:
        return []
    return sorted({key.name for outcome in outcomes if (key := _key_of(column, outcome))})


def _key_of(column: str, outcome: Outcome) -> Key | None:
    """The number of a column that an outcome has."""
    keys = [key for key in metrics.keys().values() if key.column == column]  # of Inception, then of another classifier
    assert keys, column
    return next((k for k in keys if all(outcome.scores.get(name) for name in (k.name, k.beside) if name)), None)


def cell(column: str, outcome: Outcome) -> str:
    """Our numbers, formatted."""
    if outcome.failure and column not in ("images", "images/s", "CPU min"):
        return "failed"
    if outcome.stopped and column not in ("images", "images/s", "CPU min"):
        return "stopped"
    return _shown(column, value_of(column, outcome))


def _beside_the_papers(column: str, row: Row, outcome: Outcome | None) -> str:
    ours = cell(column, outcome) if outcome else "-"
    return f"{ours} ({row.paper[column]})" if column in row.paper else ours


def _shown(column: str, values: Sequence[float | None]) -> str:
    if values[0] is None:
        return "-"
    if column == "images":
        return f"{values[0]:,.0f}"
    if column == "class kept":
        return f"{100 * values[0]:.1f} %"
    if column == "SVM error":
        return " ± ".join(f"{100 * value:.1f} %" for value in values if value is not None)
    return (" + " if column == "codes" else " ± ").join(_number(value) for value in values if value is not None)


def _number(value: float) -> str:
    if value and not 1e-3 <= abs(value) < 1e5:
        return f"{value:.1e}"
    digits = max(0, 3 - math.floor(math.log10(abs(value)))) if value else 0
    return f"{value:.{min(digits, 3)}f}"


def line_of(cells: Sequence[str]) -> str:
    """A row of a table in Markdown."""
    return f"| {' | '.join(cells)} |"


def _in_words(protocol: str) -> str:
    facts = json.loads(protocol)
    of_network = ("classifier", "classifier_checksum")
    of_images = ("samples", "test_images", "test_count", "reference", "reference_count")
    keys = ("name", *of_network, *of_images, "splits", "seed")
    return ", ".join(f"{key} {facts[key]}" for key in keys if key in facts)
