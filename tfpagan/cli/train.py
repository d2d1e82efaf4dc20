"""`bin/train`."""

import json
import shlex
import sys
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any

from absl import logging

from tfpagan.cli import names
from tfpagan.cli.flags import Command, Option, path
from tfpagan.config import Config, plugins, presets
from tfpagan.config.unused import unused
from tfpagan.errors import UserError, WorkerLostError
from tfpagan.run_folder import chosen
from tfpagan.run_folder import folder as run_folder

KINDS = (
    *("samples", "colourisations", "transfers", "reconstructions", "training_reconstructions"),
    *("interpolations", "augmentations", "critic_curves"),
)
"""Folders of image grids in a run folder; which ones exist depends on the system."""


def run(options: dict[str, Any], settings: dict[str, Any]) -> int:
    """Train, or with --dry_run describe the run."""
    if options["json"] and not options["dry_run"]:
        raise UserError("--json prints --dry_run as JSON; give both")
    if "://" in options["model_dir"]:
        raise UserError(f"--model_dir={options['model_dir']} is not legal: it must be a folder of this machine")
    model_dir = path(options["model_dir"] or chosen.folder(options["preset"], settings))
    config = chosen.config(options["preset"], settings, model_dir)
    for line in unused(config, settings):
        logging.warning("%s", line)
    from tfpagan.training import devices, dry_run, start

    config, described = start.described(config, settings, model_dir)
    if options["dry_run"]:
        print(dry_run.dry_run(config, described, as_json=options["json"]))
        return 0
    try:
        ended = start.run(config, model_dir)
    except WorkerLostError as e:
        if not config.training.wait_for_workers:
            raise WorkerLostError(f"{e}; start all workers again to go on from the last checkpoint") from None
        logging.warning("%s; beginning again, to go on from the last checkpoint when all are here", e)
        devices.begin_again()
    if devices.is_chief():  # which has the files
        with suppress(OSError) if ended.stopped_by else nullcontext():  # the terminal may have gone
            print(closing(config, model_dir, finished=ended.stopped_by is None), flush=True)
    if ended.unscored and not ended.stopped_by:  # which is what a supervisor must hear
        raise UserError(f"the evaluations at steps {', '.join(map(str, ended.unscored))} failed, for the reasons above")
    return 128 + ended.stopped_by if ended.stopped_by else 0


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
    done = max(run_folder.steps_in(model_dir / "ckpt"), default=0)
    gave_up = finished and done < config.training.train_steps  # --patience
    steps = 2 * max(done, config.training.train_steps) if finished and not gave_up else config.training.train_steps
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
