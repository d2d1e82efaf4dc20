"""How long runs take on this machine: a few steps of each, measured in a process of its own."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tfpagan.config import plugins
from tfpagan.experiments.experiment import Experiment, steps_done


def hours(experiment: Experiment, folder: Path, places: Sequence[str]) -> tuple[float | None, str]:
    """The hours of the steps that a run has not made yet, and a text of them; None and the reason where they are not known.

    Args:
      experiment: the run.
      folder: where it is, or will be.
      places: flags with the folders of data.
    """
    steps = experiment.config.training.train_steps - steps_done(folder)
    if steps <= 0:
        return 0.0, "done"
    argv = ["train", *experiment.flags(), *places, *plugins.flags(), "--dry_run", "--json"]
    done = subprocess.run([sys.executable, "-m", "tfpagan.cli", *argv], capture_output=True, text=True)
    if done.returncode:
        return None, (done.stderr.strip().splitlines() or ["it cannot be measured"])[-1]
    found = json.loads(done.stdout)["seconds_per_step"] * steps / 3600
    return found, in_words(found)


def in_words(hours: float) -> str:
    """A time as people say it.

    >>> in_words(0.008), in_words(0.02), in_words(0.5), in_words(7.31), in_words(100)
    ('under a minute', '1 minute', '30 minutes', '7.3 hours', '4.2 days')
    """
    minutes = round(60 * hours)
    if minutes < 1:
        return "under a minute"
    if minutes < 90:
        return f"{minutes} minute{'s' * (minutes > 1)}"
    return f"{hours:.1f} hours" if hours < 48 else f"{hours / 24:.1f} days"
