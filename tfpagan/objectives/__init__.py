"""The systems, one file each: the module's name is the name of `--objective`."""

import importlib
import pkgutil

from tfpagan.errors import UserError
from tfpagan.objectives.contract import Game, LossTerm, Objective
from tfpagan.settings.setting import unknown

__all__ = ["Game", "LossTerm", "Objective", "get", "names"]


def names() -> list[str]:
    """Every objective in this folder."""
    return sorted(m.name for m in pkgutil.iter_modules(__path__) if m.name != "base")


def get(name: str) -> type[Objective]:
    """The objective class of a name.

    Raises:
      UserError: on an unknown name.
    """
    if name not in names():
        raise UserError(unknown(name, names(), "objective"))
    module = importlib.import_module(f"{__name__}.{name}")
    (objective,) = (c for c in vars(module).values() if isinstance(c, type) and getattr(c, "name", None) == name)
    return objective
