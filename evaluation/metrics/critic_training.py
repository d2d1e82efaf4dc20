"""Training of independent Wasserstein critics, and the distance that they estimate on held-out images."""

from collections.abc import Callable, Iterator

import numpy as np
import tensorflow as tf
from absl import logging

from tfpagan.evaluation.errors import EvaluationError
from tfpagan.evaluation.metrics.wasserstein_critic import Critics


def negative_distance(
    real: np.ndarray, fake: np.ndarray, budget: Critics, *, seed: int = 0, between: Callable[[], None] = lambda: None
) -> tuple[float, float]:
    """Minus the Wasserstein distance that critics estimate on held-out images; higher is better.

    Each critic f is trained on a random half of either side; the distance is mean f(real) - mean f(fake) on the other halves.

    Args:
      real: uint8 [N, H, W, C] that the model was not trained on.
      fake: uint8 [M, H, W, C].
      budget: of every critic.
      seed: of the halves and the first critic; further critics have the following seeds.
      between: called before every update.

    Returns:
      Mean and standard deviation (ddof 1) over the critics.

    Raises:
      EvaluationError: when a half is smaller than a batch.
    """
    random = np.random.default_rng(seed)
    halves = [np.array_split(images[random.permutation(len(images))], 2) for images in (real, fake)]
    if min(len(half) for side in halves for half in side) < budget.batch_size:
        raise EvaluationError(
            f"{len(real)} real and {len(fake)} fake images are too few for a critic: 2 x {budget.batch_size} each are needed"
        )
    (real_seen, real_new), (fake_seen, fake_new) = halves
    distances = []
    for i in range(budget.seeds):
        critic = train(real_seen, fake_seen, budget, seed=seed + i, between=between)
        distances.append(_mean(critic, real_new) - _mean(critic, fake_new))
        logging.info("critic %d of %d, %d steps: distance %.4g", i + 1, budget.seeds, budget.steps, distances[-1])
    return -float(np.mean(distances)), float(np.std(distances, ddof=1)) if budget.seeds > 1 else float("nan")


def train(
    real: np.ndarray, fake: np.ndarray, budget: Critics, *, seed: int, between: Callable[[], None] = lambda: None
) -> tf.keras.Model:
    """A critic that maximises mean f(real) - mean f(fake) under the gradient penalty."""
    tf.keras.utils.set_random_seed(seed)
    critic = network(real.shape[1:], budget.channels)
    optimizer = tf.keras.optimizers.Adam(budget.learning_rate, beta_1=0.5, beta_2=0.9, jit_compile=False)
    optimizer.build(critic.trainable_variables)

    @tf.function
    def update(x: tf.Tensor, y: tf.Tensor, weight: tf.Tensor) -> None:
        x, y = _scaled(x), _scaled(y)
        with tf.GradientTape() as tape:
            scores = critic(tf.concat([x, y], 0))
            distance = tf.reduce_mean(scores[: budget.batch_size]) - tf.reduce_mean(scores[budget.batch_size :])
            loss = -distance + budget.penalty * tf.reduce_mean(gradient_penalty(critic, x, y, weight))
        gradients = tape.gradient(loss, critic.trainable_variables)
        optimizer.apply_gradients(zip(gradients, critic.trainable_variables, strict=True))

    random = np.random.default_rng(seed)
    for x, y in _batches(real, fake, budget, random):
        between()
        update(tf.constant(x), tf.constant(y), tf.constant(random.uniform(size=[len(x), 1, 1, 1]), tf.float32))
    return critic


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


def _mean(critic: tf.keras.Model, images: np.ndarray, batch_size: int = 500) -> float:
    scores = [critic(_scaled(images[i : i + batch_size])).numpy() for i in range(0, len(images), batch_size)]
    return float(np.concatenate(scores).astype(np.float64).mean())


def _scaled(images: tf.Tensor | np.ndarray) -> tf.Tensor:
    return tf.cast(images, tf.float32) / 127.5 - 1.0


def _batches(
    real: np.ndarray, fake: np.ndarray, budget: Critics, random: np.random.Generator
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    for _ in range(budget.steps):
        yield tuple(side[random.choice(len(side), budget.batch_size, replace=False)] for side in (real, fake))
