"""The smallest things that are still the real ones: images of 8 px, networks of 8 channels."""

import numpy as np
import tensorflow as tf

from tfpagan import augment, networks
from tfpagan.config import AugmentationConfig, NetworkConfig
from tfpagan.forward import Noise, Pass
from tfpagan.objectives import Objective

SHAPE = (8, 8, 1)
N, Z = 6, 4
CONFIG = NetworkConfig(channels=8, latent_dim=Z)


def images(n: int = N, shape: tuple[int, int, int] = SHAPE, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, [n, *shape]).astype(np.uint8)


def build_networks(objective: Objective, config: NetworkConfig = CONFIG) -> dict[str, tf.keras.Model]:
    """The networks of an objective, with biases other than zero and kernels that make logits of order 1."""
    built = {role: networks.build(role, config, SHAPE) for role in objective.players}
    random = np.random.default_rng(5)
    for network in built.values():
        for v in network.trainable_variables:
            v.assign(v + random.normal(0, 0.2, v.shape))
        for _ in range(5):
            networks.power_iteration(network)
    return built


def new_pass(
    built: dict[str, tf.keras.Model],
    augmentation: str = "pad_crop",
    x: np.ndarray | None = None,
    noise: Noise | None = None,
) -> Pass:
    x = images() if x is None else x
    a = augment.build(AugmentationConfig(augmentation=augmentation, pad_fraction=0.25))
    return Pass(built, tf.cast(x, tf.float32) / 127.5 - 1.0, noise or Noise(0, tf.constant(3), len(x)), a, Z)
