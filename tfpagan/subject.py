"""A run, or a stand-in for one, as what `evaluation` scores: functions from arrays to arrays."""

import numpy as np
import tensorflow as tf

from evaluation.subjects import Subject, of_networks, of_reconstructor
from tfpagan import augment
from tfpagan.config import AugmentationConfig
from tfpagan.forward import Noise
from tfpagan.inference import decoding, encoding


def of_run(generator: tf.keras.Model, encoder: tf.keras.Model | None, latent_dim: int, name: str) -> Subject:
    """The networks as they are now, in inference mode."""
    return of_networks(name, decoding(generator), latent_dim, encoding(encoder) if encoder else None)


def of_augmentation(config: AugmentationConfig, seed: int) -> Subject:
    """a(x) in the place of G(E(x)): the AUG row of PAGAN's Table 2."""
    a = augment.build(config)
    drawn = 0

    def reconstruct(x: np.ndarray) -> np.ndarray:
        nonlocal drawn
        uniforms = Noise(seed, tf.constant(drawn), len(x)).uniform("x_aug", augment.UNIFORMS)
        drawn += len(x)
        return a(tf.constant(x), uniforms).numpy()

    return of_reconstructor(f"augment:{config.augmentation}", reconstruct)
