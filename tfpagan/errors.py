"""The exception that a user's mistake raises; any other exception is our mistake."""

import re


class UserError(Exception):
    """A user's mistake: one line that says what was given and what is legal.

    The executables print it without a traceback and exit with a code other than 0.
    """


def why(e: Exception) -> str:
    """The first line of an exception, without the names of TensorFlow's internal functions."""
    text = re.sub(r"\{\{.*?\}\}|\[Op:\w+\].*", "", str(e)).strip()
    return (text.splitlines() or [type(e).__name__])[0].strip()[:300]


def one_line(error: BaseException) -> str:
    """The text of a foreign exception, short and without line breaks; its type if it has no text."""
    text = re.sub(r"\{\{.*?\}\}|\[Op:.*", "", str(error), flags=re.DOTALL)  # the node of a graph: of no use to a user
    text = " ".join(text.split()) or type(error).__name__
    return text if len(text) <= 300 else text[:297] + "..."
