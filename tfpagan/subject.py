"""A run, or a stand-in for one, as what `evaluation` scores: functions from arrays to arrays."""

import numpy as np
import tensorflow as tf

from evaluation.sources import Images, Pairs
from evaluation.subjects import Subject, of_networks
from tfpagan import augment
from tfpagan.config import AugmentationConfig
from tfpagan.inference import decoding, encoding


def of_run(generator: tf.keras.Model, encoder: tf.keras.Model | None, latent_dim: int, name: str) -> Subject:
    """The networks as they are now, in inference mode."""
    return of_networks(name, decoding(generator), latent_dim, encoding(encoder) if encoder else None)


def of_augmentation(config: AugmentationConfig) -> Subject:
    """a(x) in the place of G(E(x)): the AUG row of PAGAN's Table 2."""
    a = augment.build(config)

    def pairs(x: Images, code: str, seed: int) -> Pairs:
        random = np.random.default_rng((seed, 1))  # image by image: batches of any size get the same

        def augmented(images: np.ndarray) -> np.ndarray:
            uniforms = random.uniform(size=[len(images), augment.UNIFORMS]).astype(np.float32)
            return a(tf.constant(images), tf.constant(uniforms)).numpy()

        return Pairs(x, augmented)

    return Subject(f"augment:{config.augmentation}", pairs=pairs)
