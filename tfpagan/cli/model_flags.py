"""What the commands that use a trained model share."""

import dataclasses
from typing import TYPE_CHECKING, Any

from tfpagan.cli.flags import PLACES, Option, path
from tfpagan.config import Config
from tfpagan.errors import UserError
from tfpagan.settings.sections import DataConfig

if TYPE_CHECKING:
    from tfpagan.inference.model import Model

CHECKPOINT = (
    Option("step", 0, "of the run's checkpoint; default: the newest"),
    Option("best", False, "the checkpoint that --best_metric kept"),
)
MODEL = (Option("model", "", "a run folder, or an export"), *CHECKPOINT)


def model(options: dict[str, Any]) -> "Model":
    """The model that the flags name.

    Raises:
      UserError: when they name none, or it cannot be read.
    """
    if not options["model"]:
        raise UserError("--model is missing: a run folder, or an export")
    from tfpagan.inference.load import load

    return load(path(options["model"]), step=options["step"], best=options["best"])


def own_data(config: Config, settings: dict[str, Any]) -> DataConfig:
    """The data of a run, at other places if the flags say so.

    Raises:
      UserError: when the flags say more than where the data lie.
    """
    if other := [name for name in settings if name not in PLACES]:
        raise UserError(f"--{other[0]} cannot be given with --model_dir: a run is measured on its own data set")
    return dataclasses.replace(config.data, **settings)


def require(options: dict[str, Any], *names: str) -> None:
    """Refuse flags that are missing.

    Raises:
      UserError: naming the first.
    """
    for name in names:
        if not options[name]:
            raise UserError(f"--{name} is missing; --help says what it is")
