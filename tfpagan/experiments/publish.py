"""Trained models to give away: an export of every run of a table, each also as an archive, and a table of them."""

import gzip
import hashlib
import json
import tarfile
from collections.abc import Sequence
from pathlib import Path

from tfpagan.errors import UserError
from tfpagan.experiments.experiment import Outcome
from tfpagan.experiments.report import cell, legend_lines, line_of, protocol_lines
from tfpagan.experiments.runner import Runner
from tfpagan.serving import exports

COLUMNS = ("class kept", "RMSE", "IS", "FID")
"""Scores in the table of models, where a run has them."""


def publish(outcomes: Sequence[Outcome], runner: Runner, folder: Path) -> Path:
    """Write `NAME/1`, an export, and `NAME.tar.gz` of every scored run to a folder, and their table `MODELS.md`.

    A run whose newest export is of the scored step is not exported again.

    Raises:
      UserError: when a run cannot be exported.
      OSError: when the folder cannot be written.
    """
    rows = []
    for outcome in outcomes:
        if outcome.experiment.stand_in or not outcome.scores:
            continue
        name = outcome.experiment.name
        versions = folder / name
        if _step_of(versions) != int(outcome.scores["step"]) and (failure := runner.export(outcome.experiment, versions)):
            raise UserError(f"{name} cannot be published: {failure}")
        archive = _archived(exports.newest(versions), folder / f"{name}.tar.gz")
        content = archive.read_bytes()
        size, checksum = f"{len(content) / 2**20:.2f} MiB", hashlib.sha256(content).hexdigest()
        config = outcome.experiment.config
        facts = (name, config.objective.name, config.data.dataset, outcome.scores["step"])
        rows.append([*map(str, facts), *(cell(column, outcome) for column in COLUMNS), size, checksum])
    header = ["model", "system", "data set", "step", *COLUMNS, "archive", "SHA-256"]
    table = folder / "MODELS.md"
    lines = [*map(line_of, [header, ["---"] * len(header), *rows]), *protocol_lines(outcomes), *legend_lines(COLUMNS)]
    table.write_text("\n".join(lines) + "\n")
    return table


def _step_of(versions: Path) -> int | None:
    """The step of the newest version; None if there is none that says it."""
    try:
        return int(json.loads((exports.newest(versions) / exports.FACTS).read_text())["step"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _archived(version: Path, archive: Path) -> Path:
    """One version as `NAME/VERSION/...` in a .tar.gz, the same bytes for the same files."""
    name = version.parent.name
    with gzip.GzipFile(archive, "wb", mtime=0) as packed, tarfile.open(fileobj=packed, mode="w") as tar:
        for file in sorted(path for path in version.rglob("*") if path.is_file()):
            info = tar.gettarinfo(file, str(Path(name, version.name, file.relative_to(version))))
            info.uid = info.gid = info.mtime = 0
            info.uname = info.gname = ""
            info.mode = 0o644
            with file.open("rb") as f:
                tar.addfile(info, f)
    return archive
