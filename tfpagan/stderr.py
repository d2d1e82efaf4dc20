"""The file descriptor of stderr, to which the C++ code of libraries writes past Python."""

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress


@contextmanager
def filtered(keep: Callable[[bytes], bool]) -> Iterator[None]:
    """What is written there comes at the end, and only the lines to keep."""
    try:
        stderr = os.dup(2) if sys.stderr else -1
    except OSError:
        stderr = -1
    if stderr < 0:  # it is closed; if Python began without it, the descriptor may be another file's
        yield
        return
    with tempfile.TemporaryFile() as written:
        sys.stderr.flush()
        os.dup2(written.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(stderr, 2)
            os.close(stderr)
            written.seek(0)
            with suppress(OSError):  # of a closed pipe
                os.write(2, b"".join(line for line in written if keep(line)))
