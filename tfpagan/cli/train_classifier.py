"""`bin/train_classifier`."""

import dataclasses
import json
import tempfile
import time
from typing import Any

from absl import logging

from tfpagan.cli.flags import Command, Option, path
from tfpagan.errors import UserError
from tfpagan.run_folder.chosen import name_of
from tfpagan.settings import setting as checks
from tfpagan.settings.sections import DataConfig

LEGAL = (
    *(("channels", 1, 1024), ("train_steps", 1, 10**9), ("batch_size", 1, 65536), ("seed", 0, 2**31 - 1)),
    *(("crop_fraction", 0.25, 1.0), ("learning_rate", 1e-9, 100.0), ("weight_decay", 0.0, 1.0)),
)


def run(options: dict[str, Any], settings: dict[str, Any]) -> int:
    """Train on the labelled training images, test on the test images, export."""
    data_config = checks.replace(DataConfig(), settings, "data")
    folder = path(options["model_dir"] or f"runs/classifier_{name_of(data_config.dataset)}")
    if folder.exists() and not (folder / "classifier.json").exists():
        raise UserError(f"--model_dir={folder} exists and is not a classifier; choose another")
    for name, low, high in LEGAL:
        if not low <= options[name] <= high:
            raise UserError(f"--{name}={options[name]} is not legal: it must be at least {low} and at most {high}")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent):
            pass
    except OSError as e:
        raise UserError(f"cannot write in --model_dir={folder}: {e}") from None
    import numpy as np

    from tfpagan import data
    from tfpagan.evaluation.classifiers import classifier, vgg

    images = data.prepare(data_config)
    if images.train_labels is None or images.test_labels is None:
        raise UserError(f"--dataset={data_config.dataset} has no labels; a classifier needs them")
    if len(np.unique(images.train_labels)) < 2:
        raise UserError(f"--dataset={data_config.dataset} has one class; a classifier needs at least two")
    recipe = vgg.Recipe(**{f.name: options[f.name] for f in dataclasses.fields(vgg.Recipe)})
    begun, cpu = time.monotonic(), time.process_time()
    model = vgg.train(np.asarray(images.train), np.asarray(images.train_labels), recipe, say=logging.info)
    accuracy = vgg.accuracy(model, images.test, images.test_labels)
    facts = {
        "dataset": data_config.dataset,
        "test_accuracy": accuracy,
        "test_images": len(images.test),
        "minutes": round((time.monotonic() - begun) / 60, 1),
        "cpu_minutes": round((time.process_time() - cpu) / 60, 1),
        "classes": images.label_names,
        **dataclasses.asdict(recipe),
    }
    vgg.export(model, folder, images.shape, facts)
    loaded = classifier.from_saved_model(folder)
    print(json.dumps({"classifier": str(folder), "checksum": loaded.checksum} | facts, indent=2))
    return 0


COMMAND = Command(
    program="train_classifier",
    help="Train and export an in-domain classifier (alpha-GAN's section H.5), for scores without Inception.",
    options=(
        Option("model_dir", "", "where to export; default: runs/classifier_ and the name of the data set"),
        Option("channels", 64, "feature maps of the first convolution (paper: 64)"),
        Option("train_steps", 80_000, "updates; the learning rate drops after one half and three quarters of them"),
        Option("batch_size", 256, "images per step"),
        Option("learning_rate", 0.1, "initial learning rate of the momentum optimizer"),
        Option("weight_decay", 1e-4, "weight of the L2 penalty"),
        Option("crop_fraction", 0.75, "training images are cropped at random to this fraction (paper: 24 of 32 px)"),
        Option("flip", False, "mirror training images at random (not in the paper)"),
        Option("seed", 0, "seed of weights, order and crops"),
    ),
    run=run,
    settings="data",
)
