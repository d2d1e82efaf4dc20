"""Hooks between two calls of the loop: scalars and progress, image grids, checkpoints."""

import json
import math
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf
from absl import logging
from tqdm import tqdm

from tfpagan.errors import UserError
from tfpagan.forward import augment
from tfpagan.forward.condition import SIDE
from tfpagan.forward.noise import Noise
from tfpagan.images import grid, interleaved, normalize, to_bytes, write_png
from tfpagan.run_folder.checkpoints import Checkpoints
from tfpagan.run_folder.cpu_time import CpuTime
from tfpagan.training.trainer import Progress, Trainer

LINE_EVERY_SECONDS = 30.0


class Hook:
    """Acts when the number of steps is a multiple of `every_steps`, and at the end.

    Attributes:
      given_up: whether a signal made it give up something, which it makes up for when the run goes on.
      failed: steps at which it could not do what was due.
    """

    every_steps: int
    given_up: bool = False
    failed: Sequence[int] = ()

    def begin(self, step: int) -> None:
        """Called before the first step of a run that goes on from a checkpoint, also if none is left."""

    def collect(self, progress: Progress, seconds: float) -> None:
        """Called after every call of the loop."""

    def act(self, step: int) -> None:
        """Called when due."""
        raise NotImplementedError

    def enough(self, step: int) -> bool:
        """Whether the run may end at this step."""
        return False

    def stopped(self, step: int) -> None:
        """Called when the run ends before its last step."""


class ScalarHook(Hook):
    """Writes means since the last time to `metrics.jsonl` and TensorBoard, and progress to stderr.

    Args:
      folder: the run folder.
      writer: TensorBoard's.
      every_steps: how often.
      images_per_step: images drawn per step, over all phases.
      step: first step; lines of later steps, left by a stopped run, are removed.
      until: last step.
    """

    def __init__(
        self,
        folder: Path,
        writer: tf.summary.SummaryWriter,
        *,
        every_steps: int,
        images_per_step: int,
        step: int,
        until: int,
    ):
        self.every_steps, self._images_per_step, self._until, self._writer = every_steps, images_per_step, until, writer
        self._file = folder / "metrics.jsonl"
        _keep_lines_up_to(step, self._file)
        self._totals: Counter[str] = Counter()
        self._steps, self._seconds, self._line_at = 0, 0.0, 0.0
        self._bar = tqdm(total=until, initial=step, unit="step", disable=not sys.stderr.isatty())

    def collect(self, progress: Progress, seconds: float) -> None:
        for tag, total in progress.totals.items():
            self._totals[tag] += total  # type: ignore[assignment]
        self._steps += progress.steps
        self._seconds += seconds
        speed = self._steps * self._images_per_step / self._seconds
        if self._bar.disable and not self._line_at:  # a sign of life, long before there are means to show
            logging.info("the first step took %.1f s, with what TensorFlow prepares", seconds)
            self._line_at = time.monotonic()
        self._bar.update(progress.steps)
        self._bar.set_postfix_str(f"{speed:.0f} images/s")

    def act(self, step: int) -> None:
        if not self._steps:
            return
        means = {tag: total / self._steps for tag, total in self._totals.items()}
        means["throughput/images_per_second"] = self._steps * self._images_per_step / self._seconds
        with self._writer.as_default(step):
            for tag, value in means.items():
                tf.summary.scalar(tag, value)
        self._writer.flush()
        finite = {tag: value if math.isfinite(value) else None for tag, value in sorted(means.items())}
        with self._file.open("a") as f:
            f.write(json.dumps({"step": step, "images": step * self._images_per_step} | finite) + "\n")
        if self._bar.disable and (time.monotonic() - self._line_at > LINE_EVERY_SECONDS or step == self._until):
            left = (self._until - step) * self._images_per_step / means["throughput/images_per_second"]
            losses = ", ".join(f"{tag[5:]} {value:.3f}" for tag, value in means.items() if tag.startswith("loss/"))
            speed = means["throughput/images_per_second"]
            logging.info("step %d of %d, %.0f images/s, %.1f minutes left; %s", step, self._until, speed, left / 60, losses)
            self._line_at = time.monotonic()
        self._totals.clear()
        self._steps, self._seconds = 0, 0.0


class PictureHook(Hook):
    """Writes grids of samples, reconstructions and interpolations, as PNG files and to TensorBoard.

    Always of the same codes, test images, and training images (alpha-GAN's Figures 8 and 9). Reconstructions use the mean of
    q(z | x).

    Args:
      folder: the run folder.
      writer: TensorBoard's.
      trainer: whose networks to show.
      test: test images, uint8 [N, H, W, C].
      train: training images, likewise.
      every_steps: how often.
    """

    def __init__(
        self,
        folder: Path,
        writer: tf.summary.SummaryWriter,
        trainer: Trainer,
        test: np.ndarray,
        train: np.ndarray,
        *,
        every_steps: int,
    ):
        self.every_steps, self._folder, self._writer, self._trainer = every_steps, folder, writer, trainer
        self._test, self._train = np.asarray(test[: SIDE**2]), np.asarray(train[: SIDE**2])
        self._noise = Noise(trainer.config.training.seed, tf.constant(-1), SIDE**2)
        self._z = self._noise.normal("pictures", trainer.config.networks.latent_dim)

    def show_augmentations(self, step: int) -> None:
        """x beside a(x), worth checking before training: reconstructions will look like a(x) (appendix B)."""
        uniforms = self._noise.uniform("x_aug", augment.UNIFORMS)[: len(self._test)]
        augmented = augment.build(self._trainer.config.augmentation)(normalize(self._test), uniforms)
        self._write("augmentations", grid(interleaved(self._test, to_bytes(augmented)), 2 * SIDE), step)

    def act(self, step: int) -> None:
        trainer = self._trainer
        encoder = trainer.inference("encoder") if "encoder" in trainer.networks else None
        generator, condition = trainer.inference("generator"), trainer.objective.condition
        for name, picture in condition.pictures(generator, encoder, self._test, self._z).items():
            self._write(name, picture, step)
        if encoder is not None:
            made = condition.reconstruct(generator, encoder, normalize(self._train))
            self._write("training_reconstructions", grid(interleaved(self._train, to_bytes(made)), 2 * SIDE), step)

    def _write(self, name: str, picture: np.ndarray, step: int) -> None:
        folder = self._folder / name
        folder.mkdir(parents=True, exist_ok=True)
        write_png(picture, f"{folder}/step_{step:08d}.png")
        with self._writer.as_default(step):
            tf.summary.image(f"images/{name}", picture[None])
        self._writer.flush()


class CheckpointHook(Hook):
    """Saves checkpoints, of finite variables only, and beside them the CPU time that they took."""

    def __init__(self, checkpoints: Checkpoints, trainer: Trainer, cpu: CpuTime, *, every_steps: int):
        self.every_steps, self._checkpoints, self._trainer, self._cpu = every_steps, checkpoints, trainer, cpu

    def act(self, step: int) -> None:
        if bad := self._trainer.not_finite():
            raise UserError(f"variable {bad[0]} is not finite after step {step}; {what_to_do_about_it()}")
        self._checkpoints.save()
        self._cpu.keep()

    def stopped(self, step: int) -> None:
        self.act(step)


def what_to_do_about_it() -> str:
    """Advice after NaN or infinity."""
    return "earlier checkpoints, if any, are kept; try a smaller --learning_rate, or no --mixed_precision"


def _keep_lines_up_to(step: int, file: Path) -> None:
    if not file.exists():
        return
    lines = [line for line in file.read_text(errors="replace").splitlines() if 0 <= _step_of(line) <= step]
    part = file.with_suffix(".part")
    part.write_text("".join(line + "\n" for line in lines))
    part.replace(file)


def _step_of(line: str) -> int:
    """The step of a line of metrics.jsonl; 0 where it has none, -1 for half a line, which a killed process may leave."""
    try:
        return int(json.loads(line)["step"] or 0)
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return -1
