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
    names,
    probe,
    process,
    reconstruct,
    reproduce,
    sample,
    serve,
    sweep,
    train,
    train_classifier,
)
from tfpagan.cli.flags import Command, execute
from tfpagan.errors import UserError
from tfpagan.settings.setting import closest
from tfpagan.version import __version__

SUMMARY = "auto-encoding GANs in TensorFlow 2"

COMPLETION = """tfpagan completion SHELL: what completes commands, flags and values, to be evaluated where the shell begins:
  bash   eval "$(tfpagan completion bash)"   in ~/.bashrc
  zsh    eval "$(tfpagan completion zsh)"    in ~/.zshrc
  fish   tfpagan completion fish | source    in ~/.config/fish/config.fish"""

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
    """`tfpagan COMMAND ...`; `python -m tfpagan.cli COMMAND ...`, which the executables in bin/ call, is the same."""
    process.prepare()
    command, *argv = sys.argv[1:] or [""]
    if command in COMMANDS:
        _leave(run(command, argv))
    if command in ("--version", "version"):
        print(f"tfpagan {__version__}")
    elif command in ("--help", "-h", "help", ""):
        print(_overview())
    elif command == "completion":
        print(_completion(*argv), end="")
    else:
        guess = f" (did you mean {near[0]}?)" if (near := closest(command, COMMANDS)) else ""
        sys.exit(
            f"tfpagan: unknown command {command!r}{guess}; known: {', '.join([*COMMANDS, 'completion'])}, each with --help"
        )


def _overview() -> str:
    lines = [f"  {name:<18}{command.help}" for name, command in COMMANDS.items()]
    more = ["  completion        For a shell: completion bash, zsh or fish.", "", "Each has --help. Further: --version"]
    return "\n".join([names.told(f"tfpagan {__version__}: {SUMMARY}"), "", *map(names.told, lines), *more])


def _completion(shell: str = "", *more: str) -> str:
    from tfpagan.cli import completion

    if shell in ("", "--help", "-h"):
        return f"{names.told(COMPLETION)}\n"
    try:
        return completion.script(" ".join([shell, *more]), COMMANDS)
    except UserError as e:
        sys.exit(f"tfpagan completion: error: {e}")


def _leave(code: int) -> NoReturn:
    """Exit; after a signal at once, because Python would first wait for threads, such as TFDS's that retry a download."""
    if code > SIGNALLED:
        with suppress(OSError):  # of a closed pipe
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)
    sys.exit(code)
