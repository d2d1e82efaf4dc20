"""tfpagan: auto-encoding GANs in TensorFlow 2.

Importing this package does not import TensorFlow; its modules do when they need it. It makes `tf.keras` Keras 2, as in
TensorFlow 2.15: later ones have Keras 3 there unless they are told before `tf.keras` is first used.
"""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tfpagan.version import __version__

if TYPE_CHECKING:
    from tfpagan.inference.model import Model

__all__ = ["__version__", "load"]

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
