"""What commands say on stderr: our messages and every warning, and nothing else of TensorFlow's."""

import importlib.util
import logging as standard_logging
import os
import re
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from absl import logging

from tfpagan.cli import names

CHATTER = re.compile(rb"WARNING: All log messages before absl::InitializeLog|I\d{4} .*(port|cudart_stub)\.cc:")
"""What TensorFlow 2.21 prints when it is imported, whatever one sets: about oneDNN, and about machines without a GPU."""


def log_our_messages() -> None:
    """Log our messages as they are, and warnings."""
    # Hides the log of TensorFlow's C++ code, whose errors are raised as exceptions anyway.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import_tensorflow_quietly()
    standard_logging.getLogger("tensorflow").setLevel("WARNING")  # the commands log the number of replicas themselves
    logging.set_verbosity(logging.INFO)
    logging.use_absl_handler()
    logging.get_absl_handler().setFormatter(_Message())
    logging.get_absl_handler().addFilter(_is_ours_or_a_warning)


class _Message(standard_logging.Formatter):
    """Only the message, without file and line."""

    def format(self, record: standard_logging.LogRecord) -> str:
        return names.told(super().format(record))


def _is_ours_or_a_warning(record: standard_logging.LogRecord) -> bool:
    """TensorFlow's Python code logs to the same logger, matplotlib's to its own."""
    ours = record.name == "absl" and "-packages/tensorflow" not in record.pathname
    return ours or record.levelno >= standard_logging.WARNING


class QuietImport:
    """Finds TensorFlow for Python's import system, once, so that the lines are dropped while it is imported."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if name != "tensorflow":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec and spec.loader:
            loader: Any = spec.loader
            run = loader.exec_module

            def run_quietly(module: ModuleType) -> None:
                with _without_chatter():
                    run(module)

            loader.exec_module = run_quietly
        return spec


def import_tensorflow_quietly() -> None:
    """Whenever it is imported."""
    if "tensorflow" not in sys.modules and not any(isinstance(finder, QuietImport) for finder in sys.meta_path):
        sys.meta_path.insert(0, QuietImport())


@contextmanager
def _without_chatter() -> Iterator[None]:
    """What is written to the file descriptor of stderr comes at the end, without the known lines."""
    try:
        stderr = os.dup(2) if sys.stderr else -1
    except OSError:
        stderr = -1
    if stderr < 0:  # it is closed; if Python began without it, the descriptor may be another file's
        yield
        return
    with tempfile.TemporaryFile() as kept:
        os.dup2(kept.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(stderr, 2)
            os.close(stderr)
            kept.seek(0)
            with suppress(OSError):  # of a closed pipe
                os.write(2, b"".join(line for line in kept if not CHATTER.match(line)))
