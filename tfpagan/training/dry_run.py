"""The plan that `bin/train --dry_run` prints."""

import json
import resource
import sys
import time
from typing import Any

import numpy as np
import tensorflow as tf
from absl import logging

from tfpagan import data
from tfpagan.config import Config
from tfpagan.errors import UserError
from tfpagan.training import devices, memory
from tfpagan.training.trainer import Trainer

MEASURED_STEPS = 3


def dry_run(config: Config, described: data.Described, *, as_json: bool = False) -> str:
    """The effective configuration, parameters, memory, time and downloads of a run, measured over three steps on noise.

    Raises:
      UserError: when a step does not fit into the memory of the device, by estimation; it is not tried.
    """
    size, splits = described.config.image_size, described.holding_out(config.training.validation_images)
    strategy = devices.strategy(config.training.devices)
    trainer = Trainer(config=config, image_shape=(size, size, described.channels), strategy=strategy)
    needed = _needed_mib(trainer)
    logging.info("measuring %d steps", MEASURED_STEPS)
    seconds = _seconds_per_step(trainer)
    parameters = {role: int(sum(np.prod(v.shape) for v in n.trainable_variables)) for role, n in trainer.networks.items()}
    facts = {
        "configuration": json.loads(config.to_json()),
        "image_shape": list(trainer.image_shape),
        "images": splits,
        "downloads": described.downloads,
        "parameters": parameters,
        "step_mode": trainer.mode,
        "replicas": trainer.replicas,
        "xla": trainer.xla,
        "device_mib": needed,
        "memory_mib": round(_memory_mib()),
        "seconds_per_step": round(seconds, 4),
        "hours": round(seconds * config.training.train_steps / 3600, 2),
    }
    return json.dumps(facts, indent=2) if as_json else _readable(facts, config)


def _readable(facts: dict[str, Any], config: Config) -> str:
    total = sum(facts["parameters"].values())
    lines = [f"--{name}={value}" for name, value in config.flat().items()]
    lines += [
        "",
        f"images        {facts['image_shape']}, "
        + ", ".join(f"{s} {n or 'an unknown number'}" for s, n in facts["images"].items()),
    ]
    lines += [f"downloads     {facts['downloads']}"]
    lines += [f"parameters    {total:,}: " + ", ".join(f"{r} {n:,}" for r, n in facts["parameters"].items())]
    lines += [f"gradients     {facts['step_mode']}, on {facts['replicas']} replica(s){', compiled by XLA' * facts['xla']}"]
    measured = f"this process {facts['memory_mib']:,} MiB after {MEASURED_STEPS} steps"
    lines += [f"memory        about {facts['device_mib']:,} MiB on each device; {measured}"]
    speed = f"{facts['seconds_per_step']:.3g} s a step, measured here over {MEASURED_STEPS} steps"
    lines += [f"time          {facts['hours']:g} hours for {config.training.train_steps:,} steps ({speed})"]
    return "\n".join(lines)


def _needed_mib(trainer: Trainer) -> int:
    """What the variables and a step of one replica take, whether XLA would need less or not.

    Raises:
      UserError: when its device does not have as much.
    """
    training = trainer.config.training
    device, available = devices.memory_mib(trainer.strategy)
    if trainer.xla or trainer.replicas > 1:  # the graph of one replica, with its operations
        alone = trainer.config.with_changes({"xla": "false", "batch_size": max(2, training.batch_size // trainer.replicas)})
        one = tf.distribute.OneDeviceStrategy(trainer.strategy.extended.worker_devices[0])
        trainer = Trainer(config=alone, image_shape=trainer.image_shape, strategy=one)
    needed = round(memory.of_step(trainer) / 2**20)
    if needed > available:
        where = f"{device}, which has {available:,} MiB"
        raise UserError(f"--batch_size={training.batch_size} does not fit: a step takes about {needed:,} MiB on {where}")
    return needed


def _seconds_per_step(trainer: Trainer) -> float:
    shape = (trainer.config.training.batch_size, *trainer.image_shape)
    noise = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    batches = iter(data.repeated(noise))
    trainer.advance(batches, 1)
    begun = time.monotonic()
    trainer.advance(batches, MEASURED_STEPS)
    return (time.monotonic() - begun) / MEASURED_STEPS


def _memory_mib() -> float:
    """Peak memory of the first GPU, or of this process where there is none."""
    if tf.config.list_logical_devices("GPU"):
        return tf.config.experimental.get_memory_info("GPU:0")["peak"] / 2**20
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)
