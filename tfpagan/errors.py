"""The exception that a user's mistake raises; any other exception is our mistake."""

import re


class UserError(Exception):
    """A user's mistake: one line that says what was given and what is legal.

    The executables print it without a traceback and exit with its code.
    """

    code = 1


class WorkerMissingError(UserError):
    """Another worker of a distributed run is not there; the exit code tells a supervisor to start this one again."""

    code = 75  # EX_TEMPFAIL of sysexits.h


class WorkerLostError(WorkerMissingError):
    """Another worker has gone during the run."""


def by_another_worker(e: Exception) -> bool:
    """Whether an operation over several workers failed because one of them has gone."""
    return "Collective ops is aborted" in str(e)


PATTERN = re.compile(r"[][*?\\\\]")


def require_plain_path(flag: str, path: object) -> None:
    """Refuse a path that TensorFlow would match as a pattern when it reads a checkpoint, and so not find.

    Raises:
      UserError: naming the flag and the character.
    """
    if found := PATTERN.search(str(path)):
        raise UserError(f"--{flag}={path} is not legal: TensorFlow cannot read files whose path has {found[0]!r} in it")


def why(e: Exception) -> str:
    """The first line of an exception, without the names of TensorFlow's internal functions."""
    text = re.sub(r"\{\{.*?\}\}|\[Op:\w+\].*", "", str(e)).strip()
    return (text.splitlines() or [type(e).__name__])[0].strip()[:300]


def one_line(error: BaseException) -> str:
    """The text of a foreign exception, short and without line breaks; its type if it has no text."""
    text = re.sub(r"\{\{.*?\}\}|\[Op:.*", "", str(error), flags=re.DOTALL)  # the node of a graph: of no use to a user
    text = " ".join(text.split()) or type(error).__name__
    return text if len(text) <= 300 else text[:297] + "..."
