"""Flags of the commands that make many runs: where the runs go, and how many at a time."""

from typing import Any

from tfpagan.cli.flags import Option
from tfpagan.errors import UserError
from tfpagan.experiments import ray_tasks
from tfpagan.experiments.processes import SHARE, LocalProcesses, Processes

WHERE = (
    Option("jobs", 1, "concurrent runs on a machine, each on its share of the cores and GPUs"),
    Option("gpus_per_run", SHARE, f"GPUs of each run; {SHARE}: its share of the machine's"),
    Option(
        "cluster",
        "",
        "make the runs on a Ray cluster, in the place of this machine: ray (that of $RAY_ADDRESS, or of this machine), or "
        "ray://HOST:PORT",
    ),
)


def processes(options: dict[str, Any]) -> Processes:
    """What the flags select; those of this machine for --dry_run, which starts none.

    Raises:
      UserError: on illegal flags, and as `LocalProcesses` and `RayTasks` do.
    """
    if options["jobs"] < 1:
        raise UserError(f"--jobs={options['jobs']} is not legal: it must be at least 1")
    if options["gpus_per_run"] < SHARE:
        raise UserError(f"--gpus_per_run={options['gpus_per_run']} is not legal: it must be at least {SHARE}")
    if options["cluster"]:
        ray_tasks.parsed(options["cluster"])
    if options["dry_run"]:
        return LocalProcesses()
    if options["cluster"]:
        return ray_tasks.RayTasks(options["cluster"], options["jobs"], options["gpus_per_run"])
    return LocalProcesses(options["jobs"], options["gpus_per_run"])
