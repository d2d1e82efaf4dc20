"""`bin/train`."""

import dataclasses
from pathlib import Path
from typing import Any

from absl import logging

from tfpagan import presets, run_folder
from tfpagan.cli.flags import Command, Option, path
from tfpagan.config import Config
from tfpagan.errors import UserError


def run(options: dict[str, Any], settings: dict[str, Any]) -> int:
    """Train, or with --dry_run say what would be trained."""
    if options["json"] and not options["dry_run"]:
        raise UserError("--json prints --dry_run as JSON; give both")
    config, model_dir = _config_and_folder(options, settings)
    from tfpagan import data, report, run

    described = data.describe(config.data)
    config = dataclasses.replace(config, data=described.config)
    if options["dry_run"]:
        print(report.dry_run(config, described, as_json=options["json"]))
        return 0
    with run_folder.opened(model_dir, config):
        stopped_by = run.train(config, model_dir)
    print(report.closing(config, model_dir, finished=stopped_by is None))
    return 128 + stopped_by if stopped_by else 0


def _config_and_folder(options: dict[str, Any], settings: dict[str, Any]) -> tuple[Config, Path]:
    """Defaults, then the run's own stored configuration, then the preset, then the flags."""
    preset = options["preset"]
    base = presets.get(preset) if preset else Config()
    dataset = settings.get("dataset", base.data.dataset)
    readable = dataset.rstrip("/").replace(":", "/").rsplit("/", 1)[-1]
    model_dir = path(options["model_dir"] or f"runs/{preset or readable}")
    if "://" in options["model_dir"]:
        raise UserError(f"--model_dir={options['model_dir']} is not legal: it must be a folder of this machine")
    stored = run_folder.stored_config(model_dir)
    if stored and not preset:
        logging.info("going on with the configuration of %s", model_dir)
        base = stored
    return base.with_changes(settings), model_dir


COMMAND = Command(
    program="train",
    help="Train an auto-encoding GAN; the same command, or just --model_dir, goes on with a stopped run.",
    options=(
        Option("model_dir", "", "the run folder; default: runs/ and the name of the preset or data set"),
        Option("preset", "", f"start from a named experiment: {', '.join(presets.ALL)}"),
        Option("dry_run", False, "print configuration, sizes, memory and time, then exit"),
        Option("json", False, "print --dry_run as JSON"),
    ),
    run=run,
    settings="all",
)
