"""TensorFlow, imported when first used: flags, configurations and `--help` must not wait for it.

Modules that are imported before anything is computed write `from tfpagan.losses.lazy import tf`; modules that subclass Keras
classes import TensorFlow directly.
"""

import importlib
from types import ModuleType
from typing import TYPE_CHECKING, Any


class _LazyModule(ModuleType):
    """Stands for a module until one of its attributes is read."""

    def __getattr__(self, name: str) -> Any:
        return getattr(importlib.import_module(self.__name__), name)


if TYPE_CHECKING:
    import tensorflow as tf
else:
    tf = _LazyModule("tensorflow")

__all__ = ["tf"]
