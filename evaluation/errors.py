"""Exceptions: for input that cannot be scored, and for an interrupted evaluation."""

import re


class EvaluationError(ValueError):
    """Input cannot be scored; the message is one line that says what was given and what is legal."""


class GivenUpError(Exception):
    """The evaluation was interrupted."""


def first_line(e: Exception) -> str:
    """First line of an exception's message, without the names of TensorFlow's internal functions."""
    text = re.sub(r"\{\{.*?\}\}|\[Op:\w+\].*", "", str(e)).strip()
    return (text.splitlines() or [type(e).__name__])[0].strip()[:200]
