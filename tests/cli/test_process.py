"""The process of a command, whatever its streams, its locale and its disk are."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import tensorflow as tf

from tfpagan.cli import process

COMPARE = "-m tfpagan.cli compare --runs"


def shell(line: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    variables = os.environ | {"PYTHON": sys.executable} | environment
    return subprocess.run(["sh", "-c", line], cwd=folder, env=variables, capture_output=True, text=True)


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Two folders with scores, one of them with a letter that is not of ASCII."""
    for name in ("a", "é"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "scores.csv").write_text('model,step,rmse,protocol\na,1,2.0,"{""name"": ""custom""}"\n')
    return tmp_path


def test_closed_streams_lead_nowhere_and_no_file_gets_their_numbers(runs: Path) -> None:
    script = (
        "import os, sys\nfrom tfpagan.cli import process\nprocess.prepare()\nprint('said')\nprint('told', file=sys.stderr)\n"
    )
    script += "assert os.open('file', os.O_CREAT | os.O_WRONLY) > 2"
    (runs / "script.py").write_text(script)
    for closed in ("2>&-", ">&- 2>&-", "<&- >&- 2>&-"):
        done = shell(f'"$PYTHON" script.py {closed}', runs)
        assert (done.returncode, done.stdout) == (0, "said\n" if closed == "2>&-" else ""), closed


def test_output_that_nobody_reads_or_that_has_no_room_is_no_traceback(runs: Path) -> None:
    full = shell(f'"$PYTHON" {COMPARE}=a,é > /dev/full', runs)
    assert (full.returncode, full.stderr.count("\n")) == (1, 1)
    assert "compare: error: a file, or the output, cannot be written: [Errno 28] No space left on device" in full.stderr
    unread = shell(f'{{ "$PYTHON" {COMPARE}=a,é; echo $? >&2; }} | true', runs)
    assert unread.stderr == "141\n"


@pytest.mark.parametrize("locale", ["C", "POSIX"])
def test_names_are_taken_as_utf_8_whatever_the_locale(locale: str, runs: Path) -> None:
    done = shell(f'"$PYTHON" {COMPARE}=a,é', runs, LC_ALL=locale, PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
    assert done.returncode == 0, done.stderr
    assert "é" in done.stdout


@pytest.mark.parametrize(
    ("raised", "message"),
    [
        (OSError(28, "No space left on device"), "a file, or the output, cannot be written"),
        (tf.errors.ResourceExhaustedError(None, None, "events.v2; No space left on device"), "events.v2; No space left"),
        (
            tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor"),
            "out of memory; try a smaller --batch_size",
        ),
        (MemoryError(), "out of memory"),
        (
            PermissionError(13, "Permission denied", "/srv/photos"),
            "/srv/photos cannot be used: Permission denied",
        ),
    ],
)
def test_a_full_disk_and_too_little_memory_are_told_apart(
    raised: Exception, message: str, capfd: pytest.CaptureFixture[str]
) -> None:
    def fail() -> int:
        raise raised

    kept = os.dup(1)
    try:
        assert process.reporting_mistakes("train", fail) == 1
    finally:
        os.dup2(kept, 1)
        os.close(kept)
    said = capfd.readouterr().err
    assert message in said
    assert said.count("\n") == 1


def test_other_exceptions_are_our_mistakes() -> None:
    def fail() -> int:
        raise FileNotFoundError(2, "No such file")

    with pytest.raises(FileNotFoundError):
        process.reporting_mistakes("train", fail)
