"""Exports for the tests of what reads them."""

from pathlib import Path
from unittest import mock

from tfpagan.inference import export, read_export
from tfpagan.inference.restore import Inference


def publish(run: Inference, base: Path, name: str = "tiny") -> Path:
    """As `bin/export` does, except that the export is read back in this process, which saves most of the time.

    That a new process without tfpagan can read it is what the tests of exports are about.
    """
    with mock.patch.object(export, "_ask_elsewhere", lambda part, questions, scratch: read_export.answers(part, questions)):
        return export.publish(run, base, name=name)
