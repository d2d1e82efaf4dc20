"""`bin/probe`."""

import dataclasses
import json
from typing import Any

from tfpagan.cli.flags import Command, Option, path
from tfpagan.cli.model_flags import CHECKPOINT, require
from tfpagan.errors import UserError
from tfpagan.run_folder import images as run_images
from tfpagan.run_folder import probed


def run(options: dict[str, Any], settings: dict[str, Any]) -> int:
    """Error rates of linear classifiers on the features of a run's encoder, on its own data set, kept in its folder."""
    require(options, "model_dir")
    for name, least in (("labels_per_class", 1), ("sets", 1), ("held_out", 1), ("seed", 0)):
        if not least <= options[name] <= 2**31 - 1:
            raise UserError(f"--{name}={options[name]} is not legal: it must be at least {least}")
    import numpy as np

    from tfpagan import data
    from tfpagan.evaluation.probe import Probe, error_rates
    from tfpagan.inference import restore
    from tfpagan.networks import arrays

    run = restore.restored(path(options["model_dir"]), step=options["step"], best=options["best"])
    if "encoder" not in run.networks:
        raise UserError(f"{options['model_dir']} has no encoder, and so no features to classify")
    images = data.prepare(dataclasses.replace(run.config.data, **settings))
    run_images.require_same(path(options["model_dir"]), images)
    if images.train_labels is None or images.test_labels is None:
        raise UserError(f"the data set of {options['model_dir']}, {run.config.data.dataset}, has no labels")
    probe = Probe(options["labels_per_class"], options["sets"], options["held_out"], seed=options["seed"])
    features = arrays.features(run.networks["encoder"])
    errors = error_rates(features, images.train, images.train_labels, images.test, images.test_labels, probe)
    facts = {
        "model": options["model_dir"],
        "step": run.step,
        "error_rate_mean": float(np.mean(errors)),
        "error_rate_std": float(np.std(errors, ddof=1)) if len(errors) > 1 else None,
        "error_rates": errors,
        "dataset": run.config.data.dataset,
        "test_images": len(images.test),
        **dataclasses.asdict(probe),
    }
    print(json.dumps(facts, indent=2) if options["json"] else "\n".join(f"{k:<18}{v}" for k, v in facts.items()))
    probed.write(path(options["model_dir"]), facts)
    return 0


COMMAND = Command(
    program="probe",
    help="The feature learning protocol: the test error of linear SVMs on an encoder's features, from few labels.",
    options=(
        Option("model_dir", "", "the run whose encoder is tested, on its own data set"),
        *CHECKPOINT,
        Option("labels_per_class", 100, "labelled images per class in a set"),
        Option("sets", 10, "sets of labelled images, each with its own classifier"),
        Option("held_out", 1000, "training images for choosing the classifiers' cost"),
        Option("seed", 0, "seed of the draws"),
        Option("json", False, "print as JSON"),
    ),
    run=run,
    settings="places",
)
