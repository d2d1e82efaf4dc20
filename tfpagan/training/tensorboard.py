"""TensorBoard besides scalars and images: histograms of codes, the projector, HParams, the graph."""

from pathlib import Path

import numpy as np
import tensorflow as tf
from tensorboard.plugins import projector
from tensorboard.plugins.hparams import api as hparams

from tfpagan.config import Config, is_resumable
from tfpagan.data import Images
from tfpagan.evaluation import metrics
from tfpagan.images import grid, normalize, write_png
from tfpagan.training.hooks import Hook
from tfpagan.training.trainer import Trainer

COUNT = 1024  # codes; 32 x 32 thumbnails fill the projector's square sprite
COLUMNS = 32  # of the sprite


class CodeHook(Hook):
    """Histograms of the moments of q(z | x) of test images, and the projector's files: means, labels, thumbnails.

    Args:
      folder: of the writer's event files; the projector's files are in its projector/.
      writer: TensorBoard's.
      trainer: whose encoder to show; a system without one has no codes.
      images: the test images, with labels if there are any.
      every_steps: how often.
    """

    def __init__(self, folder: Path, writer: tf.summary.SummaryWriter, trainer: Trainer, images: Images, *, every_steps: int):
        self.every_steps, self._folder, self._writer, self._trainer = every_steps, folder, writer, trainer
        self._test = np.asarray(images.test[:COUNT])
        if "encoder" in trainer.networks:
            self._describe(images)

    def act(self, step: int) -> None:
        if "encoder" not in self._trainer.networks:
            return
        encoder = self._trainer.inference("encoder")
        parts = [encoder(normalize(self._test[i : i + 256])) for i in range(0, len(self._test), 256)]
        mean, log_variance = (np.concatenate(side) for side in zip(*parts, strict=True))
        with self._writer.as_default(step):
            tf.summary.histogram("codes/mean", mean)
            tf.summary.histogram("codes/log_variance", log_variance)
            tf.summary.histogram("codes/mean_of_dimensions", mean.mean(0))
            tf.summary.histogram("codes/variance_of_dimensions", mean.var(0) + np.exp(log_variance).mean(0))
        self._writer.flush()
        part = self._folder / "projector" / "codes.part"
        np.savetxt(part, mean, "%.5g", "\t")
        part.replace(self._folder / "projector" / "codes.tsv")

    def _describe(self, images: Images) -> None:
        """Files that do not change during training: labels, thumbnails, and the configuration that names them."""
        (self._folder / "projector").mkdir(parents=True, exist_ok=True)
        config = projector.ProjectorConfig()
        embedding = config.embeddings.add(tensor_name="codes of test images", tensor_path="projector/codes.tsv")
        if images.test_labels is not None:
            names = images.label_names or [str(label) for label in range(int(images.test_labels.max()) + 1)]
            lines = "".join(f"{names[label]}\n" for label in images.test_labels[:COUNT])
            (self._folder / "projector/labels.tsv").write_text(lines)
            embedding.metadata_path = "projector/labels.tsv"
        write_png(_square(self._test), f"{self._folder}/projector/sprite.png")
        embedding.sprite.image_path = "projector/sprite.png"
        embedding.sprite.single_image_dim.extend([self._test.shape[2], self._test.shape[1]])
        projector.visualize_embeddings(str(self._folder), config)


def write_hparams(folder: Path, config: Config, name: str) -> None:
    """The hyper-parameters of a run, for the HParams tab; its metrics are the scalars in train/ and eval/.

    Args:
      folder: the run folder, where the tab looks for them.
      config: of the run.
      name: of the run.
    """
    values = {name: value for name, value in config.flat().items() if not is_resumable(name)}
    losses = [hparams.Metric(f"loss/{player}", group="train") for player in config.objective.players]
    official = config.training.eval_classifier == "inception"
    shown = [key for metric in metrics.METRICS.values() for key in metric.keys(official) if key.overview]
    scores = [hparams.Metric(f"metrics/{key.tag or key.name}", group="eval") for key in shown]
    writer = tf.summary.create_file_writer(str(folder))
    with writer.as_default():
        # The tab opens on the first metric: one that every run has from its first steps on.
        hparams.hparams_config([hparams.HParam(key) for key in values], [*losses, *scores])
        hparams.hparams(values, trial_id=name)
    writer.close()


def write_graph(writer: tf.summary.SummaryWriter, graph: tf.Graph) -> None:
    """The graph of the loop, for the Graphs tab."""
    with writer.as_default():
        tf.summary.graph(graph)
    writer.flush()


def _square(images: np.ndarray) -> np.ndarray:
    """The sprite: a square grid, filled with black."""
    columns = min(COLUMNS, int(np.ceil(np.sqrt(len(images)))))
    filled = np.zeros([columns**2, *images.shape[1:]], np.uint8)
    filled[: len(images)] = images
    return grid(filled, columns)
