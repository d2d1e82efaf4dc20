"""What several workers must have alike, which TensorFlow does not compare: versions, settings, images and checkpoint."""

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tfpagan.config import Config
from tfpagan.errors import UserError
from tfpagan.training import devices
from tfpagan.version import __version__

OWN = ("data_dir", "cache_dir", "wait_for_workers", "output", "json")
"""Flags that each worker may set for itself."""
MOST_NAMED = 4
"""Differences in one message."""
BLOCK = 4096
"""Texts are padded to a multiple of so many bytes: a sum is traced anew for every length."""


def of_config(config: Config) -> dict[str, Any]:
    """The settings of a run and its plugins, as flags."""
    return of_flags(config.flat()) | {"--plugin": {plugin.name: plugin.checksum for plugin in config.plugins}}


def of_flags(values: Mapping[str, Any]) -> dict[str, Any]:
    """Flags by their names, but for those that each worker may set for itself."""
    return {f"--{name}": value for name, value in values.items() if name not in OWN}


def contents(*paths: Path) -> str:
    """A checksum of files, and of what is under folders.

    Raises:
      UserError: when one cannot be read.
    """
    digest = hashlib.sha256()
    try:
        for path in paths:
            for file in _files(path):
                digest.update(f"{file.relative_to(path).as_posix()} {file.stat().st_size} ".encode("utf-8", "surrogateescape"))
                digest.update(file.read_bytes())
    except OSError as e:
        raise UserError(f"{e.filename} cannot be read: {e.strerror}") from None
    return digest.hexdigest()[:16]


def _files(path: Path) -> Iterable[Path]:
    if not path.is_dir():
        return [path]
    return sorted(Path(folder) / name for folder, _, names in os.walk(path) for name in names)


def require(strategy: tf.distribute.Strategy, facts: Mapping[str, Any | Callable[[], Any]]) -> None:
    """Refuse to go on, on all workers, where one has other facts than the first; all of them must call this.

    Args:
      strategy: of the workers; with another strategy there is nothing to compare.
      facts: what this worker has, by name, as values that JSON can hold, or functions that return them, for those that take
        time to find out.

    Raises:
      UserError: naming the workers, and what differs.
    """
    if not isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
        return
    facts = {"tfpagan": __version__, "TensorFlow": tf.__version__, **facts}
    facts = {name: fact() if callable(fact) else fact for name, fact in facts.items()}
    first, *others = [json.loads(text) for text in _of_all(strategy, json.dumps(facts))]
    chief, *names = devices.workers()
    for name, found in zip(names, others, strict=True):
        if differences := _differences(first, found):
            raise UserError(f"{name} differs from {chief}, where all must be alike: {'; '.join(differences)}")


def _differences(first: dict[str, Any], other: dict[str, Any]) -> list[str]:
    different = [key for key in first | other if first.get(key) != other.get(key)]
    named = [f"{key} is {_shown(other.get(key))}, not {_shown(first.get(key))}" for key in different[:MOST_NAMED]]
    return named + [f"and {len(different) - MOST_NAMED} more"] * (len(different) > MOST_NAMED)


def _shown(value: Any) -> str:
    return "not set" if value is None else str(value)


def _of_all(strategy: tf.distribute.Strategy, text: str) -> list[str]:
    """The texts that all workers give, in the order of `devices.workers`."""
    own = np.frombuffer(text.encode(), np.uint8)
    sizes = _rows(strategy, np.array([len(own)]))[:, 0]
    length = -(-max(sizes) // BLOCK) * BLOCK
    rows = _rows(strategy, np.pad(own, (0, length - len(own))))
    return [bytes(row[:size].astype(np.uint8)).decode() for row, size in zip(rows, sizes, strict=True)]


def _rows(strategy: tf.distribute.Strategy, numbers: np.ndarray) -> np.ndarray:
    """The whole numbers [N] that each worker gives, [workers, N]: the sum of matrices with one row each."""
    rows = np.zeros([len(devices.workers()), 1 + len(numbers)])
    rows[devices.place()] = [1, *numbers]
    total = devices.sum_over(strategy, tf.constant(rows)).numpy()
    return (total[:, 1:] / total[:, :1]).astype(int)  # each replica of a worker gave the same
