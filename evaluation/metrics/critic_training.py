"""Training of independent Wasserstein critics, and the distance that they estimate on held-out images."""

import dataclasses
from collections.abc import Callable, Iterator

import numpy as np
import tensorflow as tf
from absl import logging

from tfpagan.evaluation.errors import EvaluationError
from tfpagan.evaluation.metrics.wasserstein_critic import Critics

POINTS = 20  # of a curve


@dataclasses.dataclass(frozen=True)
class Sides:
    """Real and fake images, uint8 [N, H, W, C] and [M, H, W, C]."""

    real: np.ndarray
    fake: np.ndarray

    def halves(self, seed: int) -> "tuple[Sides, Sides]":
        """Random halves of both."""
        random = np.random.default_rng(seed)
        real, fake = (np.array_split(images[random.permutation(len(images))], 2) for images in (self.real, self.fake))
        return Sides(real[0], fake[0]), Sides(real[1], fake[1])


@dataclasses.dataclass
class Curve:
    """The distance by one critic while it learns (alpha-GAN, Figure 13): where `seen` rises and `held_out` falls, it overfits.

    Attributes:
      updates: how many it had.
      seen: mean f(real) - mean f(fake) of a batch that it is trained on.
      held_out: the same of all held-out images.
    """

    updates: list[int] = dataclasses.field(default_factory=list)
    seen: list[float] = dataclasses.field(default_factory=list)
    held_out: list[float] = dataclasses.field(default_factory=list)


def distances(
    seen: Sides, held_out: Sides, budget: Critics, *, seed: int = 0, between: Callable[[], None] = lambda: None
) -> list[Curve]:
    """The Wasserstein distance that critics f estimate, mean f(real) - mean f(fake) on images that they were not trained on.

    Args:
      seen: what every critic is trained on; the model was not trained on the real ones.
      held_out: what its distance is of: the last of its curve.
      budget: of every critic.
      seed: of the first critic; further ones have the following seeds.
      between: called before every update.

    Raises:
      EvaluationError: when a side is smaller than a batch.
    """
    sides = (seen.real, held_out.real, seen.fake, held_out.fake)
    if min(len(images) for images in sides) < budget.batch_size:
        real, fake = len(seen.real) + len(held_out.real), len(seen.fake) + len(held_out.fake)
        raise EvaluationError(
            f"{real} real and {fake} fake images are too few for a critic: 2 x {budget.batch_size} each are needed"
        )
    curves = []
    for i in range(budget.seeds):
        curves.append(train(seen, held_out, budget, seed=seed + i, between=between))
        last = curves[-1].held_out[-1]
        logging.info("critic %d of %d, %d steps: distance %.4g", i + 1, budget.seeds, budget.steps, last)
    return curves


class Critic:
    """A critic f and its optimizer, Adam with betas 0.5 and 0.9 (Gulrajani et al., 2017).

    Args:
      image_shape: (H, W, C).
      budget: of which the number of updates is the caller's.
      seed: of its weights.
    """

    def __init__(self, image_shape: tuple[int, ...], budget: Critics, seed: int):
        tf.keras.utils.set_random_seed(seed)
        self.network, self._penalty = network(image_shape, budget.channels), budget.penalty
        self.optimizer = tf.keras.optimizers.Adam(budget.learning_rate, beta_1=0.5, beta_2=0.9, jit_compile=False)
        self.optimizer.build(self.network.trainable_variables)

    def update(self, x: tf.Tensor, y: tf.Tensor, weight: tf.Tensor) -> tf.Tensor:
        """A step towards the largest mean f(x) - mean f(y) under the gradient penalty; returns it, as before the step.

        Args:
          x: real images [N, H, W, C] in [-1, 1].
          y: fake ones, likewise.
          weight: uniform in [0, 1), [N, 1, 1, 1]; where between x and y the penalty is taken.
        """
        with tf.GradientTape() as tape:
            real, fake = tf.split(self.network(tf.concat([x, y], 0)), 2)
            distance = tf.reduce_mean(real) - tf.reduce_mean(fake)
            loss = -distance + self._penalty * tf.reduce_mean(gradient_penalty(self.network, x, y, weight))
        gradients = tape.gradient(loss, self.network.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.network.trainable_variables, strict=True))
        return distance

    def mean(self, images: np.ndarray, batch_size: int = 500) -> float:
        """The mean of f over uint8 images."""
        scores = [self.network(_scaled(images[i : i + batch_size])).numpy() for i in range(0, len(images), batch_size)]
        return float(np.concatenate(scores).astype(np.float64).mean())


def train(seen: Sides, held_out: Sides, budget: Critics, *, seed: int, between: Callable[[], None] = lambda: None) -> Curve:
    """Train a critic to maximise mean f(real) - mean f(fake) under the gradient penalty."""
    critic = Critic(seen.real.shape[1:], budget, seed)
    update = tf.function(lambda x, y, weight: critic.update(_scaled(x), _scaled(y), weight))
    random, curve = np.random.default_rng(seed), Curve()
    for done, (x, y) in enumerate(_batches(seen, budget, random), 1):
        between()
        distance = update(tf.constant(x), tf.constant(y), tf.constant(random.uniform(size=[len(x), 1, 1, 1]), tf.float32))
        if done % max(1, budget.steps // POINTS) == 0 or done == budget.steps:
            curve.updates.append(done)
            curve.seen.append(float(distance))
            curve.held_out.append(critic.mean(held_out.real) - critic.mean(held_out.fake))
    return curve


def network(image_shape: tuple[int, ...], channels: int) -> tf.keras.Model:
    """Images [N, H, W, C] to [N]: three convolutions 4 x 4 of stride 2, leaky ReLU 0.2, a linear layer; no batch norm."""
    layers: list[tf.keras.layers.Layer] = [tf.keras.layers.InputLayer(image_shape)]
    for i in range(3):
        layers += [tf.keras.layers.Conv2D(channels * 2**i, 4, 2, "same"), tf.keras.layers.LeakyReLU(0.2)]
    return tf.keras.Sequential([*layers, tf.keras.layers.Flatten(), tf.keras.layers.Dense(1), tf.keras.layers.Reshape([])])


def gradient_penalty(critic: Callable[[tf.Tensor], tf.Tensor], x: tf.Tensor, y: tf.Tensor, weight: tf.Tensor) -> tf.Tensor:
    """(|gradient of f| - 1)^2 [N] at points between x and y (Gulrajani et al., 2017, equation 3).

    Args:
      critic: f.
      x: images [N, H, W, C].
      y: likewise.
      weight: of x, uniform in [0, 1), [N, 1, 1, 1].
    """
    between = weight * x + (1.0 - weight) * y
    with tf.GradientTape() as tape:
        tape.watch(between)
        scores = critic(between)
    gradient = tape.gradient(scores, between)  # [N, H, W, C]: no score depends on another image
    return tf.square(tf.sqrt(tf.reduce_sum(tf.square(gradient), [1, 2, 3]) + 1e-12) - 1.0)


def _scaled(images: tf.Tensor | np.ndarray) -> tf.Tensor:
    return tf.cast(images, tf.float32) / 127.5 - 1.0


def _batches(seen: Sides, budget: Critics, random: np.random.Generator) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    def some(images: np.ndarray) -> np.ndarray:
        return images[random.choice(len(images), budget.batch_size, replace=False)]

    for _ in range(budget.steps):
        yield some(seen.real), some(seen.fake)
