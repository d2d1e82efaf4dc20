"""Checkpoints of a run: written atomically; the newest intact one is restored."""

import logging as standard_logging
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import tensorflow as tf
from absl import logging

from tfpagan.errors import UserError, by_another_worker, require_plain_path, why
from tfpagan.run_folder.folder import steps_in

T = TypeVar("T")

UNREADABLE = (tf.errors.OpError, AssertionError, ValueError, LookupError, RuntimeError)
"""What TensorFlow raises on a damaged checkpoint: for a truncated file IndexError, for a missing variable AssertionError."""


class Checkpoints:
    """A folder of checkpoints with TensorFlow's file names, so that `tf.train.latest_checkpoint` reads it.

    Args:
      checkpoint: the objects to save; has a `step`.
      folder: where to save.
      keep: number of checkpoints to keep.
    """

    def __init__(self, checkpoint: tf.train.Checkpoint, folder: Path, *, keep: int):
        self._checkpoint, self._folder = checkpoint, folder
        try:
            self._manager = tf.train.CheckpointManager(checkpoint, str(folder), max_to_keep=keep)
        except ValueError:  # only the list of checkpoints is damaged; the files themselves tell what there is
            logging.warning("%s/checkpoint is damaged; going by the files in the folder", folder)
            (folder / "checkpoint").unlink()
            self._manager = tf.train.CheckpointManager(checkpoint, str(folder), max_to_keep=keep)
        self._saved_step: int | None = None

    def save(self) -> None:
        """Write a checkpoint named by the step; a failure leaves earlier ones intact.

        Raises:
          UserError: when it cannot be written.
          What TensorFlow raises when another worker has gone.
        """
        step = int(self._checkpoint.step.numpy())
        if step == self._saved_step:
            return
        try:
            self._manager.save(checkpoint_number=step)
        except (tf.errors.OpError, OSError) as e:
            for left in self._folder.glob(f"ckpt-{step}[._]*"):
                shutil.rmtree(left) if left.is_dir() else left.unlink()
            if by_another_worker(e):  # variables are read from all workers; there is nothing wrong with the folder
                raise
            kept = f"the newest that was kept is of step {steps[-1]}" if (steps := steps_in(self._folder)) else "none was kept"
            raise UserError(f"cannot write the checkpoint of step {step} to {self._folder}: {why(e)}; {kept}") from None
        self._saved_step = step

    def restore(self, folder: Path | None = None) -> int:
        """Restore the newest intact checkpoint and return its step; 0 if there is none.

        Args:
          folder: where to read from; default: where this writes.

        Raises:
          UserError: when there are checkpoints and none is intact.
        """
        folder = folder or self._folder
        if not steps_in(folder):
            return 0
        step, _ = read_newest(folder, self._restored)
        self._saved_step = step
        return step

    def _restored(self, prefix: str) -> None:
        self._checkpoint.restore(prefix).assert_existing_objects_matched()


def read_newest(folder: Path, read: Callable[[str], T]) -> tuple[int, T]:
    """The step of the newest intact checkpoint, and the result of `read` on its prefix.

    Raises:
      UserError: when none of the checkpoints can be read.
      What TensorFlow raises when another worker has gone.
    """
    require_plain_path("model_dir", folder.parent)
    steps = steps_in(folder)
    for step in reversed(steps):
        found, problem = attempted(read, f"{folder}/ckpt-{step}")
        if not problem:
            return step, found  # type: ignore[return-value]  # of a read that succeeded
        logging.warning("checkpoint ckpt-%d in %s %s; trying the one before", step, folder, problem)
    named = f"ckpt-{', ckpt-'.join(map(str, steps))}"
    raise UserError(f"none of the checkpoints in {folder} can be read, or fits config.json: {named}")


def attempted(read: Callable[[str], T], prefix: str) -> tuple[T | None, str]:
    """The result of `read` on the prefix of a checkpoint and "", or None and what is wrong with it.

    Raises:
      What TensorFlow raises when another worker has gone.
    """
    try:
        return read(prefix), ""
    except UNREADABLE as e:
        if by_another_worker(e):
            raise
        standard_logging.getLogger("tensorflow").addFilter(_is_no_list)
        misfit = "incompatible tensor with shape" in str(e) or "Shape mismatch" in str(e)
        return None, f"does not fit config.json ({why(e)})" if misfit else f"is damaged ({why(e)})"


def _is_no_list(record: standard_logging.LogRecord) -> bool:
    """Whether a line is not of TensorFlow's list of every value that it did not use, when it forgets the attempt."""
    unused = (
        "Detecting that an object or model or tf.train.Checkpoint is being deleted",
        "Value in checkpoint could not be found",
    )
    return not record.getMessage().startswith(unused)
