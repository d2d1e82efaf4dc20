"""Flags shared by the commands that use a trained model."""

import dataclasses
from typing import TYPE_CHECKING, Any

from tfpagan import zoo
from tfpagan.cli.flags import PLACES, Option, path
from tfpagan.config import Config
from tfpagan.errors import UserError
from tfpagan.evaluation.classifiers import trained
from tfpagan.settings import setting as checks
from tfpagan.settings.sections import DataConfig

if TYPE_CHECKING:
    from tensorflow.distribute import Strategy

    from tfpagan.evaluation.classifiers.classifier import Classifier
    from tfpagan.evaluation.protocols import Protocol
    from tfpagan.inference.model import Model

CHECKPOINT = (
    Option("step", None, "step of the run's checkpoint; default: the newest", int),
    Option("best", False, "use the checkpoint that --best_metric kept"),
)
CLASSIFIER = Option(
    "classifier",
    "inception",
    f"inception, {', '.join(trained.names())} (come along), or a SavedModel folder from bin/train_classifier",
    choices=("inception", *trained.names()),
)
SCALE = Option("scale", 1, "enlarge pictures so many times, each pixel into a square")
MOST_SCALE = 64
BACKGROUND = Option(
    "background", "", "colour behind transparent pixels, white or black; default: as in the training of the model"
)
MODEL = (
    Option("model", "", f"a run folder, an export, or one that comes along: {', '.join(zoo.models())}", choices=zoo.models()),
    *CHECKPOINT,
)


def model(options: dict[str, Any]) -> "Model":
    """The model selected by the flags.

    Raises:
      UserError: when there is none, or it cannot be read.
    """
    if not options["model"]:
        raise UserError(f"--model is missing: a run folder, an export, or one of {', '.join(zoo.models())}")
    from tfpagan.inference.load import load

    return load(path(options["model"]), step=options["step"], best=options["best"])


def chosen_classifier(protocol: "Protocol", options: dict[str, Any], strategy: "Strategy") -> "tuple[Classifier | None, str]":
    """The classifier selected by --classifier and --inception, if one is needed; and why it is None, else "".

    Raises:
      EvaluationError: when a path was given and there is no usable classifier there.
      UserError: when another worker has another one.
    """
    from tfpagan.scoring.prepare import classifier
    from tfpagan.training import agreement

    if options.get("save_statistics"):  # of features, whatever is measured
        protocol = dataclasses.replace(protocol, metrics=(*protocol.metrics, "fid"))
    found, why = classifier(protocol, options["classifier"], options["inception"], inception_flag="--inception")
    agreement.require(strategy, {"the classifier's checksum": found and found.checksum})
    return found.in_bfloat16() if found and options["bfloat16"] else found, why


def scale(options: dict[str, Any]) -> int:
    """How many times pictures are enlarged.

    Raises:
      UserError: on a factor that is not legal.
    """
    factor: int = options["scale"]
    if not 1 <= factor <= MOST_SCALE:
        raise UserError(f"--scale={factor} is not legal: it must be at least 1 and at most {MOST_SCALE}")
    return factor


def background(options: dict[str, Any]) -> str:
    """The colour behind transparent pixels; "": the model's own.

    Raises:
      UserError: on one that is not legal.
    """
    return checks.replace(DataConfig(), {"background": options["background"] or "none"}, "data").background.replace("none", "")


def own_data(config: Config, settings: dict[str, Any]) -> DataConfig:
    """The data of a run, with the folders given by flags.

    Raises:
      UserError: on other settings than folders of data.
    """
    if other := [name for name in settings if name not in PLACES]:
        raise UserError(f"--{other[0]} cannot be given with --model_dir: a run is measured on its own data set")
    return dataclasses.replace(config.data, **settings)


def require(options: dict[str, Any], *names: str) -> None:
    """Require flags.

    Raises:
      UserError: naming the first missing one.
    """
    for name in names:
        if not options[name]:
            raise UserError(f"--{name} is missing; see --help")
