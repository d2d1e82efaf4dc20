"""The run folder: whether a configuration may resume in it, `config.json`, and a lock for one process at a time."""

import fcntl
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from absl import logging

from tfpagan import config as configs
from tfpagan.config import Config
from tfpagan.errors import UserError, require_plain_path
from tfpagan.evaluation.results import NO_LOCKS

LOCK = ".lock"


def stored_config(model_dir: Path) -> Config | None:
    """The configuration of the run in a folder, or None before its first checkpoint.

    Until then the configuration may change: an attempt that failed on its data can be corrected and restarted.

    Raises:
      UserError: when there are checkpoints and `config.json` cannot be read.
    """
    return _read(model_dir / "config.json") if _has_checkpoint(model_dir) else None


def begun_config(model_dir: Path) -> Config | None:
    """The configuration of a run that ended before its first checkpoint, or None.

    Raises:
      UserError: when `config.json` cannot be read.
    """
    file = model_dir / "config.json"
    return _read(file) if file.exists() and not _has_checkpoint(model_dir) else None


def is_empty(model_dir: Path) -> bool:
    """Whether a command was killed in the folder before it had accepted a configuration."""
    return (model_dir / LOCK).exists() and not (model_dir / "config.json").exists() and not _has_checkpoint(model_dir)


def _has_checkpoint(model_dir: Path) -> bool:
    return any((model_dir / "ckpt").glob("ckpt-*.index"))


def _read(file: Path) -> Config:
    try:
        return configs.from_json(file.read_text())
    except (OSError, UnicodeDecodeError) as e:
        raise UserError(f"cannot read {file}: {e}") from None
    except UserError as e:
        raise UserError(f"{file}: {e}") from None


def require(model_dir: Path) -> Config:
    """The configuration of the run in a folder.

    Raises:
      UserError: when there is no run with a checkpoint.
    """
    config = stored_config(model_dir)
    if config is None:
        raise UserError(f"--model_dir={model_dir} holds no run with a checkpoint")
    return config


@contextmanager
def opened(model_dir: Path, config: Config, *, chief: bool = True) -> Iterator[None]:
    """Create and check the folder, and lock it until the block ends; if that refuses a new run, nothing is left.

    Args:
      model_dir: the run folder.
      config: of the run.
      chief: whether this process writes the folder; only one of several workers does.

    Raises:
      UserError: when the folder belongs to a run with another configuration (naming the difference), is in use, or
        cannot be written.
    """
    require_plain_path("model_dir", model_dir)
    if (model_dir / "saved_model.pb").exists() or any(model_dir.glob("[0-9]*/saved_model.pb")):
        raise UserError(f"--model_dir={model_dir} is an export, not the folder of a run")
    stored = stored_config(model_dir)
    if stored and (changes := configs.difference(stored, config)):
        raise UserError(f"{model_dir} holds a run with another configuration ({'; '.join(changes)}); take another --model_dir")
    if not chief:
        yield  # the chief writes for all
        return
    try:
        created = not model_dir.exists()
        model_dir.mkdir(parents=True, exist_ok=True)
        with (model_dir / LOCK).open("w") as lock:
            _lock(lock, model_dir)
            try:
                yield
            except UserError:
                if created and os.listdir(model_dir) == [LOCK]:
                    shutil.rmtree(model_dir)
                raise
    except OSError as e:
        where = Path(str(e.filename or model_dir))
        if not (where.is_relative_to(model_dir) or model_dir.is_relative_to(where)):
            raise  # not about this folder
        raise UserError(f"cannot write in --model_dir={model_dir}: {e}") from None


def write_config(model_dir: Path, config: Config) -> None:
    """Write `config.json`, once nothing can be refused any more, lest a mistake stay in it."""
    part = model_dir / "config.json.part"
    part.write_text(config.to_json())
    part.replace(model_dir / "config.json")


def _lock(file: IO[str], model_dir: Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise UserError(f"another process is training in {model_dir}") from None
    except OSError as e:
        if e.errno not in NO_LOCKS:
            raise
        logging.warning(
            "this file system has no locks (%s): make sure that no other process trains in %s", e.strerror, model_dir
        )


def steps_in(folder: Path) -> list[int]:
    """The steps of the checkpoints in a folder, intact or not, oldest first."""
    names = [re.fullmatch(r"ckpt-(\d+)\.index", path.name) for path in folder.glob("ckpt-*.index")]
    return sorted(int(name[1]) for name in names if name)
