"""The exception that what a user hands in can raise, and the one that ends an evaluation early."""

import re


class EvaluationError(ValueError):
    """What cannot be scored: one line that says what was given and what is legal."""


class GivenUpError(Exception):
    """The evaluation is not wanted any more."""


def first_line(e: Exception) -> str:
    """Of a message, without the names of TensorFlow's internal functions."""
    text = re.sub(r"\{\{.*?\}\}|\[Op:\w+\].*", "", str(e)).strip()
    return (text.splitlines() or [type(e).__name__])[0].strip()[:200]
