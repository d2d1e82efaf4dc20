"""The files that scores are written to."""

import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import tensorflow as tf

from tfpagan.errors import UserError
from tfpagan.evaluation import metrics
from tfpagan.evaluation.results import Result, Scores, append_csv_row, append_json_line
from tfpagan.images import grid, interleaved, to_bytes, write_png

COLUMNS = 16
SHOWN_PX = 256  # at least, of a matrix


class ScoreFiles:
    """Writes the scores of evaluations to a folder.

    Args:
      folder: the run folder, or another.

    Raises:
      UserError: when the folder cannot be written.
    """

    def __init__(self, folder: Path):
        self._folder = folder
        try:
            made = [place for place in (folder / "eval", folder, *folder.parents) if not place.exists()]
            (folder / "eval").mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder / "eval"):
                pass
        except OSError as e:
            raise UserError(f"the scores cannot be written to {folder}: {e}") from None
        for place in made:  # an evaluation that is refused later leaves nothing
            with suppress(OSError):
                place.rmdir()
        self._writer: tf.summary.SummaryWriter | None = None

    def keep(self, result: Result, scores: Scores) -> None:
        """Append to scores.csv and metrics.jsonl; write the whole result, TensorBoard's events and pictures to eval/.

        The pictures are the worst pairs, the codes' means and their covariance, blue at -1, white at 0 and red at 1, and the
        curves of critics.

        Raises:
          UserError: when the folder cannot be written.
        """
        folder = self._folder
        step = int(result.subject.get("step", 0))
        name = re.sub(r"[^A-Za-z0-9]+", "-", str(result.protocol["name"]))
        try:
            (folder / "eval").mkdir(parents=True, exist_ok=True)
            append_csv_row(folder / "scores.csv", result)
            append_json_line(folder / "metrics.jsonl", result)
            (folder / "eval" / f"{name}_step_{step:08d}.json").write_text(result.to_json() + "\n")
            if scores.worst:
                originals = np.stack([pair.original for pair in scores.worst])
                reconstructions = np.stack([pair.reconstruction for pair in scores.worst])
                picture = grid(interleaved(originals, reconstructions), COLUMNS)
                write_png(picture, f"{folder}/eval/worst_step_{step:08d}.png")
            shown = "code_covariance" in scores.arrays
            if shown:
                covariance = signed(scores.arrays["code_covariance"])
                write_png(covariance, f"{folder}/eval/code_covariance_step_{step:08d}.png")
                draw_means(folder / "eval" / f"code_means_step_{step:08d}.png", scores.arrays["code_means"])
            if curves := scores.details.get("critic_curves"):
                draw_curves(folder / "eval" / f"critic_curves_step_{step:08d}.png", curves)
            self._writer = self._writer or tf.summary.create_file_writer(str(folder / "eval"))
            tags = {key.name: key.tag for key in metrics.keys().values() if key.tag}
            with self._writer.as_default(step):
                for key, value in result.metrics.items():
                    if value is not None:
                        tf.summary.scalar(f"metrics/{tags.get(key, key)}", value)
                if shown:
                    tf.summary.histogram("codes/means", scores.arrays["code_means"])
                    tf.summary.image("codes/covariance", covariance[None])
            self._writer.flush()
        except (OSError, tf.errors.OpError) as e:
            raise UserError(f"the scores cannot be written to {folder}: {e}") from None


def draw_curves(file: Path, curves: Sequence[Mapping[str, Sequence[float]]]) -> None:
    """The distance by critics while they learn, on the images that they are trained on and on others (alpha-GAN, Figure 13)."""
    titles = {"seen": "a batch that it is trained on", "held_out": "all other images"}
    with _panels(file, len(titles)) as axes:
        for axis, (key, title) in zip(axes, titles.items(), strict=True):
            for curve in curves:
                axis.plot(curve["updates"], curve[key], ".-")
            axis.set_title(title, fontsize=9)
            axis.set_xlabel("updates of the critic")
        axes[0].set_ylabel("mean f(real) - mean f(fake)")


def draw_means(file: Path, means: np.ndarray) -> None:
    """A histogram of the codes' means over images, a mean for each dimension (alpha-GAN, Figure 11)."""
    with _panels(file, 1) as (axis,):
        axis.hist(means, bins=30, color="grey")
        axis.set_xlabel("mean over images; of the prior: 0")
        axis.set_ylabel("dimensions")


@contextmanager
def _panels(file: Path, count: int) -> Iterator[np.ndarray]:
    """Axes side by side of a figure that is then written to `file`."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, count, figsize=(3.5 * count, 3.0), sharey=True, squeeze=False)
    yield axes[0]
    figure.tight_layout()
    figure.savefig(file, dpi=100)
    pyplot.close(figure)


def signed(matrix: np.ndarray) -> np.ndarray:
    """A picture uint8 [n, n, 3] of a matrix [Z, Z]: blue at -1 and below, white at 0, red at 1 and above.

    >>> signed(np.array([[-2.0, 0.0], [0.5, 1.0]]))[::128, ::128].tolist()
    [[[0, 0, 255], [255, 255, 255]], [[255, 128, 128], [255, 0, 0]]]
    """
    value = np.clip(matrix, -1.0, 1.0)[:, :, None]
    end = np.where(value < 0.0, [0.0, 0.0, 1.0], [1.0, 0.0, 0.0])
    pixels = to_bytes(2.0 * (1.0 + np.abs(value) * (end - 1.0)) - 1.0)
    times = -(-SHOWN_PX // len(matrix))
    return pixels.repeat(times, 0).repeat(times, 1)
