"""The executables: one `main(argv)` each, which returns the exit code, so that tests need no process.

Nothing here imports TensorFlow before a command really runs: `--help` must answer at once.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from tfpagan.cli import (
    benchmark,
    benchmark_eval,
    benchmark_serving,
    classifying,
    colouring,
    comparing,
    encoding,
    exporting,
    interpolating,
    probing,
    reconstructing,
    reproducing,
    sampling,
    scoring,
    serving,
    sweeping,
    training,
)
from tfpagan.cli.flags import execute

train = partial(execute, training.COMMAND)
train_classifier = partial(execute, classifying.COMMAND)
evaluate = partial(execute, scoring.COMMAND)
compare = partial(execute, comparing.COMMAND)
probe = partial(execute, probing.COMMAND)
reproduce = partial(execute, reproducing.COMMAND)
sweep = partial(execute, sweeping.COMMAND)
export = partial(execute, exporting.COMMAND)
serve = partial(execute, serving.COMMAND)
sample = partial(execute, sampling.COMMAND)
reconstruct = partial(execute, reconstructing.COMMAND)
interpolate = partial(execute, interpolating.COMMAND)
encode = partial(execute, encoding.COMMAND)
colourise = partial(execute, colouring.COMMAND)
bench = partial(execute, benchmark.COMMAND)
bench_eval = partial(execute, benchmark_eval.COMMAND)
bench_serve = partial(execute, benchmark_serving.COMMAND)

COMMANDS: Mapping[str, Callable[[Sequence[str]], int]] = {
    command.args[0].program: command
    for command in (
        *(train, train_classifier, evaluate, compare, probe, reproduce, sweep),
        *(export, serve, sample, reconstruct, interpolate, encode, colourise),
        *(bench, bench_eval, bench_serve),
    )
}


def main() -> None:
    """`python -m tfpagan.cli COMMAND ...`, which the executables in bin/ call."""
    command, *argv = sys.argv[1:] or [""]
    if command not in COMMANDS:
        sys.exit(f"tfpagan: unknown command {command!r}; known: {', '.join(COMMANDS)}, each with --help")
    sys.exit(COMMANDS[command](argv))


def train_main() -> None:
    """The installed command `tfpagan-train`."""
    sys.exit(train(sys.argv[1:]))
