"""Results with their protocol, as JSON, rows of scores.csv and tables; and the comparison of runs under one protocol."""

import csv
import dataclasses
import errno
import fcntl
import json
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple, TypeVar

import numpy as np
from absl import logging

from tfpagan.evaluation.errors import EvaluationError

NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)
"""Errors of file systems without locks, such as some NFS."""


class ScoredPair(NamedTuple):
    """An image and its reconstruction, [H, W, C], with a metric's value for them."""

    value: float
    original: np.ndarray
    reconstruction: np.ndarray


@dataclasses.dataclass(frozen=True)
class Result:
    """The result of one evaluation.

    Attributes:
      metrics: values by key; None if missing or failed.
      reasons: by key, the reason for every None.
      protocol: everything that two results must share to be compared.
      subject: what was scored: model, checkpoint step.
      versions: of the software, for the record.
      details: what is not a single number, such as lists per dimension.
    """

    metrics: Mapping[str, float | None]
    reasons: Mapping[str, str]
    protocol: Mapping[str, Any]
    subject: Mapping[str, Any]
    versions: Mapping[str, str]
    details: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def to_json(self) -> str:
        """One JSON object; missing values are null with a reason."""
        return json.dumps(dataclasses.asdict(self), indent=2, allow_nan=False)

    def table(self) -> str:
        """A text table of all numbers, followed by their protocol."""
        width = max(map(len, self.metrics))
        rows = [f"{key:<{width}}  {_number(value)}{self._why(key)}" for key, value in self.metrics.items()]
        facts = {**self.subject, **self.protocol, **self.versions}
        width = max(map(len, facts))
        return "\n".join([*rows, "", *(f"{key:<{width}}  {value}" for key, value in facts.items())])

    def _why(self, key: str) -> str:
        return f" ({self.reasons[key]})" if key in self.reasons else ""


def result(
    metrics: Mapping[str, float | None], reasons: Mapping[str, str], protocol: Mapping[str, Any], **more: Mapping[str, Any]
) -> Result:
    """A `Result` in which infinite and undefined values are None, with the reason."""
    kept, why = dict(metrics), dict(reasons)
    for key, value in metrics.items():
        if value is not None and not math.isfinite(value):
            kept[key], why[key] = None, f"it is {value}"
        elif value is None:
            why.setdefault(key, "not defined here")
    return Result(kept, why, protocol, **{name: _finite(value) for name, value in more.items()})


def _finite(value: Any) -> Any:
    """The value with None instead of numbers that JSON cannot represent."""
    if isinstance(value, Mapping):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def append_json_line(file: Path, result: Result) -> None:
    """Append a line to `metrics.jsonl`."""
    line = {"step": result.subject.get("step"), "metrics": result.metrics, "reasons": result.reasons}
    with file.open("a") as f:
        f.write(json.dumps(line | {"protocol": result.protocol, "versions": result.versions}, allow_nan=False) + "\n")


def append_csv_row(file: Path, result: Result) -> None:
    """Append a row to `scores.csv`, with new columns for new metrics; the file is replaced atomically."""
    values = {key: "" if value is None else repr(float(value)) for key, value in result.metrics.items()}
    row = {**result.subject, **values, "protocol": json.dumps(result.protocol, sort_keys=True)}
    with file.with_name(f".{file.name}.lock").open("w") as lock:
        _wait_for(lock, file)  # two evaluations may end at the same time
        rows: list[dict[str, Any]] = [*_rows(file), row] if file.exists() else [row]
        columns = [*dict.fromkeys(key for row in rows for key in row if key != "protocol"), "protocol"]
        part = file.with_name(f"{file.name}.part")
        with part.open("w", newline="") as f:
            writer = csv.DictWriter(f, columns, restval="")
            writer.writeheader()
            writer.writerows(rows)
        part.replace(file)


def _wait_for(lock: IO[str], file: Path) -> None:
    """Lock a file, after whoever has it."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        logging.warning("another process is writing %s: waiting for it", file)
        fcntl.flock(lock, fcntl.LOCK_EX)
    except OSError as e:
        if e.errno not in NO_LOCKS:
            raise


def last_row(file: Path, protocol: str = "", *, how_to_get_it: str = "") -> dict[str, str]:
    """The newest of the `rows`."""
    return rows(file, protocol, how_to_get_it=how_to_get_it)[-1]


def rows(file: Path, protocol: str = "", *, how_to_get_it: str = "") -> list[dict[str, str]]:
    """The rows of a `scores.csv`, oldest first.

    Args:
      file: the table.
      protocol: name of their protocol; "": any.
      how_to_get_it: end of the message if there is no row, such as "x writes it".

    Raises:
      EvaluationError: when there is none.
    """
    advice = f"; {how_to_get_it}" if how_to_get_it else ""
    try:
        found = [row for row in _rows(file) if _protocol_of(row) and protocol in ("", _protocol_of(row)["name"])]
    except OSError as e:
        raise EvaluationError(f"{file} holds no scores ({e}){advice}") from None
    if not found:
        raise EvaluationError(f"{file} holds no scores{f' of protocol {protocol}' if protocol else ''}{advice}")
    return found


def _rows(file: Path) -> list[dict[str, str]]:
    """The rows of a table; bytes that are not text are replaced, cells beyond the columns are dropped."""
    with file.open(newline="", errors="replace") as f:
        try:
            return [{key: value or "" for key, value in row.items() if key} for row in csv.DictReader(f)]
        except csv.Error as e:
            raise EvaluationError(f"{file} is not a table of scores: {e}") from None


def _protocol_of(row: Mapping[str, str]) -> dict[str, Any]:
    """The protocol of a row; empty if it has none that can be read."""
    try:
        protocol = json.loads(row["protocol"])
        return protocol if isinstance(protocol, dict) and "name" in protocol else {}
    except (KeyError, ValueError):
        return {}


def comparison(rows: Mapping[str, Mapping[str, str]]) -> str:
    """Rows of several runs side by side.

    Args:
      rows: of `scores.csv`, by the name to show.

    Raises:
      EvaluationError: when they have different protocols, naming the fields that differ.
    """
    names = list(rows)
    protocols = {name: _protocol_of(row) for name, row in rows.items()}
    first = protocols[names[0]]
    for name in names[1:]:
        other = protocols[name]
        if fields := [key for key in sorted({*first, *other}) if _differ(key, first, other)]:
            listed = "; ".join(f"{key}: {first.get(key)} and {other.get(key)}" for key in fields)
            raise EvaluationError(f"{names[0]} and {name} were scored under different protocols ({listed})")
    skip = {"protocol", "model"}
    keys = list(dict.fromkeys(key for row in rows.values() for key in row if key not in skip))
    cells = [["", *names]] + [[key, *(_cell(rows[name].get(key, "")) for name in names)] for key in keys]
    protocol = [f"{key}: {value}" for key, value in first.items()]
    return "\n".join([*_aligned(cells), "", "protocol  " + "; ".join(protocol)])


NAMES = {"test_images": "test_checksum", "reference": "reference_checksum"}
"""Protocol fields that name images, and the fields of their checksums: names matter only where the checksums differ."""


def _differ(key: str, one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return one.get(key) != other.get(key) and (key not in NAMES or one.get(NAMES[key]) != other.get(NAMES[key]))


def _aligned(cells: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))]
    return [
        "  ".join(
            f"{cell:<{w}}" if i == 0 else f"{cell:>{w}}" for i, (cell, w) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    ]


def _cell(text: str | None) -> str:
    if not text:
        return "-"
    try:
        return text if text.isdigit() else _number(float(text))
    except ValueError:
        return text


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.5g}"


T = TypeVar("T")


@dataclasses.dataclass
class Scores:
    """Scores collected during an evaluation.

    Attributes:
      metrics: values by key; None if missing.
      reasons: by key, the reason for every None.
      protocol: everything that two results must share to be compared.
      details: what is not a single number, such as lists per dimension.
      arrays: what is looked at rather than read, such as matrices.
      worst: the pairs with the worst values.
      failed: metrics without any number, with their keys.
    """

    metrics: dict[str, float | None] = dataclasses.field(default_factory=dict)
    reasons: dict[str, str] = dataclasses.field(default_factory=dict)
    protocol: dict[str, Any] = dataclasses.field(default_factory=dict)
    details: dict[str, Any] = dataclasses.field(default_factory=dict)
    arrays: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)
    worst: list[ScoredPair] = dataclasses.field(default_factory=list)
    failed: dict[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)

    def missing(self, keys: Sequence[str], reason: str) -> None:
        """Set the keys to None, with a reason."""
        self.metrics |= dict.fromkeys(keys)
        self.reasons |= dict.fromkeys(keys, reason)

    def give(self, keys: Sequence[str], values: Sequence[float | None], undefined: str = "") -> None:
        """Set the keys to values; `undefined` is the reason for those that are None."""
        self.metrics |= dict(zip(keys, values, strict=True))
        self.reasons |= {key: undefined for key, value in zip(keys, values, strict=True) if value is None}

    def attempt(self, keys: Sequence[str], make: Callable[[], T]) -> T | None:
        """The result of `make`; or None, and its EvaluationError becomes the reason for the keys."""
        try:
            return make()
        except EvaluationError as e:
            self.missing(keys, str(e))
            return None

    def in_order(self, requested: Mapping[str, tuple[str, ...]]) -> None:
        """Put the numbers in the order of the requested metrics, and record the metrics that failed altogether."""
        self.metrics = {key: self.metrics[key] for keys in requested.values() for key in keys}
        self.failed = {metric: keys for metric, keys in requested.items() if all(self.metrics[key] is None for key in keys)}
