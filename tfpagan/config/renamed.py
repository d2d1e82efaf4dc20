"""Settings that had another name: config.json of earlier versions is read, and an old flag is answered with the new one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Renamed:
    """One change of a setting's name.

    Attributes:
      section: of config.json.
      old: the name before.
      new: the name now; "" where the setting is gone.
      value: the value before to the value now.
      answer: what an old flag is answered with; "": that it is `new` now.
    """

    section: str
    old: str
    new: str
    value: Callable[[Any], Any] = lambda value: value
    answer: str = ""


RENAMED = (
    Renamed(
        "training", "step", "gradients", answer="how gradients are computed is --gradients; a checkpoint is chosen by --step"
    ),
    Renamed(
        "networks",
        "code",
        "posterior",
        lambda code: "gaussian" if code == "normal" else code,
        "it is --posterior now, and normal is gaussian",
    ),
    Renamed("networks", "condition", "", answer="what a generator is given follows from --objective"),
    Renamed("objective", "faker_loss", "adversary_loss"),
)


def translated(sections: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """The sections of a config.json of any version by today's names.

    >>> translated({"networks": {"code": "normal", "condition": "none"}})
    {'networks': {'posterior': 'gaussian'}}
    """
    found = {name: dict(values) for name, values in sections.items()}
    for change in RENAMED:
        values = found.get(change.section, {})
        if change.old in values:
            value = change.value(values.pop(change.old))
            if change.new:
                values[change.new] = value
    return found


def answer(flag: str) -> str:
    """What is said to somebody who gives a flag by the name that it had; "" for any other flag."""
    for change in RENAMED:
        if change.old == flag:
            return change.answer or f"it is --{change.new} now"
    return ""
