"""The executables: one `main(argv)` each, which returns the exit code, so that tests need no process.

Nothing here imports TensorFlow before a command really runs: `--help` must answer at once.
"""

import sys
from collections.abc import Callable, Mapping, Sequence

from tfpagan.cli import benchmark, benchmark_eval, classifying, comparing, scoring, training
from tfpagan.cli.flags import execute

__all__ = ["COMMANDS", "bench", "bench_eval", "compare", "evaluate", "main", "train", "train_classifier"]


def train(argv: Sequence[str]) -> int:
    """`bin/train`."""
    return execute(training.COMMAND, argv)


def bench(argv: Sequence[str]) -> int:
    """`bin/bench`."""
    return execute(benchmark.COMMAND, argv)


def bench_eval(argv: Sequence[str]) -> int:
    """`bin/bench_eval`."""
    return execute(benchmark_eval.COMMAND, argv)


def train_classifier(argv: Sequence[str]) -> int:
    """`bin/train_classifier`."""
    return execute(classifying.COMMAND, argv)


def evaluate(argv: Sequence[str]) -> int:
    """`bin/evaluate`."""
    return execute(scoring.COMMAND, argv)


def compare(argv: Sequence[str]) -> int:
    """`bin/compare`."""
    return execute(comparing.COMMAND, argv)


COMMANDS: Mapping[str, Callable[[Sequence[str]], int]] = {
    "train": train,
    "train_classifier": train_classifier,
    "evaluate": evaluate,
    "compare": compare,
    "bench": bench,
    "bench_eval": bench_eval,
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
