"""Scores of generative models: Inception Score, FID, KID, RID and others, each with the protocol it was computed under.

It is independent of the rest of tfpagan, and scores arrays, tf.data datasets, folders, statistics files and SavedModels.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tfpagan.evaluation.classifiers.classifier import Classifier
    from tfpagan.evaluation.results import Result

__all__ = ["score"]


def score(
    *,
    real: Any = None,
    fake: Any = None,
    reconstructions: Any = None,
    metrics: Sequence[str] | str | None = None,
    classifier: "str | Path | Classifier" = "inception",
    inception: str | Path = "",
    samples: int | None = None,
    splits: int = 10,
    seed: int = 0,
    batch_size: int = 64,
    cache_dir: str | Path | None = None,
) -> "Result":
    """Score samples, reconstructions or both.

    Images are an array uint8 [N, H, W, C] (floats: in [-1, 1]), a finite `tf.data.Dataset` of images, of (image, label) or of
    {"image": ...}, batched or not, or the path of a folder of image files, an .npz or an .npy.

    Args:
      real: the images that samples are compared with, or an .npz of their statistics (`mu`, `sigma`); for reconstructions, the
        images that they are of, in the same order (files: of the same names).
      fake: samples, or an .npz of their statistics.
      reconstructions: G(E(x)) of `real`.
      metrics: names (docs/evaluation.md), or one text of them with commas; None: is, fid and kid of samples, rid, rmse and
        fid_rec of reconstructions.
      classifier: inception, one that comes along (mnist, cifar10, shapes), a SavedModel folder, or a loaded one.
      inception: Inception as a folder, .tar.gz, .tgz or .pb; "": $TFPAGAN_INCEPTION, else from TF-Hub.
      samples: how many of `fake`, a seeded choice; None: all.
      splits: of the Inception Score and RID.
      seed: of the choice and of shuffles.
      batch_size: images per batch; affects only memory and speed.
      cache_dir: folder for statistics of real images; None: in the cache of this package.

    Returns:
      The numbers by key (`metrics`), with the reason for each that is None (`reasons`), the `protocol` under which they were
      computed, and the versions; `table()` is all of it as text.

    Raises:
      EvaluationError: on input that cannot be scored.

    >>> found = score(real="images/test", fake=model.sample(10_000), metrics=["fid"])           # doctest: +SKIP
    >>> found.metrics["frechet_inception_distance"], found.protocol["samples"]                  # doctest: +SKIP
    """
    from tfpagan.evaluation import given

    return given.score(
        real,
        fake,
        reconstructions,
        metrics,
        classifier=classifier,
        inception=inception,
        samples=samples,
        splits=splits,
        seed=seed,
        batch_size=batch_size,
        cache_dir=cache_dir,
    )
