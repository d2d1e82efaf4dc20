"""Numbers by key, with a reason for every one that is missing."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from evaluation.errors import EvaluationError
from evaluation.measures import Pair

T = TypeVar("T")


@dataclasses.dataclass
class Scores:
    """What a pass gave.

    Attributes:
      metrics: by key; None for what is missing.
      reasons: why, for what is None.
      protocol: what the numbers are of.
      details: what does not fit a number, as lists per dimension.
      worst: the pairs that RID finds worst.
      failed: metrics without any number: their keys.
    """

    metrics: dict[str, float | None] = dataclasses.field(default_factory=dict)
    reasons: dict[str, str] = dataclasses.field(default_factory=dict)
    protocol: dict[str, Any] = dataclasses.field(default_factory=dict)
    details: dict[str, Any] = dataclasses.field(default_factory=dict)
    worst: list[Pair] = dataclasses.field(default_factory=list)
    failed: dict[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)

    def missing(self, keys: Sequence[str], reason: str) -> None:
        """Null with a reason."""
        self.metrics |= dict.fromkeys(keys)
        self.reasons |= dict.fromkeys(keys, reason)

    def give(self, keys: Sequence[str], values: Sequence[float | None], undefined: str = "") -> None:
        """Numbers; `undefined` is the reason of those that are None."""
        self.metrics |= dict(zip(keys, values, strict=True))
        self.reasons |= {key: undefined for key, value in zip(keys, values, strict=True) if value is None}

    def attempt(self, keys: Sequence[str], make: Callable[[], T]) -> T | None:
        """What `make` gives; or None, with its EvaluationError as the reason of the keys."""
        try:
            return make()
        except EvaluationError as e:
            self.missing(keys, str(e))
            return None

    def in_order(self, asked: Mapping[str, tuple[str, ...]]) -> None:
        """Bring the numbers into the order of what was asked for, and note what has failed altogether."""
        self.metrics = {key: self.metrics[key] for keys in asked.values() for key in keys}
        self.failed = {metric: keys for metric, keys in asked.items() if all(self.metrics[key] is None for key in keys)}
