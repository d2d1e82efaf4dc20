"""The configuration and the folder of a run that is asked for: by a preset, by what the folder holds, and by settings."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from absl import logging

from tfpagan.config import Config, presets
from tfpagan.errors import UserError
from tfpagan.run_folder import folder as run_folder


def folder(preset: str, settings: Mapping[str, Any]) -> str:
    """The default of `--model_dir`: runs/ and the name of the preset or data set.

    >>> folder("", {"dataset": "folder:/data/birds"})
    'runs/birds'
    """
    return f"runs/{preset or name_of(settings.get('dataset', Config().data.dataset))}"


def name_of(dataset: str) -> str:
    """A name for folders: of a path its last part, of a data set all of its name.

    >>> name_of("folder:/data/birds/"), name_of("npz:digits.npz"), name_of("imagenet_resized/64x64"), name_of("cifar10:3.0.2")
    ('birds', 'digits.npz', 'imagenet_resized-64x64', 'cifar10-3.0.2')
    """
    kind, _, rest = dataset.rstrip("/").partition(":")
    if kind in ("folder", "npz") or "/" in rest:
        return rest.rpartition("/")[2]
    return dataset.rstrip("/").replace("/", "-").replace(":", "-")


def config(preset: str, settings: Mapping[str, Any], model_dir: Path) -> Config:
    """The preset, else the run's stored configuration, else the defaults; then the settings.

    A command with a data set or a preset describes a run anew where the folder has no checkpoint yet.

    Raises:
      UserError: on an illegal setting, or one that lacks another.
    """
    base = presets.get(preset) if preset else Config()
    stored = run_folder.stored_config(model_dir)
    if stored and not preset:
        logging.info("resuming with the configuration of %s", model_dir)
        base = stored
    elif not preset and "dataset" not in settings and (begun := run_folder.begun_config(model_dir)):
        logging.info("%s has no checkpoint yet: beginning again with its configuration", model_dir)
        base = begun
    elif not preset and "dataset" not in settings and run_folder.is_empty(model_dir):
        again = "a command ended in it before it began to train; say again what to train, by --dataset or --preset"
        raise UserError(f"--model_dir={model_dir} holds no run to go on with: {again}")
    chosen = base.with_changes(settings)
    training = chosen.training
    if training.best_metric and not training.eval_every_steps:
        raise UserError(f"--best_metric={training.best_metric} needs --eval_every_steps")
    for name in ("eval_classifier", "eval_protocol"):
        if name in settings and not training.eval_every_steps:
            raise UserError(f"--{name}={settings[name]} needs --eval_every_steps")
    if training.patience and not training.best_metric:
        raise UserError(f"--patience={training.patience} needs --best_metric, of which it waits for a better value")
    return chosen
