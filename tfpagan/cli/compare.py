"""`bin/compare`."""

import os
from typing import Any

from tfpagan.cli.flags import Command, Option, path
from tfpagan.errors import UserError


def run(options: dict[str, Any], settings: dict[str, Any]) -> int:
    """Print the newest scores of several runs side by side."""
    folders = _folders(options["runs"])
    if len(folders) < 2:
        raise UserError("--runs needs two or more run folders, separated by commas")
    paths = [path(name).resolve() for name in folders]
    if again := [name for i, name in enumerate(folders) if paths[i] in paths[:i]]:
        raise UserError(f"--runs names {again[0]} twice")
    from tfpagan.evaluation.results import comparison, last_row

    how = "bin/evaluate writes it"
    rows = {name: last_row(path(name) / "scores.csv", options["protocol"], how_to_get_it=how) for name in folders}
    print(comparison(rows))
    return 0


def _folders(text: str) -> list[str]:
    """The folders of a list with commas between them; a name may have commas itself, as those of bin/sweep do."""
    pieces, found = text.split(","), []
    while pieces:
        count = next((n for n in range(len(pieces), 1, -1) if _is_folder(",".join(pieces[:n]))), 1)
        found.append(",".join(pieces[:count]).strip())
        pieces = pieces[count:]
    return [name for name in found if name]


def _is_folder(text: str) -> bool:
    """Whether there is a folder of that name; of several names joined, which may be too long for one, there is none."""
    return os.path.isdir(os.path.expanduser(text.strip()))


COMMAND = Command(
    program="compare",
    help="Scores of several runs side by side; numbers of different protocols are refused.",
    options=(
        Option("runs", "", "comma-separated run folders, each with a scores.csv"),
        Option("protocol", "", "the protocol whose newest scores are compared; default: the newest of all"),
    ),
    run=run,
    plugins=False,
)
