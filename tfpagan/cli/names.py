"""What the commands are called: `bin/train` in a checkout, `tfpagan train` where the package is installed."""

import re
import sys
from pathlib import Path

INSTALLED = "tfpagan"
BIN = Path(__file__).parents[2] / "bin"
_IN_A_CHECKOUT = re.compile(r"(?<![\w./-])bin/([a-z_]+)")


def is_installed() -> bool:
    """Whether there is no bin/, or this process runs the installed command."""
    return Path(sys.argv[0]).name == INSTALLED or not (BIN / "train").exists()


def called(command: str) -> str:
    """A command as the user calls it."""
    return f"{INSTALLED} {command}" if is_installed() else f"bin/{command}"


def prefix(command: str) -> str:
    """What a command's errors begin with."""
    return f"{INSTALLED} {command}" if is_installed() else command


def told(text: str) -> str:
    """A text that names commands as in a checkout, with the names that the user calls them by.

    >>> import sys; from unittest import mock
    >>> with mock.patch.object(sys, "argv", ["/usr/bin/tfpagan"]):
    ...     told("made by bin/export in /usr/bin/export; see bin/other")
    'made by tfpagan export in /usr/bin/export; see bin/other'
    """
    from tfpagan.cli import COMMANDS

    return _IN_A_CHECKOUT.sub(lambda match: called(match[1]) if match[1] in COMMANDS else match[0], text)
