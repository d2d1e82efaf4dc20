"""Commands of the program as processes of this machine, each on its share of the cores and GPUs."""

import dataclasses
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from typing import IO, Protocol

from absl import logging

from tfpagan.errors import UserError

POLL = 0.2
"""Seconds between two looks at a process."""
SHARE = -1
"""GPUs of a run: an equal share of the machine's."""


@dataclasses.dataclass(frozen=True)
class Ended:
    """How a command ended.

    Attributes:
      status: its exit code; minus the number of the signal that ended it.
      why: the reason, where it could not be run; else "".
    """

    status: int
    why: str = ""


class Processes(Protocol):
    """Runs commands; `jobs` calls at a time are of use."""

    jobs: int

    def run(self, command: Sequence[str], log: Path, stop: Callable[[], bool]) -> Ended:
        """Run a command to its end.

        Args:
          command: its name and flags.
          log: a file, to which its output is added.
          stop: asked again and again; once it is true, the command gets SIGTERM, as a training that is to save a checkpoint.
        """


@dataclasses.dataclass(frozen=True)
class _Share:
    """Cores and GPUs of a job; None: all."""

    cores: set[int] | None
    gpus: tuple[str, ...] | None


class LocalProcesses:
    """Processes of this machine.

    Args:
      jobs: number of concurrent ones; each gets its share of the cores and GPUs.
      gpus_per_run: GPUs of each; SHARE: its share of the machine's. Jobs share GPUs where there are more jobs.

    Raises:
      UserError: when there are not so many GPUs.
    """

    def __init__(self, jobs: int = 1, gpus_per_run: int = SHARE):
        self.jobs = jobs
        self._free: SimpleQueue[_Share] = SimpleQueue()
        for cores, gpus in zip(_cores(jobs), _gpus(jobs, gpus_per_run), strict=True):
            self._free.put(_Share(cores, gpus))

    def run(self, command: Sequence[str], log: Path, stop: Callable[[], bool]) -> Ended:
        """Run a command to its end, on a free share."""
        with self._share() as share, log.open("ab") as output:
            visible = {} if share.gpus is None else {"CUDA_VISIBLE_DEVICES": ",".join(share.gpus) or "-1"}
            process = start(command, output, dying_by=signal.SIGTERM, environment=os.environ | visible)
            if share.cores is not None:
                os.sched_setaffinity(process.pid, share.cores)
            return wait(process, stop)

    @contextmanager
    def _share(self) -> Iterator[_Share]:
        share = self._free.get()
        try:
            yield share
        finally:
            self._free.put(share)


def start(
    command: Sequence[str],
    output: IO[bytes],
    *,
    dying_by: signal.Signals,
    environment: Mapping[str, str],
    folder: str | None = None,
) -> "subprocess.Popen[bytes]":
    """Start a command in a session of its own, so that Ctrl-C in the terminal does not reach it.

    Args:
      command: its name and flags.
      output: where it prints.
      dying_by: the signal that it gets if this process ends first.
      environment: its variables.
      folder: its working directory; None: that of this process.
    """
    child = [sys.executable, "-m", "tfpagan.cli.child", str(os.getpid()), str(int(dying_by)), *command]
    return subprocess.Popen(child, stdout=output, stderr=output, start_new_session=True, env=environment, cwd=folder)


def wait(process: "subprocess.Popen[bytes]", stop: Callable[[], bool]) -> Ended:
    """Wait for the end of a process, which gets SIGTERM once it is to stop."""
    stopped = False
    while True:
        if (status := process.poll()) is not None:
            return Ended(status)
        if not stopped and stop():
            stopped = True
            process.send_signal(signal.SIGTERM)
        time.sleep(POLL)


def _cores(jobs: int) -> list[set[int] | None]:
    """The cores of each job; None, for all, with one job or where affinity is unavailable."""
    if jobs == 1 or not hasattr(os, "sched_getaffinity"):
        return [None] * jobs
    cores = sorted(os.sched_getaffinity(0))
    return [set(cores[i::jobs]) or set(cores) for i in range(jobs)]


def _gpus(jobs: int, each: int) -> list[tuple[str, ...] | None]:
    """The GPUs of each job; None, for all, with one job or without GPUs, unless their number is given."""
    here = _visible_gpus()
    if each == SHARE:
        if jobs == 1 or not here:
            return [None] * jobs
        if jobs > len(here):
            logging.warning("--jobs=%d are more than the %d GPUs here: jobs share them", jobs, len(here))
        each = max(1, len(here) // jobs)
        return [tuple(here[(i * each + k) % len(here)] for k in range(each)) for i in range(jobs)]
    if each * jobs > len(here):
        raise UserError(f"--gpus_per_run={each} with --jobs={jobs} needs {each * jobs} GPUs, and this machine has {len(here)}")
    return [tuple(here[i * each : (i + 1) * each]) for i in range(jobs)]


def _visible_gpus() -> list[str]:
    """The GPUs that CUDA would use, as CUDA_VISIBLE_DEVICES lists them; asking TensorFlow would take memory on each."""
    given = os.environ.get("CUDA_VISIBLE_DEVICES")
    if given is not None:
        names = [name.strip() for name in given.split(",")]
        return names[: names.index("-1")] if "-1" in names else list(filter(None, names))
    if not (program := shutil.which("nvidia-smi")):
        return []
    asked = [program, "--query-gpu=index", "--format=csv,noheader"]
    said = subprocess.run(asked, capture_output=True, text=True, check=False, timeout=60)
    return said.stdout.split() if said.returncode == 0 else []
