"""Runs of an experiment: found, resumed, or started; then scored. Each is a separate process."""

import concurrent.futures
import dataclasses
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from absl import logging

from tfpagan import config as configs
from tfpagan.config import Config, plugins
from tfpagan.errors import UserError, why
from tfpagan.evaluation import protocols
from tfpagan.experiments import commands
from tfpagan.experiments.experiment import (
    Experiment,
    Outcome,
    Scoring,
    critic_beside,
    images_per_second,
    row_of,
    steps_done,
)
from tfpagan.experiments.halving import Halving
from tfpagan.experiments.processes import LocalProcesses, Processes
from tfpagan.run_folder import cpu_time, probed
from tfpagan.run_folder import folder as run_folder

LOG_FILE = "experiment.log"
LONGEST = 200  # characters of a failure


class Runner:
    """Trains and scores experiments in a folder.

    Args:
      folder: of the runs.
      processes: where the commands run; default: one at a time, on this machine.
      places: flags with the folders of data.
      halving: stops hopeless runs early; None: nothing does.
    """

    def __init__(
        self,
        folder: Path,
        processes: Processes | None = None,
        *,
        places: Sequence[str] = (),
        halving: Halving | None = None,
    ):
        self._folder, self._places, self._halving = folder, list(places), halving
        self._processes = processes or LocalProcesses()
        self._stopped_by = 0  # signal number

    def check(self, experiments: Sequence[Experiment]) -> None:
        """Refuse, before anything runs, folders with runs of other settings.

        Raises:
          UserError: with the difference.
        """
        for experiment in experiments:
            stored = run_folder.stored_config(self._folder / experiment.name)
            if stored is None:
                continue
            folder, until = self._folder / experiment.name, experiment.config.training.train_steps
            if changed := configs.difference(stored, _as_begun(experiment, stored)):
                raise UserError(f"{folder} is a run of other settings ({'; '.join(changed)}); name another --runs folder")
            if (done := steps_done(folder)) > until:
                raise UserError(f"{folder} is a run of {done} steps, and {until} were requested; name another --runs folder")

    def _require_images(self, experiments: Sequence[Experiment], scoring: Scoring) -> None:
        """Refuse a protocol of more test images than a data set has, where their number is known before it is prepared."""
        from tfpagan import data

        places: dict[str, Any] = dict(flag.removeprefix("--").split("=", 1) for flag in self._places)
        wanted = protocols.get(scoring.protocol).reconstructions
        for config in {dataclasses.replace(experiment.config.data, **places) for experiment in experiments}:
            described = data.describe(config)
            count = described.splits["test"]
            if count is not None and count < wanted:
                asked = f"--protocol={scoring.protocol} reconstructs {wanted}"
                raise UserError(f"--dataset={config.dataset} has {count} test images, but {asked}")
            if not described.downloads.startswith("nothing"):
                downloads = described.downloads
                logging.info("%s is not here: %s; %s of its runs says how far it is", config.dataset, downloads, LOG_FILE)

    def outcomes(self, experiments: Sequence[Experiment], scoring: Scoring) -> list[Outcome]:
        """Train every experiment to its last step and score it; outcomes in the same order.

        A failure is an outcome. SIGTERM and Ctrl-C stop the active runs, which save a checkpoint.

        Raises:
          SystemExit: with 143 after SIGTERM.
          KeyboardInterrupt: after Ctrl-C.
        """
        self.check(experiments)
        self._require_images(experiments, scoring)
        checksum = scoring.checksum()
        with kept_in(self._folder), tempfile.TemporaryFile(dir=self._folder):
            pass

        def one(experiment: Experiment) -> Outcome:
            try:
                return self._outcome(experiment, scoring, checksum)
            except OSError as e:
                return Outcome(experiment, {}, f"{self._folder / experiment.name} cannot be used: {e.strerror or e}")

        at_a_time = min(self._processes.jobs, len(experiments)) or 1
        with self._stopping(), concurrent.futures.ThreadPoolExecutor(at_a_time) as pool:
            found = list(pool.map(one, experiments))
        if self._stopped_by == signal.SIGTERM:
            sys.exit(128 + signal.SIGTERM)
        if self._stopped_by:
            raise KeyboardInterrupt
        return found

    def _outcome(self, experiment: Experiment, scoring: Scoring, checksum: str) -> Outcome:
        folder = self._folder / experiment.name
        if self._stopped_by:
            return Outcome(experiment, {}, "stopped")
        failure = "" if experiment.stand_in else self._trained(experiment, folder, scoring)
        if not failure and self._halving and (stopped := self._halving.stopped(folder)):
            return Outcome(experiment, {}, "", cpu_time.minutes(folder), images_per_second(folder), stopped=stopped)
        row = row_of(folder, experiment, scoring, checksum)
        if not failure and not row:
            why = self._scored(experiment, folder, scoring)
            row = row_of(folder, experiment, scoring, checksum)  # exists even if a metric is missing
            failure = "" if row else why or "it could not be scored"
        scores = {} if failure else row or {}
        if scores and commands.is_probed(experiment, scoring):
            failure = self._probed(experiment, folder, int(scores["step"]))
        rate = probed.error_rate(folder, int(scores["step"])) if scoring.probed and scores.get("step") else None
        beside = critic_beside(folder, experiment.config.training.train_steps)
        return Outcome(experiment, scores, failure, cpu_time.minutes(folder), images_per_second(folder), beside, rate)

    def _trained(self, experiment: Experiment, folder: Path, scoring: Scoring) -> str:
        """Train to the last step, or until the run is hopeless; returns the failure, or ""."""
        until, halving = experiment.config.training.train_steps, self._halving
        if steps_done(folder) >= until:
            if halving:
                halving.compared(folder)
            return ""
        if halving and halving.hopeless(folder):
            return ""
        logging.info("%s: step %d to %d", folder, steps_done(folder), until)
        flags = [*commands.train(experiment, folder, scoring), *self._places]
        failure = self._process("train", flags, folder, lambda: bool(halving and halving.hopeless(folder)))
        return "" if halving and halving.stopped(folder) else failure

    def _scored(self, experiment: Experiment, folder: Path, scoring: Scoring) -> str:
        logging.info("%s: scoring", folder)
        return self._process("evaluate", [*commands.evaluate(experiment, folder, scoring), *self._places], folder)

    def _probed(self, experiment: Experiment, folder: Path, step: int) -> str:
        """Test the encoder of the scored checkpoint, unless it was tested before; returns the failure, or ""."""
        if probed.error_rate(folder, step):
            return ""
        logging.info("%s: testing its encoder", folder)
        return self._process("probe", [*commands.probe(experiment, folder), *self._places], folder)

    def export(self, experiment: Experiment, folder: Path) -> str:
        """Export the scored checkpoint of a run as the next version in a folder; returns the failure, or ""."""
        run = self._folder / experiment.name
        flags = [f"--model_dir={run}", f"--output={folder}", f"--name={experiment.name}"]
        return self._process("export", [*flags, *(["--best"] if experiment.best else [])], run)

    def _process(self, command: str, flags: Sequence[str], folder: Path, enough: Callable[[], bool] = lambda: False) -> str:
        """Run a command to its end, or until there is enough; returns the failure, or ""."""
        if self._stopped_by:
            return "stopped"
        folder.mkdir(parents=True, exist_ok=True)
        log = folder / LOG_FILE
        log.touch()
        start = log.stat().st_size
        given = [command, *flags, *plugins.flags()]
        ended = self._processes.run(given, log, lambda: bool(self._stopped_by) or enough())
        with log.open("rb") as f:
            f.seek(start)
            said = f.read().decode(errors="replace")
        errors = [line for line in said.splitlines() if "error:" in line] or said.splitlines()[-1:] or ["it said nothing"]
        failure = ended.why or ("" if ended.status == 0 else errors[-1].partition("error: ")[2] or errors[-1])
        if len(failure) > LONGEST:
            failure = f"{failure[:LONGEST]} ... ({log} has the rest)"
        return failure

    @contextmanager
    def _stopping(self) -> Iterator[None]:
        """After SIGTERM or Ctrl-C the active processes are stopped, which save a checkpoint."""

        def stop(number: int, frame: Any) -> None:
            self._stopped_by = number

        if threading.current_thread() is not threading.main_thread():  # signals are the main thread's
            yield
            return
        before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


@contextmanager
def kept_in(folder: Path, flag: str = "runs") -> Iterator[None]:
    """Report a failure to write to a folder, the value of a flag, within the block.

    Raises:
      UserError: when it cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as e:
        raise UserError(f"--{flag}={folder} cannot be written to: {e.strerror or why(e)}") from None


def _as_begun(experiment: Experiment, stored: Config) -> Config:
    """Its configuration with `auto`, 0, relative paths and a number of held-out images resolved as when the run began."""
    config = experiment.config
    data, known = config.data, stored.data
    kind, _, folder = data.dataset.partition(":")
    is_path = kind in ("folder", "npz")
    dataset = f"{kind}:{os.path.abspath(os.path.expanduser(folder))}" if is_path else data.dataset
    size, crop = data.image_size or known.image_size, known.crop if data.crop == "auto" else data.crop
    if (experiment.best or config.training.best_metric) and "validation_images" not in experiment.settings:
        config = config.with_changes({"validation_images": stored.training.validation_images})
    return dataclasses.replace(config, data=dataclasses.replace(data, dataset=dataset, image_size=size, crop=crop))
