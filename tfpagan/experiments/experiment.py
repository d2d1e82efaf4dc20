"""What an experiment requires of a run, and what a run folder reports."""

import contextlib
import dataclasses
import json
import statistics
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tfpagan.config import Config, presets
from tfpagan.evaluation import protocols, results
from tfpagan.evaluation.errors import EvaluationError
from tfpagan.evaluation.metrics import METRICS, Over
from tfpagan.run_folder.folder import steps_in


@dataclasses.dataclass(frozen=True)
class Experiment:
    """One run of an experiment.

    Attributes:
      name: of its folder.
      preset: its preset; "": the defaults.
      settings: changes to the preset, by flag.
      stand_in: what reconstructs in place of a trained model, such as augment:pad_crop; "": the model.
      best: column of the metric on held-out training images by which the scored checkpoint is chosen; "": the last is scored.
    """

    name: str
    preset: str
    settings: Mapping[str, Any]
    stand_in: str = ""
    best: str = ""

    @property
    def config(self) -> Config:
        """The configuration that it trains."""
        return (presets.get(self.preset) if self.preset else Config()).with_changes(self.settings)

    @property
    def images_per_step(self) -> int:
        """Images that a step draws, over all its phases."""
        config = self.config
        return config.training.batch_size * len(config.objective.phases)

    def flags(self) -> list[str]:
        """The flags of bin/train."""
        given = {"preset": self.preset} if self.preset else {}
        return [f"--{name}={value}" for name, value in (given | dict(self.settings)).items()]


@dataclasses.dataclass(frozen=True)
class Scoring:
    """How runs are scored: flags of bin/evaluate.

    Attributes:
      protocol: its name.
      classifier: inception, or a SavedModel folder.
      probed: whether `bin/probe` tests their encoders, too.
    """

    protocol: str
    classifier: str
    probed: bool = False

    def key(self, column: str) -> str:
        """The key of the metric in a column of tables."""
        official = self.classifier == "inception"
        return next(key.name for metric in METRICS.values() for key in metric.keys(official) if key.column == column)

    def columns(self) -> set[str]:
        """The columns of tables that the protocol has numbers for."""
        return {key.column for metric in protocols.get(self.protocol).declared() for key in metric.keys(True) if key.column}

    def in_words(self) -> str:
        """How runs are going to be scored."""
        p = protocols.get(self.protocol)
        counts = [f"{p.samples:,} samples"] if p.goes_over(Over.SAMPLES) else []
        if p.goes_over(Over.RECONSTRUCTIONS) or p.goes_over(Over.TEST_IMAGES):
            counts.append(f"{p.reconstructions:,} test images" if p.reconstructions else "all test images")
        what = f"{', '.join(metric.name for metric in p.declared())} of {' and '.join(counts)}"
        return f"scored by --protocol={p.name} ({what}) and --classifier={self.classifier}"

    def checksum(self) -> str:
        """The classifier's checksum; "" if none is needed or available.

        Raises:
          EvaluationError: when the given classifier cannot be used.
        """
        from tfpagan.scoring import prepare

        found, _ = prepare.classifier(protocols.get(self.protocol), self.classifier)
        return found.checksum if found else ""


@dataclasses.dataclass(frozen=True)
class Outcome:
    """The outcome of a run.

    Attributes:
      experiment: the experiment.
      scores: from `scores.csv`, by key; empty if there are none.
      failure: why there are none; else "".
      cpu_minutes: of training, over all its processes; None: unknown, as for a run started by hand.
      images_per_second: the median over lines of metrics.jsonl.
      critic_beside: minus the distance by the critic that learned beside the model, at its last step; None: none did.
      error_rate: of linear classifiers on the encoder's features, mean and standard deviation; None: it was not probed.
      stopped: how it was stopped early as hopeless, in words; "": it was not.
    """

    experiment: Experiment
    scores: Mapping[str, str]
    failure: str = ""
    cpu_minutes: float | None = None
    images_per_second: float | None = None
    critic_beside: float | None = None
    error_rate: tuple[float, float] | None = None
    stopped: str = ""


def best_step(folder: Path) -> int | None:
    """The step of the checkpoint that `--best_metric` kept; None if there is none."""
    try:
        return int(json.loads((folder / "best" / "best.json").read_text())["step"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def steps_done(folder: Path) -> int:
    """The step of the newest checkpoint, by its file name."""
    return max(steps_in(folder / "ckpt"), default=0)


def row_of(folder: Path, experiment: Experiment, scoring: Scoring, checksum: str) -> dict[str, str] | None:
    """The scores of the last step, or of the best checkpoint, under the protocol, with this classifier; None if none yet."""
    try:
        rows = results.rows(folder / "scores.csv", scoring.protocol)
    except EvaluationError:
        return None
    training = experiment.config.training
    trained = steps_done(folder) if training.patience else training.train_steps  # the first may end before
    last = best_step(folder) if experiment.best else trained
    step = "" if experiment.stand_in else str(last)
    of_step = (row for row in reversed(rows) if row.get("step", "") == step)
    return next((row for row in of_step if json.loads(row["protocol"]).get("classifier_checksum", "") == checksum), None)


def images_per_second(folder: Path) -> float | None:
    """The median over lines of metrics.jsonl; None if there are none."""
    speeds = [value for _, value in _logged(folder, "throughput/images_per_second")]
    return statistics.median(speeds) if speeds else None


def critic_beside(folder: Path, step: int) -> float | None:
    """Minus the distance by the critic that learns beside the model (`--critic_from`) at a step; None if there is none."""
    return next((-value for at, value in reversed(_logged(folder, "critic/held_out")) if at == step), None)


def evaluations(folder: Path, key: str) -> list[tuple[int, float]]:
    """Steps and values of a metric, by the evaluations on held-out images during training; of a step done again the last."""
    try:
        rows = results.rows(folder / "scores.csv")
    except EvaluationError:
        return []
    during = [row for row in rows if json.loads(row["protocol"])["name"].endswith(protocols.VALIDATION)]
    return sorted({int(row["step"]): float(row[key]) for row in during if row.get(key)}.items())


def _logged(folder: Path, tag: str) -> list[tuple[int, float]]:
    """Steps and values of a tag in metrics.jsonl, as far as it can be read."""
    found = []
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
        for line in (folder / "metrics.jsonl").read_text().splitlines():
            if tag in (values := json.loads(line)):
                found.append((int(values["step"]), float(values[tag])))
    return found
