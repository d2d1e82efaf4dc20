"""The one exception that a user's mistake raises; everything else is ours."""

import re


class UserError(Exception):
    """A mistake of the user: one line that says what was given and what is legal.

    The executables print it without a traceback and exit with a code other than 0.
    """


def why(e: Exception) -> str:
    """The first line of an exception, without the names of TensorFlow's internal functions."""
    text = re.sub(r"\{\{.*?\}\}|\[Op:\w+\].*", "", str(e)).strip()
    return (text.splitlines() or [type(e).__name__])[0].strip()[:300]


def one_line(error: BaseException) -> str:
    """The text of somebody else's exception, short and without line breaks; its type where it has no text."""
    text = re.sub(r"\{\{.*?\}\}|\[Op:.*", "", str(error), flags=re.DOTALL)  # which node of a graph: nothing to a user
    text = " ".join(text.split()) or type(error).__name__
    return text if len(text) <= 300 else text[:297] + "..."
