"""Hopeless runs of a sweep stopped early: asynchronous successive halving (ASHA; Li et al., 2020, arXiv:1810.05934)."""

import json
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tfpagan.errors import UserError, one_line
from tfpagan.evaluation.metrics import Key
from tfpagan.experiments.experiment import evaluations

REDUCTION = 3
"""Of the runs that have come so far, one in so many goes on; the paper's eta is 4."""
FILE = "stopped_early.json"


class Halving:
    """Decides, from the scores of evaluations during training, which runs are stopped; Ray Tune's scheduler does it.

    After 1, 3, 9, ... evaluations a run goes on if its score is among the best third of the runs that have come so far. The
    first ones are never stopped, so the order in which runs come matters, as in the paper.

    Args:
      key: the metric.
      most: evaluations of a whole run.

    Raises:
      UserError: when Ray Tune is not installed.
    """

    def __init__(self, key: Key, most: int):
        try:
            from ray.tune.schedulers import ASHAScheduler
        except ImportError as e:
            raise UserError(f"--asha needs Ray Tune ({one_line(e)}): pip install 'tfpagan[ray]'") from None
        assert key.better
        self.key, self._lock = key, threading.Lock()
        mode = {"higher": "max", "lower": "min"}[key.better]
        self._scheduler: Any = ASHAScheduler("evaluation", key.name, mode, max_t=most + 1, reduction_factor=REDUCTION)
        self._seen: dict[Path, tuple[float, int]] = {}  # when the scores were written, and how many there were

    def hopeless(self, folder: Path) -> bool:
        """Whether a run is to be stopped, by the evaluations in its folder; if so, that is noted there."""
        verdict = self.compared(folder)
        if verdict and not self.stopped(folder):
            part = folder / f"{FILE}.part"
            part.write_text(json.dumps(verdict) + "\n")
            part.replace(folder / FILE)
        return bool(self.stopped(folder))

    def compared(self, folder: Path) -> dict[str, Any] | None:
        """The first evaluation since the last call by which a run is hopeless; None: none of them.

        A run that was trained to its end is seen too, so that others are compared with it.
        """
        with self._lock:
            trial: Any = SimpleNamespace(trial_id=str(folder))
            if folder not in self._seen:
                self._scheduler.on_trial_add(None, trial)
            before, first = self._seen.get(folder, (0.0, 0))
            scores = folder / "scores.csv"
            written = scores.stat().st_mtime if scores.exists() else 0.0
            # This is asked several times a second, and most of the time nothing has been written.
            found = evaluations(folder, self.key.name)[first:] if written != before else []
            self._seen[folder] = written, first + len(found)
            for count, (step, value) in enumerate(found, first + 1):
                said = self._scheduler.on_trial_result(None, trial, {"evaluation": count, self.key.name: value})
                if said == self._scheduler.STOP:
                    return {"metric": self.key.name, "value": value, "step": step, "evaluations": count}
            return None

    def stopped(self, folder: Path) -> str:
        """How a run was stopped by this metric, in words; "": it was not."""
        try:
            note = json.loads((folder / FILE).read_text())
            if note["metric"] != self.key.name:
                return ""
            return f"stopped at step {note['step']} by ASHA: {note['metric']} {note['value']:.4g}"
        except (OSError, ValueError, KeyError, TypeError):
            return ""
