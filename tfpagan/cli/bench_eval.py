"""`bin/bench_eval`."""

import json
import statistics
from typing import Any

from tfpagan.cli.flags import Command, Option
from tfpagan.errors import UserError

WAYS = {
    "first": "first evaluation",
    "later": "later ones",
    "later_in_bfloat16": "later, in bfloat16",
    "tf_gans": "tf-gan's in turn",
}
HUNDREDS = "whole hundreds of images, at least 100"


def run(options: dict[str, Any], settings: dict[str, Any]) -> int:
    """Measure, and print rows or JSON."""
    for name in ("images", "few", "many"):
        if options[name] < 100 or options[name] % 100:
            raise UserError(f"--{name}={options[name]} is not legal: it must be {HUNDREDS}")
    if options["rounds"] < 1:
        raise UserError(f"--rounds={options['rounds']} is not legal: it must be at least 1")
    from tfpagan.evaluation import bench

    speed = bench.speed(options["images"], options["rounds"])
    memory = {count: bench.peak_mib(count) for count in (options["few"], options["many"])}
    seconds = bench.frechet_seconds()
    if options["json"]:
        facts = {"images": speed.images, "seconds": speed.seconds, "ratio": {way: speed.ratio(way) for way in speed.seconds}}
        print(json.dumps(facts | {"peak_mib": memory, "frechet_2048_seconds": seconds}, indent=2))
        return 0
    print(f"IS, FID and RID of {speed.images} samples, reference and test images and reconstructions each:")
    for way, times in speed.seconds.items():
        print(f"  {WAYS[way]:<20} {statistics.median(times):8.2f} s  {speed.ratio(way):8.2f} times as fast as tf-gan's")
    print("peak memory of a process that scores: " + ", ".join(f"{n} images {mib:.0f} MiB" for n, mib in memory.items()))
    print(f"Frechet distance of 2048 dimensions on one core: {seconds:.2f} s")
    return 0


COMMAND = Command(
    program="bench_eval",
    help="Speed of an evaluation compared with tf-gan's functions one after the other; memory; time of one FID.",
    options=(
        Option("images", 2000, "images of each kind, whole hundreds"),
        Option("rounds", 3, "how often each way is measured, in turn; the median is reported"),
        Option("few", 5000, "images of the first memory measurement"),
        Option("many", 20_000, "images of the second"),
        Option("json", False, "print as JSON"),
    ),
    run=run,
    plugins=False,
)
