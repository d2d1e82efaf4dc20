"""A run, or a stand-in for one, as what `evaluation` scores: functions from arrays to arrays."""

from pathlib import Path

import numpy as np
import tensorflow as tf

from evaluation.subjects import Subject, of_networks, of_reconstructor
from tfpagan import augment
from tfpagan.checkpoints import Checkpoints
from tfpagan.config import AugmentationConfig, Config
from tfpagan.errors import UserError
from tfpagan.forward import Noise
from tfpagan.train import Trainer


def of_trainer(trainer: Trainer, name: str) -> Subject:
    """The networks as they are now: the moving averages where the run keeps them, in inference mode."""
    generator = trainer.inference("generator")
    decode = tf.function(lambda z: generator(z), reduce_retracing=True)
    latent_dim = trainer.config.networks.latent_dim
    if "encoder" not in trainer.networks:
        return of_networks(name, lambda z: decode(tf.constant(z)).numpy(), latent_dim)
    encoder = trainer.inference("encoder")
    encode = tf.function(lambda x: encoder(x), reduce_retracing=True)

    def moments(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        mean, log_variance = encode(tf.constant(x))
        return mean.numpy(), log_variance.numpy()

    return of_networks(name, lambda z: decode(tf.constant(z)).numpy(), latent_dim, moments)


def restored(
    config: Config, model_dir: Path, image_shape: tuple[int, int, int], strategy: tf.distribute.Strategy
) -> tuple[Trainer, int]:
    """The trainer of a run, from its newest checkpoint that reads whole, and the step of that.

    Raises:
      UserError: when there is none.
    """
    trainer = Trainer(config=config, image_shape=image_shape, strategy=strategy)
    step = Checkpoints(trainer.checkpoint(), model_dir / "ckpt", keep=config.training.keep_checkpoints).restore()
    if not step:
        raise UserError(f"--model_dir={model_dir} holds no checkpoint")
    return trainer, step


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
