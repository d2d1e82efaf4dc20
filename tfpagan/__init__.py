"""tfpagan: auto-encoding GANs in TensorFlow 2.

Importing this package does not import TensorFlow; its modules do when they need it.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from tfpagan.version import __version__

if TYPE_CHECKING:
    from tfpagan.inference.model import Model

__all__ = ["__version__", "load"]


def load(path: str | Path, *, step: int | None = None, best: bool = False) -> "Model":
    """The encoder and decoder of a run or of an export: `tfpagan.inference.load.load`."""
    from tfpagan.inference import load as loading

    return loading.load(path, step=step, best=best)
