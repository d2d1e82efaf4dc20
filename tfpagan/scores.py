"""Scores of a run: on its own data set, with the classifier that is at hand, and the files that they leave in its folder."""

import os
import re
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import tensorflow as tf
from absl import logging

import tfpagan
from evaluation import inception
from evaluation.classifier import Classifier, from_saved_model
from evaluation.errors import EvaluationError
from evaluation.protocols import NEED_CLASSIFIER, Protocol
from evaluation.results import Result, append_csv_row, append_json_line, result
from evaluation.scores import Scores
from evaluation.scoring import Scorer
from evaluation.sources import ArrayImages
from tfpagan.config import DataConfig
from tfpagan.data import Images
from tfpagan.errors import UserError
from tfpagan.images import grid, interleaved, write_png

TAGS: Mapping[str, str] = {
    "frechet_inception_distance": "fid",
    "inception_score_mean": "inception_score",
    "reconstruction_inception_dissimilarity_mean": "rid",
    "kernel_inception_distance": "kid",
}
"""Short TensorBoard tags, for the official classifier only."""

COLUMNS = 16


def classifier(protocol: Protocol, name: str, inception_path: str = "") -> tuple[Classifier | None, str]:
    """The classifier that a protocol needs and "", or None and why there is none; said once on stderr.

    Args:
      protocol: what will be measured.
      name: inception, or a SavedModel folder.
      inception_path: where Inception is; default: as `inception.load` finds it.

    Raises:
      EvaluationError: when a path was given and what is there cannot be used.
    """
    if not protocol.wants(*NEED_CLASSIFIER):
        return None, "no classifier is needed"
    if name != "inception":
        return from_saved_model(Path(os.path.expanduser(name))), ""
    try:
        return inception.load(inception_path), ""
    except EvaluationError as e:
        if inception_path or os.environ.get(inception.PATH_VARIABLE):
            raise
        logging.warning("%s", e)
        return None, "no classifier: Inception cannot be had here"


def scorer(
    protocol: Protocol,
    data: DataConfig,
    images: Images,
    strategy: tf.distribute.Strategy | None,
    network: Classifier | None,
    why: str,
    *,
    batch_size: int = 64,
    interrupted: Callable[[], bool] = lambda: False,
) -> Scorer:
    """Scores on the test images of a data set, with its training images as the reference.

    Raises:
      EvaluationError: when the network cannot take these images.
    """
    if network:
        network.require(images.shape[2])
    name = f"{data.dataset} {{}}, crop {data.crop}, {data.image_size} px"
    return Scorer(
        protocol,
        classifier=network,
        why_no_classifier=why,
        test=ArrayImages(images.test, name.format("test")),
        reference=ArrayImages(images.train, name.format("train")),
        strategy=strategy,
        batch_size=batch_size,
        cache_dir=Path(data.cache_dir) / "statistics",
        interrupted=interrupted,
    )


def named(scores: Scores, model: str, step: int | None = None) -> Result:
    """Scores as a result of this software."""
    versions = {"tfpagan": tfpagan.__version__, "tensorflow": tf.__version__, "numpy": np.__version__}
    subject = {"model": model} | ({} if step is None else {"step": step})
    return result(scores.metrics, scores.reasons, scores.protocol, subject=subject, versions=versions, details=scores.details)


class ScoreFiles:
    """What evaluations append to a folder.

    Args:
      folder: of the run, or another.

    Raises:
      UserError: when it cannot be written.
    """

    def __init__(self, folder: Path):
        self._folder = folder
        try:
            (folder / "eval").mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder / "eval"):
                pass
        except OSError as e:
            raise UserError(f"the scores cannot be written to {folder}: {e}") from None
        self._writer: tf.summary.SummaryWriter | None = None

    def keep(self, result: Result, scores: Scores) -> None:
        """Append to scores.csv and metrics.jsonl; write eval/: the whole result, TensorBoard scalars, the worst pairs.

        Raises:
          UserError: when the folder cannot be written.
        """
        folder = self._folder
        step = int(result.subject.get("step", 0))
        name = re.sub(r"[^A-Za-z0-9]+", "-", str(result.protocol["name"]))
        try:
            append_csv_row(folder / "scores.csv", result)
            append_json_line(folder / "metrics.jsonl", result)
            (folder / "eval" / f"{name}_step_{step:08d}.json").write_text(result.to_json() + "\n")
            if scores.worst:
                originals, reconstructions = (np.stack(side) for side in list(zip(*scores.worst, strict=True))[1:])
                picture = grid(interleaved(originals, reconstructions), COLUMNS)
                write_png(picture, f"{folder}/eval/worst_step_{step:08d}.png")
            self._writer = self._writer or tf.summary.create_file_writer(str(folder / "eval"))
            with self._writer.as_default(step):
                for key, value in result.metrics.items():
                    if value is not None:
                        tf.summary.scalar(f"metrics/{TAGS.get(key, key)}", value)
            self._writer.flush()
        except (OSError, tf.errors.OpError) as e:
            raise UserError(f"the scores cannot be written to {folder}: {e}") from None
