"""What TensorFlow prints at its import is dropped where it says nothing, and only there."""

import subprocess
import sys
from pathlib import Path

import pytest

CHATTER = """WARNING: All log messages before absl::InitializeLog() is called are written to STDERR
I0000 00:00:1795848615.364546   11091 port.cc:153] oneDNN custom operations are on.
I0000 00:00:1795848615.365470   11091 cudart_stub.cc:31] Could not find cuda drivers on your machine, GPU will not be used.
"""
TOLD = "W0000 00:00:1795848615.364546   11091 port.cc:153] something is wrong\n"


@pytest.mark.parametrize(
    ("then", "code", "last"),
    [("VALUE = 3", 3, ""), ("raise ImportError('libcudart.so.99 is missing')", 1, "ImportError: libcudart.so.99 is missing")],
)
def test_lines_without_meaning_are_dropped_and_all_others_are_kept(tmp_path: Path, then: str, code: int, last: str) -> None:
    (tmp_path / "tensorflow.py").write_text(f"import os\nos.write(2, {(CHATTER + TOLD + CHATTER).encode()!r})\n{then}\n")
    script = (
        "import os, sys; from tfpagan.cli.quiet import import_tensorflow_quietly as quietly; quietly(); quietly();"
        f"sys.path.insert(0, {str(tmp_path)!r}); import tensorflow, tensorflow; os.write(2, {CHATTER[:8].encode()!r});"
        "assert not any('Quiet' in str(f) for f in sys.meta_path); sys.exit(tensorflow.VALUE)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == code, done.stderr
    lines = done.stderr.splitlines()
    assert lines[0] == TOLD.strip()
    assert lines[-1] == (last or CHATTER[:8])
    assert "oneDNN" not in done.stderr
    assert "cudart" not in done.stderr.replace("libcudart", "")


REUSED = "assert sys.stderr is None; os.dup2(os.open('file', os.O_CREAT | os.O_WRONLY), 2)"


@pytest.mark.parametrize("closing", ["os.close(2)", REUSED])
def test_a_closed_stderr_is_no_hindrance(tmp_path: Path, closing: str) -> None:
    """Closed later, or before Python began, when another file can get its number."""
    (tmp_path / "tensorflow.py").write_text("import os; VALUE = 3\nif os.path.exists('file'): os.write(2, b'into the file')\n")
    script = (
        "import os, sys; from tfpagan.cli.quiet import import_tensorflow_quietly as quietly; quietly();"
        f"sys.path.insert(0, {str(tmp_path)!r}); {closing}; import tensorflow; sys.exit(tensorflow.VALUE)"
    )
    without = "" if closing == "os.close(2)" else "2>&-"
    done = subprocess.run(["sh", "-c", f'"$0" -c "$1" {without}', sys.executable, script], cwd=tmp_path)
    assert done.returncode == 3
    if without:
        assert (tmp_path / "file").read_text() == "into the file"
