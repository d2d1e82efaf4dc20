"""An export of random weights, and servers of it."""

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from helpers import tiny
from helpers.serving import SHAPE

from tfpagan.inference import export, restore


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "tiny"
    tiny.write_run(folder, SHAPE)
    return export.publish(restore.restored(folder), folder / "export", name="tiny")


@pytest.fixture
def start(exported: Path) -> Iterator[Callable[..., tuple[subprocess.Popen[str], int]]]:
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
