"""An independent Wasserstein critic that learns beside the model, on images that the model is not trained on."""

import json
from pathlib import Path

import numpy as np
import tensorflow as tf

from tfpagan.data import Part
from tfpagan.errors import UserError
from tfpagan.evaluation.metrics.critic_training import POINTS, Critic, Curve
from tfpagan.evaluation.metrics.wasserstein_critic import Critics
from tfpagan.forward.noise import Noise
from tfpagan.images import normalize, to_bytes
from tfpagan.latents import on_sphere
from tfpagan.scoring.files import draw_curves
from tfpagan.training.hooks import Hook
from tfpagan.training.trainer import Trainer

BUDGET = Critics()  # but for the number of updates, which is that of the model's steps


class IndependentCritic:
    """A critic between held-out images and samples (alpha-GAN, section 5); the model does not see it.

    Args:
      trainer: whose samples, those of the networks in use.
      held_out: the images.

    Raises:
      UserError: when the system has no samples.
    """

    def __init__(self, trainer: Trainer, held_out: Part):
        training = trainer.config.training
        decoder = trainer.objective.condition.decoder(trainer.inference("generator"))
        if decoder is None:
            raise UserError(f"--critic_from is not legal with --objective={trainer.objective.name}, which has no samples")
        self._decoder, self._real = decoder, tf.constant(held_out.images[held_out.places])
        self._seed, self._config = training.seed, trainer.config.networks
        self._critic = Critic(trainer.image_shape, BUDGET, training.seed)

    def checkpoint(self) -> tf.train.Checkpoint:
        """What a resumed run needs."""
        return tf.train.Checkpoint(network=self._critic.network, optimizer=self._critic.optimizer)

    @property
    def updates(self) -> int:
        """How many there were."""
        return int(self._critic.optimizer.iterations.numpy())

    @tf.function
    def advance(self, updates: tf.Tensor) -> tf.Tensor:
        """Update the critic as many times, on the samples of the weights as they are; the distance in the last batch."""
        distance = tf.constant(0.0)
        for _ in tf.range(updates):
            noise = Noise(self._seed, self._critic.optimizer.iterations.read_value(), BUDGET.batch_size)
            place = tf.cast(noise.uniform("critic_x", 1)[:, 0] * float(len(self._real)), tf.int32)
            real = tf.gather(self._real, tf.minimum(place, len(self._real) - 1))
            fake = tf.round(127.5 * (self._samples(noise) + 1.0))  # whole grey levels, as real images have
            weight = noise.uniform("critic_weight", 1)[:, :, None, None]
            distance = self._critic.update(normalize(real), normalize(fake), weight)
        return distance

    def distance(self, test: np.ndarray) -> float:
        """Mean f(x) - mean f(G(z)) over test images x, uint8 [N, H, W, C], and as many samples, always of the same codes."""
        fake, codes = 0.0, range(0, len(test), BUDGET.batch_size)
        for i in codes:
            made = to_bytes(self._drawn(tf.constant(-1 - i)))[: len(test) - i]
            fake += len(made) * self._critic.mean(made)
        return self._critic.mean(test) - fake / len(test)

    @tf.function
    def _drawn(self, draw: tf.Tensor) -> tf.Tensor:
        return self._samples(Noise(self._seed, draw, BUDGET.batch_size))

    def _samples(self, noise: Noise) -> tf.Tensor:
        z = noise.normal("critic_z", self._config.latent_dim)
        return self._decoder(on_sphere(z) if self._config.posterior == "sphere" else z)


class CriticHook(Hook):
    """Updates a critic as often as the model has had steps since `--critic_from`; shows its curve (alpha-GAN, Figure 13).

    Twenty times the distances are written to `metrics.jsonl` and TensorBoard and drawn in `critic_curves/`.

    Args:
      folder: the run folder.
      writer: TensorBoard's.
      critic: what to update.
      test: test images, uint8 [N, H, W, C].
      begin: step after which it learns; one that has begun, in a run that is given more steps, goes on.
      step: of the model now.
      until: last step.
    """

    every_steps = 10

    def __init__(
        self,
        folder: Path,
        writer: tf.summary.SummaryWriter,
        critic: IndependentCritic,
        test: np.ndarray,
        *,
        begin: int,
        step: int,
        until: int,
    ):
        self._folder, self._writer, self._critic, self._test = folder, writer, critic, test
        self._begin = min(begin, step - critic.updates) if critic.updates else begin
        self._until = until
        self._show_every = self.every_steps * max(1, (until - begin) // (POINTS * self.every_steps))

    def act(self, step: int) -> None:
        if (due := step - self._begin - self._critic.updates) <= 0:
            return
        seen = float(self._critic.advance(tf.constant(due)))
        if step % self._show_every == 0 or step == self._until:
            self._show(step, {"critic/seen": seen, "critic/held_out": self._critic.distance(self._test)})

    def _show(self, step: int, distances: dict[str, float]) -> None:
        with self._writer.as_default(step):
            for tag, value in distances.items():
                tf.summary.scalar(tag, value)
        self._writer.flush()
        file = self._folder / "metrics.jsonl"
        with file.open("a") as f:
            f.write(json.dumps({"step": step, "critic/updates": self._critic.updates} | distances) + "\n")
        lines = [line for line in map(json.loads, file.read_text().splitlines()) if "critic/updates" in line]
        curve = Curve(*([line[f"critic/{name}"] for line in lines] for name in ("updates", "seen", "held_out")))
        folder = self._folder / "critic_curves"
        folder.mkdir(exist_ok=True)
        draw_curves(folder / f"step_{step:08d}.png", [vars(curve)])
