"""tfpagan: auto-encoding GANs in TensorFlow 2.

Importing this package does not import TensorFlow; its modules do when they need it. It makes `tf.keras` Keras 2, as in
TensorFlow 2.15: later ones have Keras 3 there unless they are told before `tf.keras` is first used.
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfpagan.version import __version__

if TYPE_CHECKING:
    from tfpagan.inference.model import Model

__all__ = ["__version__", "load", "train"]

if sys.version_info >= (3, 12):  # where setup.py chooses a TensorFlow with Keras 2 beside it
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
    if "tensorflow" in sys.modules and not sys.modules["tensorflow"].keras.Model.__module__.startswith("tf_keras"):
        raise ImportError(
            "tfpagan needs Keras 2 as tf.keras, and this process has used tf.keras as Keras 3: import tfpagan before, or set "
            "TF_USE_LEGACY_KERAS=1"
        )


def load(path: str | Path, *, step: int | None = None, best: bool = False) -> "Model":
    """The encoder and decoder of a run or of an export: `tfpagan.inference.load.load`."""
    from tfpagan.inference import load as loading

    return loading.load(path, step=step, best=best)


def train(
    dataset: Any = None,
    *,
    preset: str = "",
    model_dir: str | Path = "",
    plugin: str | Path | Sequence[str | Path] = (),
    verbose: bool = True,
    **settings: Any,
) -> "Model":
    """Train, or go on with a run, as `bin/train` does, and return the model.

    Args:
      dataset: images: an array uint8 [N, H, W, C] or [N, H, W] (floats: in [-1, 1]), of which every tenth becomes a test image;
        a pair of images and labels; a finite `tf.data.Dataset` of images, of pairs or of {"image", "label"}, batched or not;
        a dict with `train` and perhaps `test` and `validation`, each one of these; what Keras' `load_data()` returns; a path of
        a folder or an .npz file; or a name as `--dataset` takes it. None: as the preset or the run has it.
      preset: name of an experiment to start from.
      model_dir: the run folder; "": runs/ and the name of the preset or data set.
      plugin: files or modules to load before, as `--plugin`.
      verbose: whether progress is printed on stderr; warnings are.
      **settings: any other flag of `bin/train`, without its dashes.

    Returns:
      The model after the last step.

    Raises:
      UserError: on anything that the caller can mend.
      KeyboardInterrupt: after the checkpoint that Ctrl-C saves; the same call goes on from there.

    >>> model = tfpagan.train(images, model_dir="runs/mine", train_steps=5000, batch_size=32)    # doctest: +SKIP
    >>> codes = model.encode(images[:8])                                                         # doctest: +SKIP
    """
    from tfpagan.training import start

    return start.train(dataset, preset=preset, model_dir=model_dir, plugin=plugin, verbose=verbose, settings=settings)
