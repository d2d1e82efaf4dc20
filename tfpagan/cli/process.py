"""The process of a command: open streams, file names in UTF-8, SIGTERM as an exception, and mistakes in one line."""

import errno
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from tfpagan.cli import names
from tfpagan.errors import UserError, why
from tfpagan.evaluation.errors import EvaluationError

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EIO)
"""Errors of a full or broken place, which may be that of stdout."""
MOST_SHOWN = 300  # characters of a path
NO_ACCESS = (errno.EACCES, errno.EPERM, errno.ENAMETOOLONG, errno.ELOOP)
"""Errors of a path that this user cannot read or write, or that no file system has."""


def prepare() -> None:
    """Open the streams that are closed, and begin again in UTF-8 where the locale has another encoding."""
    _open_streams()
    _use_utf8()


def _open_streams() -> None:
    """Let closed standard streams lead nowhere: else the next files that are opened get their numbers, and what is printed."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            nowhere = os.open(os.devnull, os.O_RDWR)
            if nowhere != number:
                os.dup2(nowhere, number)
                os.close(nowhere)
            os.set_inheritable(number, True)
        if getattr(sys, name) is None:
            stream = open(number, "w" if number else "r", encoding="utf-8", errors="replace", closefd=False)  # noqa: SIM115
            setattr(sys, name, stream)


def _use_utf8() -> None:
    """TensorFlow takes file names as UTF-8, whatever the locale says."""
    if sys.getfilesystemencoding().lower().replace("-", "") == "utf8":
        return
    os.environ["PYTHONUTF8"] = "1"
    with suppress(OSError):
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])


def reporting_mistakes(program: str, do: Callable[[], int]) -> int:
    """Call `do` and return its exit code; a user's mistake, or the machine's, becomes one line on stderr and exit code 1."""
    try:
        code = do()
        sys.stdout.flush()
        return code
    except (UserError, EvaluationError) as e:
        return failed(program, str(e), e.code if isinstance(e, UserError) else 1)
    except BrokenPipeError:  # whoever reads the output, such as `head`, has seen enough
        _drop_output()
        return 128 + signal.SIGPIPE
    except Exception as e:
        if not (problem := _of_the_machine(e)):
            raise
        if isinstance(e, OSError):
            _drop_output()
        return failed(program, problem, 1)
    except KeyboardInterrupt:
        print(f"{names.prefix(program)}: interrupted", file=sys.stderr)
        return 130
    except _Terminated:
        return 128 + signal.SIGTERM


def failed(program: str, message: str, code: int) -> int:
    """Say in one line of stderr what went wrong; return the exit code."""
    print(f"{names.prefix(program)}: error: {names.told(' '.join(message.split()))}", file=sys.stderr)
    return code


def _of_the_machine(e: Exception) -> str:
    """What the machine has too little of, in words; "" if the exception is of another kind."""
    tf = sys.modules.get("tensorflow")  # None if the command did not import it
    exhausted = tf is not None and isinstance(e, tf.errors.ResourceExhaustedError)
    if (isinstance(e, OSError) and e.errno in NO_ROOM) or (exhausted and "space left" in str(e)):
        return f"a file, or the output, cannot be written: {why(e)}"
    if isinstance(e, OSError) and e.errno in NO_ACCESS and e.filename:
        return f"{str(e.filename)[:MOST_SHOWN]} cannot be used: {e.strerror}"
    if exhausted or isinstance(e, MemoryError):
        return "out of memory; try a smaller --batch_size, or fewer images at once"
    return ""


def _drop_output() -> None:
    """Let what is still in the buffer of stdout, which Python flushes at its end, go nowhere."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class _Terminated(SystemExit):
    """SIGTERM, as an exception."""


@contextmanager
def sigterm_as_exception() -> Iterator[None]:
    """Raise an exception on SIGTERM, so that temporary files are removed, unless the command handles the signal itself."""

    def end(number: int, frame: Any) -> None:
        raise _Terminated(128 + number)

    if threading.current_thread() is not threading.main_thread():  # only the main thread can handle signals
        yield
        return
    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
