"""Commands of the program as tasks of a Ray cluster (https://docs.ray.io), whose machines share a file system."""

import logging
import os
import platform
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tfpagan import stderr
from tfpagan.errors import UserError, one_line
from tfpagan.experiments import processes
from tfpagan.experiments.processes import POLL, SHARE, Ended
from tfpagan.version import __version__

ADDRESS = re.compile(r"ray(://(?P<host>[\w.-]+|\[[\da-fA-F:]+\]):(?P<port>\d{1,5}))?")
ANSWERS = 10.0
"""Seconds in which a cluster must accept a connection."""
HEALTHY = 30.0
"""Seconds in which it must say that it is one."""
TOKEN = "~/.ray/auth_token"
TOKEN_HINT = "a cluster that asks for tokens needs RAY_AUTH_MODE=token and its token"
CURRENT = Path(os.environ.get("RAY_TMPDIR", "/tmp")) / "ray" / "ray_current_cluster"
"""The address of the newest cluster on this machine."""
RESTARTS = 20
"""Of a command whose machine or worker is lost: it goes on from its checkpoint."""
PASSED_ON = re.compile("TF|XLA_|XDG_CACHE_HOME$|PYTHONPATH$|CUDA_(?!VISIBLE)|HTTPS?_PROXY$|NO_PROXY$", re.IGNORECASE)
"""Environment variables of this process that commands on other machines get."""
CANCEL_AGAIN = 5.0
"""Seconds after which a command that is to stop, and runs on, is told again."""
AT_A_TIME = 1000  # commands that wait for resources; each is a thread here


class RayTasks:
    """Tasks of a Ray cluster: a command whose worker dies is started again, on another machine if need be.

    Args:
      address: "ray", the cluster of RAY_ADDRESS or of this machine, else a new one of this machine alone; or ray://HOST:PORT.
      per_machine: number of concurrent commands on a machine; each gets its share of the cores and GPUs of the smallest.
      gpus_per_run: GPUs of each; SHARE: its share.

    Raises:
      UserError: when Ray is not installed, the cluster does not answer, or it has no such machine.
    """

    def __init__(self, address: str, per_machine: int = 1, gpus_per_run: int = SHARE):
        self._ray = _connected(address)
        machines = [node["Resources"] for node in self._ray.nodes() if node["Alive"]]
        self.cores, self.gpus = _resources(machines, per_machine, gpus_per_run)
        self.jobs = AT_A_TIME

    def run(self, command: Sequence[str], log: Path, stop: Callable[[], bool]) -> Ended:
        """Run a command to its end, where there is room."""
        ray = self._ray
        task = ray.remote(_on_a_machine).options(num_cpus=self.cores, num_gpus=self.gpus, max_retries=RESTARTS)
        environment = {name: value for name, value in os.environ.items() if PASSED_ON.match(name)}
        threads = {"TF_NUM_INTRAOP_THREADS": str(max(1, int(self.cores)))}
        of_here = {"version": __version__, "folder": os.getcwd(), "environment": threads | environment}
        stopping, cancelled = False, 0.0
        try:
            result = task.remote(list(command), str(log.absolute()), **of_here)
            while not ray.wait([result], timeout=POLL)[0]:
                stopping = stopping or stop()
                if stopping and time.monotonic() > cancelled + CANCEL_AGAIN:  # the exception that it raises there can get lost
                    cancelled = time.monotonic()
                    ray.cancel(result)
            return Ended(*ray.get(result))
        except ray.exceptions.TaskCancelledError:  # before it began
            return Ended(-signal.SIGTERM)
        except ray.exceptions.RayError as e:
            return Ended(1, why=f"the Ray cluster could not run it: {one_line(e)}")


def _on_a_machine(
    command: Sequence[str], log: str, *, version: str, folder: str, environment: Mapping[str, str]
) -> tuple[int, str]:
    """The task: runs a command on the machine that executes it; the fields of `Ended`."""
    here = socket.gethostname()
    if __version__ != version:
        return 1, f"{here} has tfpagan {__version__}, and the machine of the command {version}"
    for needed in (Path(log).parent, Path(folder)):
        if not needed.is_dir():
            return 1, f"{here} does not see {needed}: it must be on a file system that all machines of the cluster share"
    with open(log, "ab") as output:
        variables = os.environ | environment
        # By SIGKILL: a worker that takes its place must find the folder of the run free.
        with _cancelling() as cancelled:
            process = processes.start(command, output, dying_by=signal.SIGKILL, environment=variables, folder=folder)
            ended = processes.wait(process, stop=cancelled.is_set)
    return ended.status, ended.why


@contextmanager
def _cancelling() -> Iterator[threading.Event]:
    """An event that `ray.cancel` sets, as often as it is called: it interrupts the main thread of the worker like Ctrl-C.

    A handler of our own: a cluster that was started in the background of a shell or by nohup inherits that Ctrl-C is ignored.
    """
    event = threading.Event()
    before = signal.signal(signal.SIGINT, lambda number, frame: event.set())
    try:
        yield event
    finally:
        signal.signal(signal.SIGINT, before)


def parsed(address: str) -> tuple[str, int]:
    """Host and port of an address; "" and 0 if it has none.

    Raises:
      UserError: when it is not legal.
    """
    found = ADDRESS.fullmatch(address)
    if not found or int(found["port"] or 1) >= 2**16:
        raise UserError(f"--cluster={address} is not legal: it must be ray or ray://HOST:PORT")
    return (found["host"] or "").strip("[]"), int(found["port"] or 0)


def _connected(address: str) -> Any:
    """Ray, connected to a cluster.

    Raises:
      UserError: when that fails.
    """
    host, port = parsed(address)
    if "ray" not in sys.modules and ("RAY_AUTH_TOKEN" in os.environ or os.path.exists(os.path.expanduser(TOKEN))):
        os.environ.setdefault("RAY_AUTH_MODE", "token")  # which Ray sets for the clusters that it starts, and reads only now
    try:
        import ray
    except ImportError as e:
        raise UserError(f"--cluster={address} needs Ray ({one_line(e)}): pip install 'tfpagan[ray]'") from None
    if host:
        _require_answer(address, host, port)
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    logging.getLogger("ray").setLevel(logging.ERROR)
    where, on_sigterm = address if host else _running(), signal.getsignal(signal.SIGTERM)
    try:
        with stderr.filtered(lambda line: False):  # Ray's C++ says again and again what the exception says once
            ray.init(where, log_to_driver=False, logging_level=logging.ERROR, ignore_reinit_error=True)
    except (ConnectionError, RuntimeError, ValueError, OSError) as e:
        asked = f"--cluster={address}" if host or where == "local" else f"--cluster={address}, that is {where},"
        if where == "auto" and isinstance(e, ConnectionError):  # Ray's words are of flags of its own
            raise UserError(f"{asked} cannot be used: no Ray cluster runs on this machine") from None
        hint = "" if isinstance(e, ValueError) else f"; {TOKEN_HINT}"
        of_here = f"here Ray {ray.__version__}, Python {platform.python_version()}, as the cluster must have"
        reason = re.sub(r"Traceback \(.*?(?=\w+Error: )", "", one_line(e))  # of the server
        raise UserError(f"{asked} cannot be used: {reason} ({of_here}{hint})") from None
    finally:
        signal.signal(signal.SIGTERM, on_sigterm)  # Ray's exits with another code
    return ray


def _running() -> str:
    """The address of RAY_ADDRESS, else of the cluster that runs on this machine, else "local", a new one.

    Ray looks for them itself, but tries for minutes to reach one that is gone.

    Raises:
      UserError: when there is no cluster at RAY_ADDRESS.
    """
    given = os.environ.get("RAY_ADDRESS", "")
    if given in ("local", "auto"):
        return given
    address = given or (CURRENT.read_text().strip() if CURRENT.exists() else "")
    if not (found := re.fullmatch(r"(ray://)?(.+):(\d+)", address)):
        return given or "local"
    try:
        _require_answer(address, found[2].strip("[]"), int(found[3]))
        if not found[1]:
            _require_healthy(address)
    except UserError:
        if given:
            raise
        return "local"
    return address


def _require_healthy(address: str) -> None:
    asked = [sys.executable, "-m", "ray.scripts.scripts", "health-check", f"--address={address}"]
    try:
        subprocess.run(asked, capture_output=True, timeout=HEALTHY, check=True, text=True)
    except subprocess.CalledProcessError as e:
        reason = one_line(e.stderr.strip().rpartition("\n")[2])
    except subprocess.TimeoutExpired:
        reason = f"no answer within {HEALTHY:g} s"
    else:
        return
    raise UserError(f"what answers at {address} is no Ray cluster that can be used: {reason} ({TOKEN_HINT})")


def _require_answer(address: str, host: str, port: int) -> None:
    try:
        with socket.create_connection((host, port), timeout=ANSWERS):
            pass
    except (OSError, OverflowError, UnicodeError) as e:
        raise UserError(f"the Ray cluster at {address} does not answer: {one_line(e)}") from None


def _resources(machines: Sequence[Mapping[str, float]], per_machine: int, gpus_per_run: int) -> tuple[float, float]:
    """Cores and GPUs of a command, so that the smallest machine with what it needs has room for so many.

    >>> _resources([{"CPU": 16, "GPU": 4}, {"CPU": 8}], per_machine=2, gpus_per_run=SHARE)
    (8, 2)
    >>> _resources([{"CPU": 16, "GPU": 1}], per_machine=2, gpus_per_run=SHARE)
    (8, 0.5)
    """
    most = max((int(machine.get("GPU", 0)) for machine in machines), default=0)
    if gpus_per_run > most:
        raise UserError(f"--gpus_per_run={gpus_per_run}, and no machine of the cluster has more than {most} GPUs")
    needed = max(gpus_per_run, 0) if gpus_per_run != SHARE else min(most, 1)
    able = [machine for machine in machines if machine.get("GPU", 0) >= needed and machine.get("CPU", 0) >= 1]
    if not able:
        what = "cores" + (f" and {needed} GPUs" if needed else "")
        raise UserError(f"no machine of the cluster has {what} (one must be there, also where an autoscaler adds others)")
    cores = max(1, min(int(machine["CPU"]) for machine in able) // per_machine)
    if gpus_per_run != SHARE or not needed:
        return cores, needed
    fewest = min(int(machine["GPU"]) for machine in able)
    return cores, fewest // per_machine if fewest >= per_machine else 1 / per_machine
