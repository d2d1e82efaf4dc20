"""Runs and augmentations as subjects of `evaluation`: functions from arrays to arrays."""

import dataclasses
import math
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from tfpagan.evaluation.images import Images
from tfpagan.evaluation.pairs import Pairs
from tfpagan.evaluation.subjects import Subject, of_networks
from tfpagan.forward import augment
from tfpagan.forward.condition import NONE, Condition
from tfpagan.latents import on_sphere
from tfpagan.losses import densities
from tfpagan.networks.arrays import decoding, encoding
from tfpagan.settings.sections import AugmentationConfig, NetworkConfig

Array = np.ndarray
Random = np.random.Generator


def of_run(
    generator: tf.keras.Model, encoder: tf.keras.Model | None, config: NetworkConfig, name: str, condition: Condition = NONE
) -> Subject:
    """A run's networks as a subject; their weights are those at the time of each call.

    A colourisation system has no samples, only reconstructions: colourisations of given images.
    """
    decoder = condition.decoder(generator)
    if decoder is None:
        assert encoder is not None
        return _of_reconstructions(generator, encoder, config, name, condition)
    encode, draw = (encoding(encoder), _drawing(encoder)) if encoder else (None, None)
    subject = of_networks(name, decoding(decoder), config.latent_dim, encode, draw)
    subject = dataclasses.replace(subject, decode_tensor=decoder)
    if config.posterior == "sphere":
        subject = dataclasses.replace(subject, prior=lambda normal: on_sphere(tf.constant(normal)).numpy())
    if encoder and config.likelihood != "none":
        subject = dataclasses.replace(subject, bound=_bound(generator, encoder, config))
    return subject


def _of_reconstructions(
    generator: tf.keras.Model, encoder: tf.keras.Model, config: NetworkConfig, name: str, condition: Condition
) -> Subject:
    run = tf.function(lambda x: condition.reconstruct(generator, encoder, x), reduce_retracing=True)

    def pairs(x: Images, code: str, seed: int) -> Pairs:  # codes are points: a draw equals the mean
        return Pairs(x, lambda images: run(tf.constant(images)).numpy())

    return Subject(name, pairs=pairs, encode=encoding(encoder), latent_dim=config.latent_dim)


def _drawn(encoder: tf.keras.Model, x: tf.Tensor, noise: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Draws z [n, Z] from q(z | x), and log q(z | x) [n]."""
    mean, log_variance = encoder.base(x)
    before = mean + tf.exp(0.5 * log_variance) * noise
    z, log_det = encoder.flow(before) if encoder.flow else (before, 0.0)
    return z, densities.normal(before, mean, 0.5 * log_variance) - log_det


def _drawing(encoder: tf.keras.Model) -> Callable[[Array, Array], Array]:
    """A function from arrays of images and noise to draws from q(z | x)."""
    run = tf.function(lambda x, noise: _drawn(encoder, x, noise)[0], reduce_retracing=True)
    return lambda x, noise: run(tf.constant(x), tf.constant(noise)).numpy()


def _bound(generator: tf.keras.Model, encoder: tf.keras.Model, config: NetworkConfig) -> Callable[[Array, Random], Array]:
    """A function from uint8 images to the negative evidence lower bound (AS-VAE eq. 1) in nats [n], with one draw of z each.

    For a Bernoulli decoder, pixels are probabilities. Other densities are over grey levels with uniform noise; in [-1, 1] a
    grey level is 1 / 127.5 wide.
    """

    @tf.function(reduce_retracing=True)
    def nats(x: tf.Tensor, noise: tf.Tensor) -> tf.Tensor:
        z, log_q = _drawn(encoder, x, noise)
        log_prior = densities.normal(z, tf.zeros_like(z), tf.constant(0.0))
        log_p = densities.log_likelihood(config.likelihood, x, generator(z), generator.log_scale)
        return log_q - log_prior - log_p

    def bound(images: Array, random: Random) -> Array:
        x = images.astype(np.float32)
        levels = 0.0
        if config.likelihood != "bernoulli":
            x += random.uniform(-0.5, 0.5, x.shape).astype(np.float32)
            levels = images[0].size * math.log(127.5)
        noise = random.standard_normal([len(x), config.latent_dim]).astype(np.float32)
        return nats(tf.constant(x / 127.5 - 1.0), tf.constant(noise)).numpy() + levels

    return bound


def of_augmentation(config: AugmentationConfig) -> Subject:
    """a(x) instead of G(E(x)): the AUG row of PAGAN's Table 2."""
    a = augment.build(config)

    def pairs(x: Images, code: str, seed: int) -> Pairs:
        random = np.random.default_rng((seed, 1))  # read image by image, so that the batch size does not matter

        def augmented(images: np.ndarray) -> np.ndarray:
            uniforms = random.uniform(size=[len(images), augment.UNIFORMS]).astype(np.float32)
            return a(tf.constant(images), tf.constant(uniforms)).numpy()

        return Pairs(x, augmented)

    return Subject(f"augment:{config.augmentation}", pairs=pairs)
