"""What commands say on stderr: our messages and every warning, and nothing else of TensorFlow's."""

import importlib.util
import logging as standard_logging
import os
import re
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from absl import logging

from tfpagan import stderr
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
                with stderr.filtered(lambda line: not CHATTER.match(line)):
                    run(module)

            loader.exec_module = run_quietly
        return spec


def import_tensorflow_quietly() -> None:
    """Whenever it is imported."""
    if "tensorflow" not in sys.modules and not any(isinstance(finder, QuietImport) for finder in sys.meta_path):
        sys.meta_path.insert(0, QuietImport())
