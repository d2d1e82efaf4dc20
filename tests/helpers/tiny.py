"""The smallest real networks, passes and runs: images of 8 px, networks of 8 channels."""

import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tfpagan import data, networks
from tfpagan.config import Config
from tfpagan.forward import augment
from tfpagan.forward.condition import NONE, Condition
from tfpagan.forward.forward_pass import Pass
from tfpagan.forward.noise import Noise
from tfpagan.objectives import Objective
from tfpagan.run_folder.checkpoints import Checkpoints
from tfpagan.settings.sections import AugmentationConfig, NetworkConfig
from tfpagan.training.trainer import Trainer

SHAPE = (8, 8, 1)
N, Z = 6, 4
CONFIG = NetworkConfig(channels=8, latent_dim=Z)


def shape_of(condition: Condition) -> tuple[int, int, int]:
    """Shape of the images that networks with this condition take: in colour for colourisation."""
    return SHAPE if condition is NONE else (8, 8, 3)


def images(n: int = N, shape: tuple[int, int, int] = SHAPE, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, [n, *shape]).astype(np.uint8)


def feed(shape: tuple[int, int, int] = SHAPE) -> Iterator[tf.Tensor]:
    """The same batch of 4 images for ever."""
    return iter(data.repeated(images(4, shape)))


def build_networks(objective: Objective, config: NetworkConfig = CONFIG) -> dict[str, tf.keras.Model]:
    """The networks of an objective, with biases other than zero and kernels that make logits of order 1.

    Networks of the same kind are built once per process, which takes longer than most tests; each call gives all their
    variables the same values again.
    """
    built, values = _built(objective.players, objective.condition, config)
    for network, initial in zip(built.values(), values, strict=True):
        for v, value in zip(network.variables, initial, strict=True):
            v.assign(value)
    return dict(built)


@functools.cache
def _built(
    players: tuple[str, ...], condition: Condition, config: NetworkConfig
) -> tuple[dict[str, tf.keras.Model], list[list[np.ndarray]]]:
    shape = shape_of(condition)
    built = {role: networks.build(role, config, shape, condition=condition) for role in players}
    random = np.random.default_rng(5)
    for network in built.values():
        for v in network.trainable_variables:
            v.assign(v + random.normal(0, 0.2, v.shape))
        for _ in range(5):
            networks.power_iteration(network)
    return built, [[v.numpy() for v in network.variables] for network in built.values()]


def new_pass(
    built: dict[str, tf.keras.Model],
    augmentation: str = "pad_crop",
    x: np.ndarray | None = None,
    noise: Noise | None = None,
    config: NetworkConfig = CONFIG,
    condition: Condition = NONE,
) -> Pass:
    x = images(shape=shape_of(condition)) if x is None else x
    a = augment.build(AugmentationConfig(augmentation=augmentation, pad_fraction=0.25))
    return Pass(built, tf.cast(x, tf.float32) / 127.5 - 1.0, noise or Noise(0, tf.constant(3), len(x)), a, config, condition)


def write_run(
    folder: Path,
    shape: tuple[int, int, int] = SHAPE,
    steps: tuple[int, ...] = (1,),
    strategy: tf.distribute.Strategy | None = None,
    **changes: Any,
) -> Trainer:
    """Write the folder of a run as if it had been trained, with different random weights at every step; return its trainer."""
    sizes = {"image_size": shape[0], "channels": 8, "latent_dim": Z, "batch_size": 4, "ema_decay": 0.5}
    config = Config().with_changes(sizes | changes)
    strategy = strategy or tf.distribute.OneDeviceStrategy("/cpu:0")
    trainer = Trainer(config=config, image_shape=shape, strategy=strategy)
    checkpoints = Checkpoints(trainer.checkpoint(), folder / "ckpt", keep=len(steps))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(config.to_json())
    for step in steps:
        random = np.random.default_rng(step)
        for network in (*trainer.networks.values(), *trainer.averages.values()):
            for v in network.variables:
                v.assign(random.uniform(0.1, 0.5, v.shape))
        trainer.step.assign(step)
        checkpoints.save()
    return trainer
