"""`probe.json`: what the last `bin/probe` found about a run."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tfpagan.errors import UserError

FILE = "probe.json"
USUAL = {"labels_per_class": 100, "sets": 10, "held_out": 1000, "seed": 0}
"""The protocol of AGE's section 3.1, and the defaults of bin/probe where it is silent."""


def write(model_dir: Path, facts: Mapping[str, Any]) -> None:
    """Keep the error rates with their protocol.

    Raises:
      UserError: when the folder cannot be written.
    """
    part = model_dir / f"{FILE}.part"
    try:
        part.write_text(json.dumps(facts, indent=2) + "\n")
        part.replace(model_dir / FILE)
    except OSError as e:
        raise UserError(f"{model_dir / FILE} cannot be written: {e}") from None


def error_rate(model_dir: Path, step: int) -> tuple[float, float] | None:
    """Mean and standard deviation of the error rates of a step under the usual protocol; None if it was not probed so."""
    try:
        facts = json.loads((model_dir / FILE).read_text())
        if facts["step"] != step or any(facts[name] != value for name, value in USUAL.items()):
            return None
        return float(facts["error_rate_mean"]), float(facts["error_rate_std"])
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return None
