"""Images by name: `describe` says what they are, `prepare` decodes them once, `batches` feeds them.

>>> images = prepare(DataConfig(dataset="cifar10"))                                     # doctest: +SKIP
>>> feed = batches(images.train, batch_size=64, seed=0, start=0)                        # doctest: +SKIP
"""

from tfpagan.data.pipeline import batches
from tfpagan.data.prepare import Described, Images, describe, prepare

__all__ = ["Described", "Images", "batches", "describe", "prepare"]
