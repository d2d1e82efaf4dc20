"""The training of a run from its configuration to its last step: data, trainer, hooks and the run folder."""

import dataclasses
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf
from absl import logging

from tfpagan import data
from tfpagan.config import Config
from tfpagan.errors import UserError, why
from tfpagan.evaluation import protocols
from tfpagan.evaluation.errors import EvaluationError
from tfpagan.forward.condition import SIDE
from tfpagan.run_folder import events
from tfpagan.run_folder import folder as run_folder
from tfpagan.run_folder import images as run_images
from tfpagan.run_folder.checkpoints import Checkpoints
from tfpagan.run_folder.cpu_time import CpuTime
from tfpagan.training import agreement, devices, hooks, tensorboard
from tfpagan.training.independent_critic import CriticHook, IndependentCritic
from tfpagan.training.stopping import Ended, Stop
from tfpagan.training.trainer import Trainer

PIECE_SECONDS = 1.0
"""Target duration of one call of the traced loop; signals are handled and the progress bar is updated between calls."""

WORKERS_PIECE_STEPS = 10
"""Steps of one call with several workers, which must all make the same number of calls."""


def train(config: Config, model_dir: Path) -> Ended:
    """Train up to `train_steps`, from the newest checkpoint in `model_dir` if there is one.

    Raises:
      UserError: on anything that the user can fix.
    """
    if config.training.deterministic:
        tf.config.experimental.enable_op_determinism()
    with tempfile.TemporaryDirectory() as unused:
        strategy = devices.strategy(config.training.devices, wait=config.training.wait_for_workers)
        agreement.require(strategy, agreement.of_config(config))
        images = data.prepare(config.data)
        trainer = Trainer(config=config, image_shape=images.shape, strategy=strategy, images=images.train)
        # Variables live on all workers, so all of them read variables when files are written; the chief keeps the files.
        folder = model_dir if devices.is_chief() else Path(unused)
        critic = _critic(trainer, images)
        checkpoint = trainer.checkpoint(critic=critic.checkpoint()) if critic else trainer.checkpoint()
        checkpoints = Checkpoints(checkpoint, folder / "ckpt", keep=config.training.keep_checkpoints)
        step = checkpoints.restore(model_dir / "ckpt")
        agreement.require(strategy, {"the newest checkpoint in --model_dir": step, "the data set's checksum": images.checksums})
        if step:
            run_images.require_same(model_dir, images)
        stop, cpu = Stop(), CpuTime(folder, begun=step > 0)
        evaluations = _evaluations(trainer, folder, model_dir, images, stop)
        if step >= config.training.train_steps:
            until = config.training.train_steps
            logging.warning("%s is already at step %d: nothing to train up to step %d", model_dir, step, until)
            with stop.listening():
                for hook in evaluations:
                    hook.begin(step)
            return _ended(trainer, evaluations, stop)
        places = images.places(config.training.validation_images)
        _log_run(trainer, step, len(places))
        batches = _batches(trainer, images.train, places)
        for events_of in ("train", "eval"):
            events.keep_up_to(step, folder / events_of)
        writer = _writer(folder)
        todo = [*_hooks(trainer, folder, checkpoints, images, writer, critic, cpu), *evaluations]  # these last: they take long
        graph = trainer.trace(batches)
        # What is refused is refused before: a mistake must not stay in the folder.
        if not step:
            run_images.write(folder, images, config.training.validation_images)
            tensorboard.write_hparams(folder, config, model_dir.name)
            tensorboard.write_graph(writer, graph)
        run_folder.write_config(folder, config)
        with stop.listening():  # before this, a signal ends the process at once: there is nothing to save
            _loop(trainer, batches, todo, stop)
        cpu.keep()
        return _ended(trainer, todo, stop)


def _ended(trainer: Trainer, todo: Sequence[hooks.Hook], stop: Stop) -> Ended:
    left = int(trainer.step.numpy()) < trainer.config.training.train_steps or any(hook.given_up for hook in todo)
    unscored = tuple(step for hook in todo for step in hook.failed)
    return Ended(stop.signal if left else None, unscored)


def _log_run(trainer: Trainer, step: int, train_images: int) -> None:
    config = trainer.config
    if (batch_size := config.training.batch_size) > train_images:
        logging.warning("--batch_size=%d exceeds the %d training images: each batch repeats some", batch_size, train_images)
    logging.info(
        "%s on %s, %d x %d x %d: step %d to %d of batch %d on %d replica(s), gradients %s%s",
        config.objective.name,
        config.data.dataset,
        *trainer.image_shape,
        step,
        config.training.train_steps,
        config.training.batch_size,
        trainer.replicas,
        trainer.mode,
        ", compiled by XLA" if trainer.xla else "",
    )


def _batches(trainer: Trainer, images: np.ndarray, places: np.ndarray) -> Iterator[tf.Tensor]:
    training, start = trainer.config.training, int(trainer.position.numpy())
    order = {"batch_size": training.batch_size, "seed": training.seed, "start": start}
    return iter(data.place_batches(places, **order) if trainer.keeps_images else data.batches(images, places=places, **order))


def _writer(folder: Path) -> tf.summary.SummaryWriter:
    try:
        return tf.summary.create_file_writer(str(folder / "train"))
    except tf.errors.OpError as e:
        raise UserError(f"cannot write TensorBoard's files to {folder / 'train'}: {why(e)}") from None


def _hooks(
    trainer: Trainer,
    folder: Path,
    checkpoints: Checkpoints,
    images: data.Images,
    writer: tf.summary.SummaryWriter,
    critic: IndependentCritic | None,
    cpu: CpuTime,
) -> list[hooks.Hook]:
    step = int(trainer.step.numpy())
    training = trainer.config.training
    scalars = hooks.ScalarHook(
        folder,
        writer,
        every_steps=training.summary_every_steps,
        images_per_step=training.batch_size * len(trainer.objective.phases),
        step=step,
        until=training.train_steps,
    )
    train = images.train[images.places(training.validation_images)[: SIDE**2]]
    pictures = hooks.PictureHook(folder, writer, trainer, images.test, train, every_steps=training.image_every_steps)
    if not step:
        pictures.show_augmentations(step)
    critics = []
    if critic:
        begin, until = int(training.critic_from * training.train_steps), training.train_steps
        critics = [CriticHook(folder, writer, critic, images.test, begin=begin, step=step, until=until)]
    return [
        scalars,
        *critics,  # before the checkpoint, which has its updates
        pictures,
        tensorboard.CodeHook(folder / "train", writer, trainer, images, every_steps=training.image_every_steps),
        hooks.CheckpointHook(checkpoints, trainer, cpu, every_steps=training.save_every_steps),
    ]


def _critic(trainer: Trainer, images: data.Images) -> IndependentCritic | None:
    training = trainer.config.training
    return IndependentCritic(trainer, images.held_out(training.validation_images)) if training.critic_from else None


def _evaluations(trainer: Trainer, folder: Path, model_dir: Path, images: data.Images, stop: Stop) -> list[hooks.Hook]:
    training = trainer.config.training
    if not training.eval_every_steps:
        return []
    from tfpagan.scoring import prepare
    from tfpagan.training.evaluation_hook import EvaluationHook

    count = training.validation_images
    protocol = protocols.in_training(training.eval_protocol, training.best_metric, validation=count > 0)
    if (there := count or len(images.test)) < protocol.reconstructions:
        kind = "validation" if count else "test"
        logging.warning(
            "evaluations use all %d %s images, where %s has %d", there, kind, protocol.name, protocol.reconstructions
        )
        protocol = dataclasses.replace(protocol, reconstructions=0)
    if training.best_metric and not count:
        logging.warning("test images choose the best checkpoint, and its scores on them are optimistic (--validation_images=0)")
    strategy = None if trainer.several_workers else trainer.strategy  # with several workers, each scores on its own
    held_out = images.held_out(count) if count else None
    # The networks' batch statistics are of all workers: none of them can leave an evaluation alone.
    interrupted = (lambda: False) if trainer.several_workers else stop.heard
    try:
        classifier, why = prepare.classifier(protocol, training.eval_classifier, flag="--eval_classifier")
        scorer = prepare.scorer(protocol, images, strategy, classifier, why, held_out=held_out, interrupted=interrupted)
    except EvaluationError as e:
        without = "--eval_every_steps=0 --best_metric= trains without evaluations"
        raise UserError(f"--eval_classifier={training.eval_classifier} cannot be used: {e}; {without}") from None
    return [
        EvaluationHook(
            folder,
            trainer,
            scorer,
            model_dir=model_dir,
            best_metric=training.best_metric,
            every_steps=training.eval_every_steps,
            patience=training.patience,
        )
    ]


def _loop(trainer: Trainer, batches: Iterator[tf.Tensor], todo: Sequence[hooks.Hook], stop: Stop) -> None:
    """Run steps in pieces, and hooks when they are due, until the last step, a signal, or a hook that has enough."""
    until, piece = trainer.config.training.train_steps, 1
    step = int(trainer.step.numpy())
    if step:
        for hook in todo:
            hook.begin(step)
    while step < until and not trainer.any_worker(stop.heard() or any(hook.enough(step) for hook in todo)):
        steps = min([piece, until - step, *(hook.every_steps - step % hook.every_steps for hook in todo)])
        begun = time.monotonic()
        progress = trainer.advance(batches, steps)
        seconds = time.monotonic() - begun
        step += progress.steps
        if progress.not_finite:
            tag, value = next(iter(progress.not_finite.items()))
            raise UserError(f"{tag} became {value} at step {step}; {hooks.what_to_do_about_it()}")
        for hook in todo:
            hook.collect(progress, seconds)
        for hook in todo:
            if step % hook.every_steps == 0 or step == until:
                hook.act(step)
        paced = max(1, round(PIECE_SECONDS * progress.steps / seconds))
        piece = WORKERS_PIECE_STEPS if trainer.several_workers else paced
    if trainer.any_worker(stop.heard()):
        stop.heard_elsewhere()
    if step < until:
        for hook in todo:
            hook.stopped(step)
