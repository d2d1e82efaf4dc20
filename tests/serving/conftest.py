"""An export of random weights, and servers of it."""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from helpers import exports, tiny
from helpers.serving import SHAPE, Start

from tfpagan.inference import restore
from tfpagan.serving.servable import Servable


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "tiny"
    tiny.write_run(folder, SHAPE)
    return exports.publish(restore.restored(folder), folder / "export")


@contextmanager
def starting(exported: Path) -> Iterator[Start]:
    """Starts servers, and kills them at the end."""
    processes: list[subprocess.Popen[str]] = []

    def started(*argv: str) -> tuple[subprocess.Popen[str], int]:
        command = [sys.executable, "-m", "tfpagan.cli", "serve", f"--model={exported.parents[1]}", "--port=0", *argv]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        processes.append(process)
        assert process.stderr is not None
        for line in process.stderr:
            if found := re.search(r"serving tiny, version 1, at http://127\.0\.0\.1:(\d+)", line):
                return process, int(found[1])
        raise AssertionError(f"it ended with {process.wait()}")

    yield started
    for process in processes:
        process.kill()
        process.communicate()


@pytest.fixture
def start(exported: Path) -> Iterator[Start]:
    """Starts a server of the export with flags of the test's own: its process and port."""
    with starting(exported) as started:
        yield started


@pytest.fixture(scope="session")
def port(exported: Path) -> Iterator[int]:
    """Of a server that serves many tests: they neither stop it nor change what it serves."""
    with starting(exported) as started:
        yield started()[1]


@pytest.fixture(scope="session")
def servable(exported: Path) -> Servable:
    return Servable(exported, max_rows=5)
