"""Annealed importance sampling of a decoder's log-likelihood (Wu et al., 2017, 'On the quantitative analysis of
decoder-based generative models').

A decoder without a density is given that of x = G(z) + normal noise with a fixed standard deviation, for pixels in [0, 1].
The chains move from the prior to the posterior through p(z) p(x | z)^beta. The mean of their weights is an unbiased estimate of
p(x), so that its logarithm is, in expectation, a lower bound on log p(x), tighter with more distributions. That holds only if
the steps of a chain do not depend on its own past: their sizes are found by pilot chains, and fixed. (tensorflow_probability
has such chains, but accepts each proposal under the density of the previous distribution.)
"""

import dataclasses
import math
from collections.abc import Callable

import numpy as np
import tensorflow as tf
from absl import logging
from scipy.special import logsumexp

from tfpagan.evaluation.metrics.ais import Annealing

Decode = Callable[[tf.Tensor], tf.Tensor]

SIGMAS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.4)
ACCEPTANCE = 0.65
FASTER, SLOWER = 1.02, 0.98  # factors of the step size when the acceptance probability is above ACCEPTANCE, or not
PILOT_SHARE = 4  # one pilot chain for so many chains
PILOTS = 500_000_000  # added to the seeds of pilot chains
SHARPNESS = 4.0  # of the schedule of beta: a logistic function on [-4, 4], rescaled to [0, 1] (section 4.2)


def log_likelihoods(
    decode: Decode,
    latent_dim: int,
    images: np.ndarray,
    sigma: float,
    annealing: Annealing,
    *,
    seed: int = 0,
    between: Callable[[], None] = lambda: None,
) -> np.ndarray:
    """Estimates of log p(x) in nats [n], of densities on pixels in [0, 1].

    Args:
      decode: codes [m, Z] to images [m, H, W, C] in [-1, 1], differentiable.
      latent_dim: Z of the prior N(0, I).
      images: uint8 [n, H, W, C].
      sigma: standard deviation of the noise, for pixels in [0, 1].
      annealing: settings of the chains.
      seed: of the chains.
      between: called before the chains of every `annealing.images_at_once` images.
    """
    return _Chains(decode, latent_dim, annealing, between).log_likelihoods(images, sigma, seed)


def best_sigma(
    decode: Decode,
    latent_dim: int,
    images: np.ndarray,
    annealing: Annealing,
    *,
    seed: int = 0,
    between: Callable[[], None] = lambda: None,
) -> float:
    """The element of SIGMAS that maximises the mean log-likelihood of images other than those to be scored."""
    quick = dataclasses.replace(annealing, distributions=max(1, annealing.distributions // 10))
    chains = _Chains(decode, latent_dim, quick, between)
    means = [chains.log_likelihoods(images, sigma, seed).mean() for sigma in SIGMAS]
    best = SIGMAS[int(np.argmax(means))]
    if best in (SIGMAS[0], SIGMAS[-1]):
        logging.warning("ais: the best sigma is %g, at the end of %s; a better one may lie beyond", best, SIGMAS)
    return best


class _Chains:
    """Chains of codes [chains * n, Z], starting with the first chains of all images."""

    def __init__(self, decode: Decode, latent_dim: int, annealing: Annealing, between: Callable[[], None]):
        self._decode, self._latent_dim, self._annealing, self._between = decode, latent_dim, annealing, between
        self._run = tf.function(self._log_weights, reduce_retracing=True)
        self._adapt = tf.function(self._step_sizes, reduce_retracing=True)

    def log_likelihoods(self, images: np.ndarray, sigma: float, seed: int) -> np.ndarray:
        """Log-likelihoods [n] of uint8 images [n, H, W, C]."""
        parts = []
        for i in range(0, len(images), self._annealing.images_at_once):
            self._between()
            x = tf.constant(images[i : i + self._annealing.images_at_once], tf.float32) / 255.0
            steps = self._adapt(x, tf.constant(sigma), tf.constant([seed, i + PILOTS]))
            log_weights = self._run(x, tf.constant(sigma), tf.constant([seed, i]), steps).numpy().astype(np.float64)
            parts.append(logsumexp(log_weights, axis=0) - math.log(self._annealing.chains))
        return np.concatenate(parts)

    def _step_sizes(self, x: tf.Tensor, sigma: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Sizes of leapfrog steps [distributions, n]: geometric means over the chains of an image, which adapt them."""
        a, chains = self._annealing, max(1, self._annealing.chains // PILOT_SHARE)
        x = tf.tile(x, [chains, 1, 1, 1])
        rows = tf.shape(x)[0]
        z = tf.random.stateless_normal([rows, self._latent_dim], seed)
        log_step = tf.fill([rows], math.log(a.first_step))
        sizes = tf.TensorArray(tf.float32, a.distributions)
        for i in tf.range(a.distributions):
            sizes = sizes.write(i, tf.exp(tf.reduce_mean(tf.reshape(log_step, [chains, -1]), 0)))
            z, accepted = self._proposed(z, x, sigma, self._beta(i + 1), tf.exp(log_step)[:, None], _after(seed, i))
            log_step += tf.where(accepted > ACCEPTANCE, math.log(FASTER), math.log(SLOWER))
        return sizes.stack()

    def _log_weights(self, x: tf.Tensor, sigma: tf.Tensor, seed: tf.Tensor, steps: tf.Tensor) -> tf.Tensor:
        """Log-weights [chains, n] for images [n, H, W, C] in [0, 1], with steps of sizes [distributions, n]."""
        a = self._annealing
        x = tf.tile(x, [a.chains, 1, 1, 1])
        rows = tf.shape(x)[0]
        z, weights = tf.random.stateless_normal([rows, self._latent_dim], seed), tf.zeros([rows])
        for i in tf.range(a.distributions):
            before, beta = self._beta(i), self._beta(i + 1)
            weights += (beta - before) * self._log_likelihood(z, x, sigma)
            z, _ = self._proposed(z, x, sigma, beta, tf.tile(steps[i], [a.chains])[:, None], _after(seed, i))
        return tf.reshape(weights, [a.chains, -1])

    def _beta(self, i: tf.Tensor) -> tf.Tensor:
        place = tf.cast(i, tf.float32) / self._annealing.distributions
        low, high = 1.0 / (1.0 + math.exp(SHARPNESS)), 1.0 / (1.0 + math.exp(-SHARPNESS))
        return (tf.sigmoid(SHARPNESS * (2.0 * place - 1.0)) - low) / (high - low)

    def _log_likelihood(self, z: tf.Tensor, x: tf.Tensor, sigma: tf.Tensor) -> tf.Tensor:
        off = 0.5 * (self._decode(z) + 1.0) - x
        dims = math.prod(x.shape[1:])
        return -0.5 * tf.reduce_sum(off**2, [1, 2, 3]) / sigma**2 - dims * (tf.math.log(sigma) + 0.5 * math.log(2.0 * math.pi))

    def _energy(self, z: tf.Tensor, x: tf.Tensor, sigma: tf.Tensor, beta: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """-log p(z) p(x | z)^beta [rows] up to a constant, and its gradient [rows, Z]."""
        with tf.GradientTape() as tape:
            tape.watch(z)
            energy = 0.5 * tf.reduce_sum(z**2, 1) - beta * self._log_likelihood(z, x, sigma)
        return energy, tape.gradient(energy, z)

    def _proposed(
        self, z: tf.Tensor, x: tf.Tensor, sigma: tf.Tensor, beta: tf.Tensor, step: tf.Tensor, seed: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Codes after a Hamiltonian Monte Carlo step that leaves p(z) p(x | z)^beta invariant; its acceptance probability."""
        momentum = tf.random.stateless_normal(tf.shape(z), seed)
        energy, slope = self._energy(z, x, sigma, beta)
        start = energy + 0.5 * tf.reduce_sum(momentum**2, 1)
        moved, end = z, energy
        for _ in tf.range(self._annealing.leapfrog_steps):
            half = momentum - 0.5 * step * slope
            moved += step * half
            end, slope = self._energy(moved, x, sigma, beta)
            momentum = half - 0.5 * step * slope
        off = start - end - 0.5 * tf.reduce_sum(momentum**2, 1)
        probability = tf.exp(tf.minimum(tf.where(tf.math.is_finite(off), off, -math.inf), 0.0))
        taken = tf.random.stateless_uniform(tf.shape(probability), seed + 1) < probability
        return tf.where(taken[:, None], moved, z), probability


def _after(seed: tf.Tensor, i: tf.Tensor) -> tf.Tensor:
    """The seed of the proposal after distribution i."""
    return seed + tf.stack([0, (i + 1) * 1_000_003])
