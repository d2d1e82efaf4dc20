"""The commands: `run("train", argv)` returns the exit code, so that tests need no process.

Nothing here imports TensorFlow before a command runs: `--help` must answer at once.
"""

import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import NoReturn

from tfpagan.cli import (
    bench,
    bench_eval,
    bench_serve,
    colourise,
    compare,
    encode,
    evaluate,
    export,
    interpolate,
    probe,
    reconstruct,
    reproduce,
    sample,
    serve,
    sweep,
    train,
    train_classifier,
)
from tfpagan.cli.flags import Command, execute

SIGNALLED = 128
"""Exit codes above it name the signal that ended the command."""

COMMANDS: Mapping[str, Command] = {
    "train": train.COMMAND,
    "train_classifier": train_classifier.COMMAND,
    "evaluate": evaluate.COMMAND,
    "compare": compare.COMMAND,
    "probe": probe.COMMAND,
    "reproduce": reproduce.COMMAND,
    "sweep": sweep.COMMAND,
    "export": export.COMMAND,
    "serve": serve.COMMAND,
    "sample": sample.COMMAND,
    "reconstruct": reconstruct.COMMAND,
    "interpolate": interpolate.COMMAND,
    "encode": encode.COMMAND,
    "colourise": colourise.COMMAND,
    "bench": bench.COMMAND,
    "bench_eval": bench_eval.COMMAND,
    "bench_serve": bench_serve.COMMAND,
}


def run(command: str, argv: Sequence[str]) -> int:
    """Run a command with its flags; returns the exit code."""
    return execute(COMMANDS[command], argv)


def main() -> None:
    """`python -m tfpagan.cli COMMAND ...`, which the executables in bin/ call."""
    command, *argv = sys.argv[1:] or [""]
    if command not in COMMANDS:
        sys.exit(f"tfpagan: unknown command {command!r}; known: {', '.join(COMMANDS)}, each with --help")
    _leave(run(command, argv))


def train_main() -> None:
    """The installed command `tfpagan-train`."""
    _leave(run("train", sys.argv[1:]))


def _leave(code: int) -> NoReturn:
    """Exit; after a signal at once, because Python would first wait for threads, such as TFDS's that retry a download."""
    if code > SIGNALLED:
        with suppress(OSError):  # of a closed pipe
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)
    sys.exit(code)
