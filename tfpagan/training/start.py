"""What comes before the loop: a run's data set described, its folder opened; and training from Python."""

import dataclasses
import logging as standard_logging
import os
import re
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from absl import logging

from tfpagan import data
from tfpagan.config import Config, plugins
from tfpagan.data import Described, given
from tfpagan.errors import UserError
from tfpagan.evaluation import protocols
from tfpagan.evaluation.errors import EvaluationError
from tfpagan.inference.load import load
from tfpagan.inference.model import Model
from tfpagan.run_folder import chosen
from tfpagan.run_folder import folder as run_folder
from tfpagan.training import devices, loop
from tfpagan.training.stopping import Ended


def described(config: Config, settings: Mapping[str, Any], model_dir: Path) -> tuple[Config, Described]:
    """The configuration with everything that depends on the data set, and what is known of it before it is prepared.

    Args:
      config: of the run.
      settings: those that were given, by flag name.
      model_dir: its folder.

    Raises:
      UserError: on a data set that cannot be used, or of which the run would become a part.
    """
    found = data.describe(config.data)
    if found.holds(model_dir):
        raise UserError(f"--model_dir={model_dir} lies in {found.config.dataset}: its image grids would become training images")
    config = dataclasses.replace(config, data=found.config, image_channels=found.channels)
    if config.training.best_metric and "validation_images" not in settings:
        config = config.with_changes({"validation_images": _held_out(config, found, run_folder.stored_config(model_dir))})
    if config.training.critic_from and not config.training.validation_images:
        raise UserError(f"--critic_from={config.training.critic_from} needs --validation_images, on which the critic learns")
    return config, found


def _held_out(config: Config, found: Described, stored: Config | None) -> int:
    """How many images choose the best checkpoint, where no flag says it: a resumed run keeps its own number.

    As many as the evaluations reconstruct, or all of a smaller validation split, or a tenth of few training images.
    """
    if stored:
        return stored.training.validation_images
    asked = config.training.validation_images or protocols.get(config.training.eval_protocol).reconstructions
    of_split, to_train = found.splits.get("validation"), found.splits["train"]
    if of_split is not None or to_train is None:
        return min(asked, of_split or asked)
    return config.training.validation_images or min(asked, max(2, to_train // 10))


def run(config: Config, model_dir: Path) -> Ended:
    """Train in the folder, which no other process may use meanwhile; returns and raises as `loop.train`."""
    with run_folder.opened(model_dir, config, chief=devices.is_chief()), devices.losing_workers():
        return loop.train(config, model_dir)


def train(
    dataset: Any,
    *,
    preset: str,
    model_dir: str | Path,
    plugin: str | Path | Sequence[str | Path],
    verbose: bool,
    settings: Mapping[str, Any],
) -> Model:
    """`tfpagan.train`."""
    with _in_python(), _told(verbose=verbose):
        if not isinstance(preset, str):
            raise UserError(f"preset={preset!r} is not legal: it must be the name of an experiment")
        if not isinstance(plugin, str | Path | list | tuple):
            raise UserError(f"plugin={plugin!r} is not legal: it must be a file or module, or a list of them")
        for file in [plugin] if isinstance(plugin, str | Path) else plugin:
            plugins.load(str(file))
        settings = {name: _plain(value) for name, value in settings.items()}
        if not isinstance(model_dir, str | Path):
            raise UserError(f"model_dir={model_dir!r} is not legal: it must be the path of a folder")
        if dataset is not None:
            settings["dataset"] = given.named(dataset, str(settings.get("cache_dir", "")))
        in_memory = dataset is not None and not isinstance(dataset, str | Path) and not preset
        folder = Path(os.path.expanduser(model_dir or ("runs/arrays" if in_memory else chosen.folder(preset, settings))))
        if not (preset or "dataset" in settings or run_folder.stored_config(folder) or run_folder.begun_config(folder)):
            raise UserError(f"dataset is missing: give images or a preset, as there is no run in {folder} to go on with")
        config = chosen.config(preset, settings, folder)
        config, _ = described(config, settings, folder)
        stopped_by = run(config, folder).stopped_by
    if stopped_by == signal.SIGINT:
        raise KeyboardInterrupt
    if stopped_by:
        signal.raise_signal(stopped_by)
    return load(folder)


def _plain(value: Any) -> Any:
    """A setting as a flag has it: no NumPy scalar, no `Path`."""
    return value.item() if isinstance(value, np.generic) else str(value) if isinstance(value, Path) else value


@contextmanager
def _in_python() -> Iterator[None]:
    """Let errors speak of arguments, not of flags: train_steps=-1, not --train_steps=-1."""
    try:
        yield
    except UserError as e:
        raise type(e)(_of_arguments(str(e))) from None
    except EvaluationError as e:
        raise UserError(_of_arguments(str(e))) from None


def _of_arguments(text: str) -> str:
    return re.sub(r"--(?=[a-z])", "", text)


class _Message(standard_logging.Formatter):
    """Only the message, of arguments."""

    def format(self, record: standard_logging.LogRecord) -> str:
        return _of_arguments(super().format(record))


@contextmanager
def _told(*, verbose: bool) -> Iterator[None]:
    """Print on stderr what the command prints there: how training gets on, or warnings alone."""
    ours = logging.get_absl_logger()
    before = ours.level, ours.propagate
    handler = standard_logging.StreamHandler()
    handler.setFormatter(_Message())
    handler.addFilter(
        lambda record: "-packages/tensorflow" not in record.pathname or record.levelno >= standard_logging.WARNING
    )
    ours.addHandler(handler)
    ours.setLevel(standard_logging.INFO if verbose else standard_logging.WARNING)
    ours.propagate = False  # to absl's own handler, which would print it again, with file and line
    try:
        yield
    finally:
        ours.removeHandler(handler)
        ours.setLevel(before[0])
        ours.propagate = before[1]
