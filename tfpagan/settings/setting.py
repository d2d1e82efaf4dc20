"""Settings: dataclass fields with a help text, legal values, and whether a resumed run may change them.

A settings class is a frozen dataclass whose fields are all created by `setting`; `sections.py` and `objectives/` define them.
This module has what they share: listing settings, checking values and applying changes.
"""

import dataclasses
import difflib
import math
import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any, TypeVar

from tfpagan.errors import UserError

T = TypeVar("T")

MOST = 60
"""Maximum number of names listed in a message."""
TYPES = {kind.__name__: kind for kind in (str, int, float, bool)}


@dataclasses.dataclass(frozen=True)
class Legal:
    """Legal values, for the check and for the error message."""

    choices: Collection[str] = ()
    at_least: float | None = None
    above: float | None = None
    at_most: float | None = None
    below: float | None = None
    multiple_of: int | None = None
    whole_numbers: bool = False

    def allows(self, value: Any) -> bool:
        """Whether `value` is legal."""
        return (
            (not self.choices or value in self.choices)
            and (self.at_least is None or value >= self.at_least)
            and (self.above is None or value > self.above)
            and (self.at_most is None or value <= self.at_most)
            and (self.below is None or value < self.below)
            and (self.multiple_of is None or value % self.multiple_of == 0)
            and (not self.whole_numbers or re.fullmatch(r"[1-9]\d{0,4}(,[1-9]\d{0,4})*", value) is not None)
        )

    def __str__(self) -> str:
        words = []
        if self.choices:
            words.append("one of " + ", ".join(self.choices))
        if self.at_least is not None:
            words.append(f"at least {self.at_least}")
        if self.above is not None:
            words.append(f"above {self.above}")
        if self.at_most is not None:
            words.append(f"at most {self.at_most}")
        if self.below is not None:
            words.append(f"below {self.below}")
        if self.multiple_of is not None:
            words.append(f"a multiple of {self.multiple_of}")
        if self.whole_numbers:
            words.append("comma-separated whole numbers from 1 to 99999")
        return " and ".join(words) or "any value"


def setting(default: T, help: str, *, resumable: bool = False, **legal: Any) -> T:
    """A dataclass field with its help text, its legal values (`Legal`'s fields) and whether a resumed run may change it.

    >>> @dataclasses.dataclass(frozen=True)
    ... class Example:
    ...     batch_size: int = setting(64, "images per step", at_least=1)
    """
    return dataclasses.field(default=default, metadata={"help": help, "legal": Legal(**legal), "resumable": resumable})


@dataclasses.dataclass(frozen=True)
class Setting:
    """Description of a field created by `setting`."""

    name: str
    type: type
    default: Any
    help: str
    legal: Legal
    resumable: bool


def settings_of(kind: Any) -> tuple[Setting, ...]:
    """The settings of a settings class or instance, in order.

    Raises:
      UserError: when a field was not created by `setting`, or is not of type str, int, float or bool.
    """
    found = []
    for field in dataclasses.fields(kind):
        name = field.type if isinstance(field.type, str) else getattr(field.type, "__name__", "")  # lazy annotations: text
        if not {"help", "legal", "resumable"} <= field.metadata.keys():
            raise UserError(
                f"field {field.name!r} of {_named(kind)} is not a setting; write {field.name}: TYPE = setting(default, help)"
            )
        if name not in TYPES:
            raise UserError(f"setting {field.name!r} of {_named(kind)} is of type {name}; it must be {', '.join(TYPES)}")
        found.append(Setting(field.name, TYPES[name], field.default, **field.metadata))
    return tuple(found)


def check(settings: Any) -> None:
    """Refuse values that are of the wrong type or not legal.

    Raises:
      UserError: naming the setting, the value given and the legal values.
    """
    for setting in settings_of(settings):
        value, legal = getattr(settings, setting.name), setting.legal
        _require_type(setting, value)
        if setting.type is int and abs(value) >= 2**63:
            raise UserError(f"--{setting.name}={value} is not legal: it must be {legal} and below 2^63")
        if not legal.allows(value) or (setting.type is float and not math.isfinite(value)):
            finite = "" if value in (True, False) or isinstance(value, str) or math.isfinite(value) else " and finite"
            raise UserError(f"--{setting.name}={value} is not legal: it must be {legal}{finite}")


def _require_type(setting: Setting, value: object) -> None:
    if not _is_a(value, setting.type):
        raise UserError(f"--{setting.name}={value!r} is not of type {setting.type.__name__}")


def replace(settings: T, changes: Mapping[str, Any], what: str) -> T:
    """A copy of `settings` with `changes` applied; `what` names the settings in messages.

    Raises:
      UserError: on an unknown name, with the known ones, or an illegal value.
    """
    names = [field.name for field in dataclasses.fields(settings)]  # type: ignore[arg-type]
    for name in changes:
        if name not in names:
            raise UserError(unknown(name, names, f"setting of {what}"))
    for setting in settings_of(settings):  # before a class that looks at its values gets them
        if setting.name in changes:
            _require_type(setting, changes[setting.name])
    changed = dataclasses.replace(settings, **changes)  # type: ignore[type-var]
    check(changed)
    return changed


def closest(given: str, known: Iterable[str]) -> list[str]:
    """Up to three known names like a given one, the closest first; case does not count.

    >>> closest("MNIST", ["emnist", "mnist", "shapes"])
    ['mnist', 'emnist']
    """
    lower = {name.lower(): name for name in known}
    return [lower[name] for name in difflib.get_close_matches(given.lower(), lower, n=3, cutoff=0.6)]


def unknown(given: str, known: Iterable[str], what: str) -> str:
    """Error message for an unknown name, with the closest known names, or else all of them, up to MOST."""
    known = sorted(known)
    near = closest(given, known)
    rest = f" and {len(known) - MOST} more" if len(known) > MOST else ""
    legal = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(known[:MOST])}{rest}"
    return f"unknown {what} {given!r}; {legal}"


def _named(kind: Any) -> str:
    return (kind if isinstance(kind, type) else type(kind)).__name__


def _is_a(value: Any, kind: type) -> bool:
    if kind is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, kind)
