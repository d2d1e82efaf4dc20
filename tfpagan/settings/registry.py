"""What a setting may name: built-in things, and those that a plugin registers."""

import importlib
from collections.abc import Collection, Iterator, Mapping
from typing import Generic, TypeVar

from tfpagan.errors import UserError
from tfpagan.settings.setting import unknown

T = TypeVar("T")


class Registry(Collection[str], Generic[T]):
    """Things by the name that a flag gives them.

    A built-in thing may be named by where it is, as 'package.module:attribute', and is imported when it is first asked for:
    names are needed for `--help`, which must not wait for TensorFlow.

    Args:
      what: what these are, for messages.
      built_in: by name: the thing, or where it is.

    >>> shapes = Registry[float]("shape", {"circle": "math:pi"})
    >>> shapes.register("square", 4.0)
    >>> list(shapes), shapes.get("circle") > 3.14, "line" in shapes
    (['circle', 'square'], True, False)
    """

    def __init__(self, what: str, built_in: Mapping[str, T | str]):
        self.what = what
        self._things: dict[str, T | str] = dict(built_in)

    def register(self, name: str, thing: T) -> None:
        """Add a thing under a name.

        Raises:
          UserError: when the name is taken, or is not a word of lower-case letters, digits and underscores.
        """
        if not isinstance(name, str) or not name.isidentifier() or name != name.lower():
            raise UserError(
                f"{name!r} cannot name a thing of this kind ({self.what}): lower-case letters, digits and underscores can"
            )
        if name in self._things:
            raise UserError(f"{self.what} {name!r} exists already; register yours under another name")
        self._things[name] = thing

    def get(self, name: str) -> T:
        """The thing of a name.

        Raises:
          UserError: on an unknown name.
        """
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
