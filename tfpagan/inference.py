"""The generator and encoder of a run, for use: from a checkpoint alone, without data set, discriminators and optimizers."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tensorflow as tf

from tfpagan import colouring, networks, run_folder
from tfpagan.checkpoints import UNREADABLE, read_newest, steps_in, why
from tfpagan.config import Config
from tfpagan.errors import UserError
from tfpagan.images import to_unit_range


@dataclasses.dataclass(frozen=True)
class Inference:
    """What a run has learned.

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


def restored(model_dir: Path, *, step: int = 0, best: bool = False, skip_damaged: bool = True) -> Inference:
    """The networks of a run, from its newest checkpoint.

    Args:
      model_dir: the run folder.
      step: of the checkpoint to read; 0: the newest.
      best: read the one that `--best_metric` kept.
      skip_damaged: whether the newest that reads whole will do, with a warning; else a damaged newest one is refused.

    Raises:
      UserError: when there is no such checkpoint, or it cannot be read.
    """
    if step and best:
        raise UserError(f"step {step} and the best are two choices; make one")
    config = run_folder.require(model_dir)
    folder = model_dir / ("best" if best else "ckpt")
    steps = steps_in(folder)
    if not steps:
        raise UserError(f"{folder} holds no checkpoint; --best_metric keeps the best one there while it trains")
    if not step and skip_damaged:
        found, (built, shape) = read_newest(folder, lambda prefix: _read(prefix, config))
        return Inference(built, config, shape, found)
    step = step or steps[-1]
    if step not in steps:
        raise UserError(f"{folder} holds no checkpoint of step {step}; there are {', '.join(map(str, steps))}")
    try:
        built, shape = _read(f"{folder}/ckpt-{step}", config)
    except UNREADABLE as e:
        others = ", ".join(str(s) for s in steps if s != step)
        advice = f"; --step takes another: {others}" if others and not best else ""
        raise UserError(f"checkpoint ckpt-{step} in {folder} is damaged: {why(e)}{advice}") from None
    return Inference(built, config, shape, step)


def decoding(generator: tf.keras.Model) -> Callable[[np.ndarray], np.ndarray]:
    """G as a function of arrays: codes [n, Z] to images in (-1, 1)."""
    run = tf.function(lambda z: generator(z), reduce_retracing=True)
    return lambda z: run(tf.constant(z)).numpy()


def colourising(colouriser: colouring.Colouriser) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """G given lightness, as a function of arrays: codes [n, Z] and images in [-1, 1] to images of their lightness."""
    run = tf.function(lambda z, x: colouriser(z, x), reduce_retracing=True)
    return lambda z, x: run(tf.constant(z), tf.constant(x)).numpy()


def encoding(encoder: tf.keras.Model) -> Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """E as a function of arrays: images in [-1, 1] to the mean and the log-variance of their codes [n, Z]."""
    run = tf.function(lambda x: encoder(x), reduce_retracing=True)

    def moments(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        mean, log_variance = run(tf.constant(x))
        return mean.numpy(), log_variance.numpy()

    return moments


def features(encoder: tf.keras.Model) -> Callable[[np.ndarray], np.ndarray]:
    """What E's last layers make of uint8 images, as a function of arrays: [n, H, W, C] to [n, F]."""
    run = tf.function(lambda x: encoder.features(to_unit_range(x)), reduce_retracing=True)
    return lambda x: run(tf.constant(x)).numpy()


def _read(prefix: str, config: Config) -> tuple[dict[str, tf.keras.Model], tuple[int, int, int]]:
    channels = 3 if config.networks.condition == "lightness" else _image_channels(prefix)
    shape = (config.data.image_size, config.data.image_size, channels)
    roles = [role for role in networks.USED if role in config.objective.players]
    precision = config.training.mixed_precision
    built = {role: networks.build(role, config.networks, shape, mixed_precision=precision) for role in roles}
    wanted = {"averages" if config.training.ema_decay else "networks": built}
    # Whatever else the checkpoint holds is for training.
    tf.train.Checkpoint(**wanted).restore(prefix).assert_existing_objects_matched().expect_partial()
    return {role: colouring.for_use(role, network, config.networks) for role, network in built.items()}, shape


def _image_channels(prefix: str) -> int:
    """C, from the last layer of the generator: the configuration does not say it, and the data set may not be at hand."""
    shapes = tf.train.load_checkpoint(prefix).get_variable_to_shape_map()
    return shapes["networks/generator/to_image/bias/.ATTRIBUTES/VARIABLE_VALUE"][-1]
