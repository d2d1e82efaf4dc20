"""`bin/bench`."""

import dataclasses
import json
from typing import Any

from tfpagan.cli.flags import Command, Option
from tfpagan.errors import UserError


def run(options: dict[str, Any], settings: dict[str, Any]) -> int:
    """Measure, and print a table or JSON."""
    channels, batch_sizes = (_integers(name, options[name]) for name in ("channels", "batch_sizes"))
    if len(channels) != len(batch_sizes):
        raise UserError(f"--channels has {len(channels)} numbers and --batch_sizes {len(batch_sizes)}; they go in pairs")
    for name, least in (("rounds", 1), ("memory_steps", 0)):
        if options[name] < least:
            raise UserError(f"--{name}={options[name]} is not legal: it must be at least {least}")
    for name, numbers in (("channels", channels), ("batch_sizes", batch_sizes)):
        if min(numbers) < 8 or any(n % 8 for n in numbers):
            raise UserError(f"--{name}={options[name]} is not legal: every number must be a multiple of 8")
    from tfpagan.training import bench

    speeds = [bench.speed(c, n, options["rounds"]) for c, n in zip(channels, batch_sizes, strict=True)]
    results: dict[str, Any] = {"speeds": [dataclasses.asdict(s) for s in speeds]}
    lines = [bench.table(speeds)]
    if steps := options["memory_steps"]:
        before, after = bench.memory_mib(channels[0], batch_sizes[0], steps)
        results["memory_mib"] = {"steps": steps, "before": before, "after": after}
        lines.append(f"resident memory before and after {steps} fused steps: {before:.1f} and {after:.1f} MiB")
    print(json.dumps(results, indent=2) if options["json"] else "\n".join(lines))
    return 0


def _integers(name: str, text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise UserError(f"--{name}={text} is not legal: it must be whole numbers separated by commas") from None


COMMAND = Command(
    program="bench",
    help="Images per second of the ways to compute gradients, in one process.",
    options=(
        Option("channels", "128,512", "comma-separated channels to measure at"),
        Option("batch_sizes", "64,32", "images per step, one number for each of --channels"),
        Option("rounds", 7, "how often each way is measured, in turn; the median is reported"),
        Option("memory_steps", 500, "steps over which memory growth is measured; 0: none"),
        Option("json", False, "print as JSON"),
    ),
    run=run,
    plugins=False,
)
