"""Evaluation during training, between two calls of the loop: scores of the current networks, and the best checkpoint."""

import json
import math
from collections.abc import Mapping
from pathlib import Path

from absl import logging

from tfpagan.errors import UserError, one_line
from tfpagan.evaluation import results
from tfpagan.evaluation.errors import EvaluationError, GivenUpError
from tfpagan.evaluation.metrics import Key
from tfpagan.evaluation.results import Result
from tfpagan.evaluation.scorer import Scorer, named
from tfpagan.evaluation.subjects import Subject
from tfpagan.run_folder.checkpoints import Checkpoints
from tfpagan.run_folder.folder import steps_in
from tfpagan.scoring.adapters import of_run
from tfpagan.scoring.files import ScoreFiles
from tfpagan.training.hooks import Hook
from tfpagan.training.trainer import Trainer


class EvaluationHook(Hook):
    """Scores the networks under a quick protocol; keeps the checkpoint with the best value of one metric in `best/`.

    A row of scores.csv is written first, then the checkpoint, then best.json, so that what a killed process left undone is
    found and done when the run goes on.

    Args:
      folder: where files are written: the run folder, but not by other workers than the chief.
      trainer: the trainer whose networks are scored.
      scorer: computes the scores.
      model_dir: the run folder, whose earlier scores all workers read.
      best_metric: key of the metric that selects the best checkpoint; "": none is kept.
      every_steps: steps between evaluations.
      patience: evaluations without a better value after which there is enough; 0: there never is.

    Raises:
      UserError: when the scorer cannot measure `best_metric` of these networks, or nothing says how good the
        best checkpoint is.
    """

    def __init__(
        self,
        folder: Path,
        trainer: Trainer,
        scorer: Scorer,
        *,
        model_dir: Path,
        best_metric: str,
        every_steps: int,
        patience: int = 0,
    ):
        self.every_steps, self._scorer, self._patience, self._trainer = every_steps, scorer, patience, trainer
        self._model, self._table = str(model_dir), model_dir / "scores.csv"
        # Created once, so that the networks' functions are traced once; each call uses the current weights.
        self._subject = _subject(trainer, self._model)
        legal = {key.name: key for key in scorer.measured(self._subject) if key.better}
        self._metric = legal.get(best_metric)
        if best_metric and not self._metric:
            why = f" ({scorer.why_no_classifier})" if scorer.why_no_classifier else ""
            of = f"with --objective={trainer.objective.name}{why}"
            raise UserError(f"--best_metric={best_metric} is not legal {of}; it must be one of {', '.join(legal) or 'none'}")
        self._files = ScoreFiles(folder)
        self._note = folder / "best" / "best.json"
        self._best, self._best_step = self._so_far(model_dir / "best") if best_metric else (math.nan, None)
        self._checkpoints = Checkpoints(trainer.checkpoint(), folder / "best", keep=1) if best_metric else None

    def begin(self, step: int) -> None:
        """Make up what a killed or stopped process left undone at this step."""
        if step % self.every_steps and step < self._trainer.config.training.train_steps:
            return
        row = self._row(step)
        if self._trainer.any_worker(row is None):
            logging.info("there are no scores of step %d yet: evaluating it first", step)
            self.act(step)
        elif row and self._metric:
            self._keep_best(step, _number(row, self._metric.name), self._metric)

    def act(self, step: int) -> None:
        result = self._scored(step)
        if self._trainer.any_worker(result is None):  # then on none: all of them write checkpoints together
            self.given_up = self._trainer.any_worker(self.given_up)
            return
        assert result
        known = {key: value for key, value in result.metrics.items() if value is not None}
        logging.info(
            "step %d: %s", step, ", ".join(f"{key} {value:.4g}" for key, value in known.items() if "latent" not in key)
        )
        if self._metric:
            self._keep_best(step, result.metrics[self._metric.name], self._metric)

    def enough(self, step: int) -> bool:
        if not self._patience or self._best_step is None or step < self._best_step + self._patience * self.every_steps:
            return False
        last = f"{self._patience} evaluations after step {self._best_step}"
        logging.info("stopped at step %d: --best_metric was no better in %s (--patience)", step, last)
        return True

    def _scored(self, step: int) -> Result | None:
        """The scores, which the files have too; None when that failed, which must not end the training, or was given up."""
        try:
            scores = self._scorer.score(self._subject)
            result = named(scores, self._model, step)
            self._files.keep(result, scores)
        except GivenUpError:
            self.given_up = True
            logging.info("the evaluation at step %d was interrupted", step)
        except (EvaluationError, UserError) as e:
            self.failed = (*self.failed, step)
            logging.error("the evaluation at step %d failed: %s", step, e)
        else:
            return result
        return None

    def _keep_best(self, step: int, value: float | None, metric: Key) -> None:
        """Keep the checkpoint if it is better, or if it is the best one, scored anew by a run that went on from before it."""
        if value is None or value == self._best:
            return
        if math.isfinite(self._best) and step != self._best_step and not metric.improves(value, self._best):
            return
        assert self._checkpoints
        self._checkpoints.save()
        self._best, self._best_step = value, step
        self._write_note()

    def _write_note(self) -> None:
        assert self._metric
        self._note.parent.mkdir(exist_ok=True)
        part = self._note.with_suffix(".part")
        part.write_text(json.dumps({"metric": self._metric.name, "value": self._best, "step": self._best_step}) + "\n")
        part.replace(self._note)

    def _so_far(self, best: Path) -> tuple[float, int | None]:
        """The best value and its step; NaN and None where no checkpoint was kept for this metric.

        What best.json does not say of the checkpoint that is there, as it was killed in between, its row of scores.csv does.
        """
        assert self._metric
        metric, (value, step, problem) = self._metric.name, _noted(best / "best.json", self._metric.name)
        kept = max(steps_in(best), default=None)
        if kept is None or (value is None and not problem):
            return math.nan, None
        if value is not None and step == kept:
            return value, step
        problem = problem or f"names step {step}, and the checkpoint is of step {kept}"
        value = _number(self._row(kept) or {}, metric)
        if value is None:
            remedy = f"move {best} away, or restore the file"
            raise UserError(f"{best / 'best.json'} {problem}; it says how good the best checkpoint is: {remedy}")
        logging.warning("%s %s: taking %s %g of step %d from %s", best / "best.json", problem, metric, value, kept, self._table)
        self._best, self._best_step = value, kept
        self._write_note()
        return value, kept

    def _row(self, step: int) -> dict[str, str] | None:
        """The newest scores of a step under this protocol."""
        try:
            rows = results.rows(self._table, self._scorer.protocol.name)
        except EvaluationError:
            return None
        return next((row for row in reversed(rows) if row.get("step") == str(step)), None)


def _subject(trainer: Trainer, name: str) -> Subject:
    encoder = trainer.inference("encoder") if "encoder" in trainer.networks else None
    generator, condition = trainer.inference("generator"), trainer.objective.condition
    return of_run(generator, encoder, trainer.config.networks, name, condition)


def _number(row: Mapping[str, str], key: str) -> float | None:
    """The number in a cell; None if there is none."""
    try:
        value = float(row.get(key, ""))
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _noted(file: Path, metric: str) -> tuple[float | None, int | None, str]:
    """The best value so far and its step by best.json, None if it is of another metric; and what is wrong with it, else ""."""
    try:
        noted = json.loads(file.read_text())
        value, step = float(noted["value"]), int(noted["step"])
        if not math.isfinite(value) or step < 0:
            raise ValueError(f"value {value} at step {step}")
        return (value, step, "") if noted["metric"] == metric else (None, None, "")
    except FileNotFoundError:
        return None, None, "is missing"
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as e:
        return None, None, f"is damaged ({one_line(e)})"
