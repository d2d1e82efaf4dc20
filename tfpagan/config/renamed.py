"""Renamed settings: config.json of earlier versions is still read; an old flag is refused with its new name."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Renamed:
    """A setting that was renamed or removed, or a value of it that was.

    Attributes:
      section: of config.json.
      old: the former name.
      new: the current name, which may be the former one; "": removed.
      value: from a former value to the current one.
      answer: the error message for the old flag; "": that it is now `new`.
    """

    section: str
    old: str
    new: str
    value: Callable[[Any], Any] = lambda value: value
    answer: str = ""


RENAMED = (
    Renamed("training", "step", "gradients", answer="--gradients sets how gradients are computed; --step selects a checkpoint"),
    Renamed(
        "networks",
        "code",
        "posterior",
        lambda code: "gaussian" if code == "normal" else code,
        "it is now --posterior, and its value normal is now gaussian",
    ),
    Renamed(
        "networks",
        "disc_channels",
        "disc_channel_multiplier",
        lambda width: 1 if width == 0 else f"{width} channels",  # refused, as the multiple of others is not known here
        "it is now --disc_channel_multiplier, in multiples of --channels",
    ),
    Renamed("training", "xla", "xla", lambda chosen: str(chosen).lower()),
    Renamed("training", "noxla", "xla", answer="it is now --xla=false"),
    Renamed("networks", "condition", "", answer="it follows from --objective"),
    Renamed("objective", "faker_loss", "adversary_loss"),
    Renamed("objective", "reconstruction", "reconstruction", lambda kind: "adversarial+l1" if kind == "both" else kind),
    Renamed(
        "objective",
        "variance_floor",
        "",
        answer="it is now --fake_variance_floor, in multiples of the prior's variance and for codes of samples alone",
    ),
)


def translated(sections: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """The sections of a config.json of any version, with the current names of settings.

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
    """The error message for the former name of a flag; "" for any other flag."""
    for change in RENAMED:
        if change.old == flag != change.new:
            return change.answer or f"it is now --{change.new}"
    return ""
