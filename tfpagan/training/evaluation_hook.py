"""Evaluation during training, between two calls of the loop: scores of the current networks, and the best checkpoint."""

import json
import math
from pathlib import Path

from absl import logging

from tfpagan.errors import UserError, one_line
from tfpagan.evaluation.errors import EvaluationError, GivenUpError
from tfpagan.evaluation.metrics import Key
from tfpagan.evaluation.scorer import Scorer, named
from tfpagan.evaluation.subjects import Subject
from tfpagan.run_folder.checkpoints import Checkpoints
from tfpagan.scoring.adapters import of_run
from tfpagan.scoring.files import ScoreFiles
from tfpagan.training.hooks import Hook
from tfpagan.training.trainer import Trainer


class EvaluationHook(Hook):
    """Scores the networks under a quick protocol; keeps the checkpoint with the best value of one metric in `best/`.

    Args:
      folder: the run folder.
      trainer: the trainer whose networks are scored.
      scorer: computes the scores.
      best_metric: key of the metric that selects the best checkpoint; "": none is kept.
      every_steps: steps between evaluations.
      patience: evaluations without a better value after which there is enough; 0: there never is.

    Raises:
      UserError: when the scorer cannot measure `best_metric` of these networks.
    """

    def __init__(
        self, folder: Path, trainer: Trainer, scorer: Scorer, *, best_metric: str, every_steps: int, patience: int = 0
    ):
        self.every_steps, self._scorer, self._patience = every_steps, scorer, patience
        self._files, self._model = ScoreFiles(folder), str(folder)
        # Created once, so that the networks' functions are traced once; each call uses the current weights.
        self._subject = _subject(trainer, self._model)
        legal = {key.name: key for key in scorer.measured(self._subject) if key.better}
        self._metric = legal.get(best_metric)
        if best_metric and not self._metric:
            why = f" ({scorer.why_no_classifier})" if scorer.why_no_classifier else ""
            of = f"with --objective={trainer.objective.name}{why}"
            raise UserError(f"--best_metric={best_metric} is not legal {of}; it must be one of {', '.join(legal) or 'none'}")
        self._note = folder / "best" / "best.json"
        self._best, self._best_step = _noted(self._note, best_metric) if best_metric else (math.nan, None)
        self._checkpoints = Checkpoints(trainer.checkpoint(), folder / "best", keep=1) if best_metric else None

    def act(self, step: int) -> None:
        try:
            scores = self._scorer.score(self._subject)
        except GivenUpError:
            logging.info("the evaluation at step %d was interrupted", step)
            return
        except EvaluationError as e:  # must not end the training
            logging.error("the evaluation at step %d failed: %s", step, e)
            return
        result = named(scores, self._model, step)
        try:
            self._files.keep(result, scores)
        except UserError as e:
            logging.error("%s", e)
        known = {key: value for key, value in result.metrics.items() if value is not None}
        logging.info(
            "step %d: %s", step, ", ".join(f"{key} {value:.4g}" for key, value in known.items() if "latent" not in key)
        )
        if self._checkpoints and self._metric:
            self._keep_best(step, result.metrics[self._metric.name], self._metric, self._checkpoints)

    def enough(self, step: int) -> bool:
        if not self._patience or self._best_step is None or step < self._best_step + self._patience * self.every_steps:
            return False
        last = f"{self._patience} evaluations after step {self._best_step}"
        logging.info("stopped at step %d: --best_metric was no better in %s (--patience)", step, last)
        return True

    def _keep_best(self, step: int, value: float | None, metric: Key, checkpoints: Checkpoints) -> None:
        if value is None or (math.isfinite(self._best) and not metric.improves(value, self._best)):
            return
        checkpoints.save()
        self._best, self._best_step = value, step
        part = self._note.with_suffix(".part")
        part.write_text(json.dumps({"metric": metric.name, "value": value, "step": step}) + "\n")
        part.replace(self._note)


def _subject(trainer: Trainer, name: str) -> Subject:
    encoder = trainer.inference("encoder") if "encoder" in trainer.networks else None
    generator, condition = trainer.inference("generator"), trainer.objective.condition
    return of_run(generator, encoder, trainer.config.networks, name, condition)


def _noted(file: Path, metric: str) -> tuple[float, int | None]:
    """The best value so far and its step; NaN and None if there is none of this metric.

    Raises:
      UserError: when the file is damaged or missing beside a checkpoint, which the next evaluation would replace.
    """
    remedy = f"move {file.parent} away, or restore the file"
    try:
        noted = json.loads(file.read_text())
        value, step = float(noted["value"]), int(noted["step"])
        if not math.isfinite(value) or step < 0:
            raise ValueError(f"value {value} at step {step}")
        return (value, step) if noted["metric"] == metric else (math.nan, None)
    except FileNotFoundError:
        if any(file.parent.glob("ckpt-*.index")):
            raise UserError(f"{file} is missing, which says how good the best checkpoint is; {remedy}") from None
        return math.nan, None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as e:
        raise UserError(f"{file} is damaged ({one_line(e)}); it says how good the best checkpoint is: {remedy}") from None
