"""A command that ends when the process that started it does: `python -m tfpagan.cli.child PARENT SIGNAL COMMAND ...`.

Else a training that nobody waits for would go on, and keep the folder of its run to itself.
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1  # linux/prctl.h


def end_with(parent: int, signal: int) -> None:
    """Ask Linux for a signal when the parent ends; elsewhere this does nothing."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal)
        if os.getppid() != parent:  # it ended before
            os.kill(os.getpid(), signal)


if __name__ == "__main__":
    end_with(int(sys.argv[1]), int(sys.argv[2]))
    del sys.argv[1:3]
    from tfpagan.cli import main

    main()
