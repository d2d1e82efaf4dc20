"""A registry of built-in entries and of those that plugins register, by name."""

import importlib
from collections.abc import Collection, Iterator, Mapping
from typing import Generic, TypeVar

from tfpagan.errors import UserError
from tfpagan.settings.setting import unknown

T = TypeVar("T")


class Registry(Collection[str], Generic[T]):
    """Entries by the name used in flags.

    A built-in entry may be given by its location, 'package.module:attribute', and is then imported on first use: `--help`
    needs only the names and must not wait for TensorFlow.

    Args:
      what: kind of entry, for messages.
      built_in: entries, or their locations, by name.

    >>> shapes = Registry[float]("shape", {"circle": "math:pi"})
    >>> shapes.register("square", 4.0)
    >>> list(shapes), shapes.get("circle") > 3.14, "line" in shapes
    (['circle', 'square'], True, False)
    """

    def __init__(self, what: str, built_in: Mapping[str, T | str]):
        self.what = what
        self._things: dict[str, T | str] = dict(built_in)

    def register(self, name: str, thing: T) -> None:
        """Add an entry under a name; one that a notebook's cell made replaces that of the cell's last run.

        Raises:
          UserError: when the name is taken otherwise, or is not a word of lower-case letters, digits and underscores.
        """
        if not isinstance(name, str) or not name.isidentifier() or name != name.lower():
            raise UserError(f"{name!r} is not a legal {self.what} name: use lower-case letters, digits and underscores")
        if name in self._things and not (is_interactive(thing) and is_interactive(self._things[name])):
            raise UserError(f"{self.what} {name!r} exists already; register yours under another name")
        self._things[name] = thing

    def get(self, name: str) -> T:
        """The entry registered under a name.

        Raises:
          UserError: on an unknown name, and on what is none.
        """
        if not isinstance(name, str):
            raise UserError(f"{self.what} {name!r} is not legal: it must be a name")
        if name not in self._things:
            raise UserError(unknown(name, self, self.what))
        found = self._things[name]
        if isinstance(found, str):
            module, _, attribute = found.partition(":")
            found = self._things[name] = getattr(importlib.import_module(module), attribute)
        return found

    def __contains__(self, name: object) -> bool:
        return name in self._things

    def __iter__(self) -> Iterator[str]:
        return iter(self._things)

    def __len__(self) -> int:
        return len(self._things)


def is_interactive(thing: object) -> bool:
    """Whether a class, function or object was made at a prompt, in a notebook, or by the program itself."""
    return getattr(thing, "__module__", None) == "__main__"
