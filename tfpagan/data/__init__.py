"""Images by name: `describe` says what a data set is, `prepare` decodes it once, `batches` yields batches.

>>> images = prepare(DataConfig(dataset="cifar10"))                                     # doctest: +SKIP
>>> feed = batches(images.train, batch_size=64, seed=0, start=0)                        # doctest: +SKIP
"""

from tfpagan.data.pipeline import batches, place_batches, repeated
from tfpagan.data.prepare import Described, Images, Part, describe, prepare
from tfpagan.data.source import Opener, checksum
from tfpagan.errors import UserError
from tfpagan.settings.registries import SOURCES
from tfpagan.settings.sections import DataConfig

__all__ = [
    "DataConfig",
    "Described",
    "Images",
    "Part",
    "batches",
    "checksum",
    "describe",
    "place_batches",
    "prepare",
    "register",
    "repeated",
]


def register(name: str, opener: Opener) -> None:
    """Register a data source of your own as `--dataset=name` or `--dataset=name:REST`.

    Raises:
      UserError: when `opener` is not a function, or the name is taken.
    """
    if name == "shapes":
        raise UserError("the data set 'shapes' exists already; register yours under another name")
    if not callable(opener):
        raise UserError(f"{opener!r} does not open a data source: register a function of REST, data_dir and cache_dir")
    SOURCES.register(name, opener)
