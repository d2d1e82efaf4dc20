"""The generator and encoder of a run, from a checkpoint alone: without data set, discriminators or optimizers."""

import dataclasses
from pathlib import Path

import tensorflow as tf

from tfpagan import networks
from tfpagan.config import Config
from tfpagan.errors import UserError
from tfpagan.forward.condition import NONE
from tfpagan.run_folder import folder as run_folder
from tfpagan.run_folder.checkpoints import attempted, read_newest
from tfpagan.run_folder.folder import steps_in


@dataclasses.dataclass(frozen=True)
class Inference:
    """The trained networks of a run.

    Attributes:
      networks: by role: the generator, and the encoder of a system that has one; moving averages where the run keeps them.
      config: of the run.
      image_shape: (H, W, C).
      step: of the checkpoint.
    """

    networks: dict[str, tf.keras.Model]
    config: Config
    image_shape: tuple[int, int, int]
    step: int


def restored(
    model_dir: Path, *, step: int | None = None, best: bool = False, skip_damaged: bool = True, float32: bool = False
) -> Inference:
    """The networks of a run, from its newest checkpoint.

    Args:
      model_dir: the run folder.
      step: of the checkpoint to read; None: the newest.
      best: use the checkpoint that `--best_metric` kept.
      skip_damaged: whether to fall back to the newest intact checkpoint, with a warning; else a damaged newest one is refused.
      float32: whether the networks compute in float32, also where the run has `--mixed_precision`.

    Raises:
      UserError: when there is no such checkpoint, or it cannot be read.
    """
    if step is not None and best:
        raise UserError(f"step {step} and the best checkpoint exclude each other; choose one")
    config = run_folder.require(model_dir)
    computing = config.with_changes({"mixed_precision": "none"}) if float32 else config
    folder = model_dir / ("best" if best else "ckpt")
    steps = steps_in(folder)
    if not steps:
        raise UserError(f"{folder} holds no checkpoint; --best_metric keeps the best one there while it trains")
    if step is None and skip_damaged:
        found, (built, shape) = read_newest(folder, lambda prefix: _read(prefix, computing))
        return Inference(built, config, shape, found)
    step = steps[-1] if step is None else step
    if step not in steps:
        raise UserError(f"{folder} holds no checkpoint of step {step}; there are {', '.join(map(str, steps))}")
    read, problem = attempted(lambda prefix: _read(prefix, computing), f"{folder}/ckpt-{step}")
    if not read:
        others = ", ".join(str(s) for s in steps if s != step)
        advice = f"; --step takes another: {others}" if others and not best else ""
        raise UserError(f"checkpoint ckpt-{step} in {folder} {problem}{advice}")
    built, shape = read
    return Inference(built, config, shape, step)


def _read(prefix: str, config: Config) -> tuple[dict[str, tf.keras.Model], tuple[int, int, int]]:
    shape = (config.data.image_size, config.data.image_size, config.image_channels or _image_channels(prefix, config))
    condition, precision = config.objective.condition, config.training.mixed_precision
    roles = [role for role in networks.INFERENCE_ROLES if role in config.objective.players]
    built = {
        role: networks.build(role, config.networks, shape, condition=condition, mixed_precision=precision) for role in roles
    }
    wanted = {"averages" if config.training.ema_decay else "networks": built}
    # The rest of the checkpoint is for training.
    tf.train.Checkpoint(**wanted).restore(prefix).assert_existing_objects_matched().expect_partial()
    in_use = {"generator": condition.generator_in_use, "encoder": condition.encoder_in_use}
    return {role: in_use[role](network) for role, network in built.items()}, shape


def _image_channels(prefix: str, config: Config) -> int:
    """C of a run whose config.json does not store it, as in version 0.1: from the last layer of the generator."""
    if config.objective.condition is not NONE:
        return 3
    shapes = tf.train.load_checkpoint(prefix).get_variable_to_shape_map()
    key = "networks/generator/to_image/bias/.ATTRIBUTES/VARIABLE_VALUE"
    if key not in shapes:
        raise UserError(f"{prefix} does not say how many channels its images have")
    return shapes[key][-1]
