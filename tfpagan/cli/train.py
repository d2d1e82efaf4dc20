"""`bin/train`."""

import dataclasses
import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from absl import logging

from tfpagan.cli import names
from tfpagan.cli.flags import Command, Option, path
from tfpagan.config import Config, is_resumable, plugins, presets
from tfpagan.errors import UserError, WorkerLostError
from tfpagan.run_folder import folder as run_folder
from tfpagan.settings.sections import TrainingConfig

if TYPE_CHECKING:
    from tfpagan.data import Described

KINDS = (
    *("samples", "colourisations", "transfers", "reconstructions", "training_reconstructions"),
    *("interpolations", "augmentations", "critic_curves"),
)
"""Folders of image grids in a run folder; which ones exist depends on the system."""


def run(options: dict[str, Any], settings: dict[str, Any]) -> int:
    """Train, or with --dry_run describe the run."""
    if options["json"] and not options["dry_run"]:
        raise UserError("--json prints --dry_run as JSON; give both")
    config, model_dir = _config_and_folder(options, settings)
    _require_what_is_needed(config.training)
    from tfpagan import data
    from tfpagan.training import devices, dry_run, loop

    described = data.describe(config.data)
    if described.holds(model_dir):
        raise UserError(
            f"--model_dir={model_dir} lies in {described.config.dataset}: its image grids would become training images"
        )
    config = dataclasses.replace(config, data=described.config, image_channels=described.channels)
    if config.training.best_metric and "validation_images" not in settings:
        config = config.with_changes({"validation_images": _held_out(config, described, run_folder.stored_config(model_dir))})
    if config.training.critic_from and not config.training.validation_images:
        raise UserError(f"--critic_from={config.training.critic_from} needs --validation_images, on which the critic learns")
    if options["dry_run"]:
        print(dry_run.dry_run(config, described, as_json=options["json"]))
        return 0
    try:
        with run_folder.opened(model_dir, config, chief=devices.is_chief()), devices.losing_workers():
            stopped_by = loop.train(config, model_dir)
    except WorkerLostError as e:
        if not config.training.wait_for_workers:
            raise WorkerLostError(f"{e}; start all workers again to go on from the last checkpoint") from None
        logging.warning("%s; beginning again, to go on from the last checkpoint when all are here", e)
        devices.begin_again()
    if devices.is_chief():  # which has the files
        print(closing(config, model_dir, finished=stopped_by is None))
    return 128 + stopped_by if stopped_by else 0


def _config_and_folder(options: dict[str, Any], settings: dict[str, Any]) -> tuple[Config, Path]:
    """The preset, else the run's stored configuration, else the defaults; then the flags.

    Flags that describe a run, beside a folder without a checkpoint, correct a command that failed: they begin at the defaults.
    """
    preset = options["preset"]
    base = presets.get(preset) if preset else Config()
    dataset = settings.get("dataset", base.data.dataset)
    readable = dataset.rstrip("/").replace(":", "/").rsplit("/", 1)[-1]
    if "://" in options["model_dir"]:
        raise UserError(f"--model_dir={options['model_dir']} is not legal: it must be a folder of this machine")
    model_dir = path(options["model_dir"] or f"runs/{preset or readable}")
    stored = run_folder.stored_config(model_dir)
    if stored and not preset:
        logging.info("resuming with the configuration of %s", model_dir)
        base = stored
    elif not preset and all(map(is_resumable, settings)) and (begun := run_folder.begun_config(model_dir)):
        logging.info("%s has no checkpoint yet: beginning again with its configuration", model_dir)
        base = begun
    config = base.with_changes(settings)
    return config, model_dir


def _require_what_is_needed(training: TrainingConfig) -> None:
    if training.best_metric and not training.eval_every_steps:
        raise UserError(f"--best_metric={training.best_metric} needs --eval_every_steps")
    if training.patience and not training.best_metric:
        raise UserError(f"--patience={training.patience} needs --best_metric, of which it waits for a better value")


def _held_out(config: Config, described: "Described", stored: Config | None) -> int:
    """How many images choose the best checkpoint, where no flag says it: a resumed run keeps its own number.

    As many as the evaluations reconstruct, or all of a smaller validation split, or a tenth of few training images.
    """
    from tfpagan.evaluation import protocols

    if stored:
        return stored.training.validation_images
    asked = config.training.validation_images or protocols.get(config.training.eval_protocol).reconstructions
    of_split, to_train = described.splits.get("validation"), described.splits["train"]
    if of_split is not None or to_train is None:
        return min(asked, of_split or asked)
    return config.training.validation_images or min(asked, max(2, to_train // 10))


def closing(config: Config, model_dir: Path, *, finished: bool) -> str:
    """What the last evaluation found; where the images, checkpoints and logs of a run are; and how to resume."""
    import tensorflow as tf

    rows: list[tuple[str, object]] = [("class kept", kept)] if (kept := _class_kept(config, model_dir)) else []
    for name in KINDS:
        if pictures := sorted((model_dir / name).glob("step_*.png")):
            rows.append((name, pictures[-1]))
    if checkpoint := tf.train.latest_checkpoint(str(model_dir / "ckpt")):
        rows.append(("checkpoint", checkpoint))
    rows.append(("scalars", model_dir / "metrics.jsonl"))
    folder = shlex.quote(str(model_dir))
    rows.append(("TensorBoard", f"{_from_here(Path(sys.executable).with_name('tensorboard'))} --logdir={folder}"))
    program = names.called("train") if names.is_installed() else _from_here(names.BIN / "train")
    gave_up = finished and max(run_folder.steps_in(model_dir / "ckpt"), default=0) < config.training.train_steps  # --patience
    steps = config.training.train_steps * (2 if finished and not gave_up else 1)
    on = ["--patience=0"] if gave_up else []
    flags = [f"--model_dir={folder}", f"--train_steps={steps}", *on, *map(shlex.quote, plugins.flags())]
    rows.append(("resume", " ".join([program, *flags])))
    width = max(16, 1 + max(len(name) for name, _ in rows))
    return "\n".join(f"{name:<{width}}{value}" for name, value in rows)


def _class_kept(config: Config, model_dir: Path) -> str:
    """The share of images whose reconstruction kept its class, by the last evaluation of this run; "" if there is none."""
    from tfpagan.evaluation import protocols, results
    from tfpagan.evaluation.errors import EvaluationError

    training = config.training
    validation = training.validation_images > 0
    used = protocols.in_training(training.eval_protocol, training.best_metric, validation=validation)
    try:
        row = results.last_row(model_dir / "scores.csv", used.name)
    except EvaluationError:
        return ""
    if not training.eval_every_steps or not row.get("class_kept"):
        return ""
    protocol = json.loads(row["protocol"])
    share = f"{100 * float(row['class_kept']):.1f} % of {protocol['test_count']} reconstructions"
    return f"{share}, by the classifier {protocol['classifier']}, at step {row['step']}"


def _from_here(program: Path) -> str:
    here = Path.cwd()
    return shlex.quote(str(program.relative_to(here) if program.is_relative_to(here) else program))


COMMAND = Command(
    program="train",
    help="Train an auto-encoding GAN; the same command, or --model_dir alone, resumes a stopped run.",
    options=(
        Option("model_dir", "", "the run folder; default: runs/ and the name of the preset or data set"),
        Option("preset", "", f"start from a named experiment: {', '.join(presets.PRESETS)}", choices=tuple(presets.PRESETS)),
        Option("dry_run", False, "print configuration, sizes, memory and time, then exit"),
        Option("json", False, "print --dry_run as JSON"),
    ),
    run=run,
    settings="all",
)
