"""Exports for the tests of what reads them."""

from contextlib import AbstractContextManager
from pathlib import Path
from unittest import mock

from tfpagan.inference import export, read_export
from tfpagan.inference.restore import Inference


def read_here() -> AbstractContextManager[object]:
    """Exports are read back in this process, not in a new one without tfpagan, which saves most of the time."""
    return mock.patch.object(export, "ask_elsewhere", lambda part, questions, scratch: read_export.answers(part, questions))


def publish(run: Inference, base: Path, name: str = "tiny") -> Path:
    """As `bin/export` does, read back in this process; that another one can is what the tests of exports are about."""
    with read_here():
        return export.publish(run, base, name=name)
