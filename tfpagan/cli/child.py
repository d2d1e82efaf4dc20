"""A command that ends when the process that started it does: `python -m tfpagan.cli.child PARENT SIGNAL COMMAND ...`.

Else a training that nobody waits for would go on, and keep the folder of its run to itself.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # linux/prctl.h


def end_with(parent: int, number: int) -> None:
    """Ask Linux for a signal when the parent ends; elsewhere this does nothing."""
    if sys.platform == "linux":
        from_linux = number

        def once(*_: object) -> None:
            signal.signal(signal.SIGUSR1, signal.SIG_IGN)
            os.kill(os.getpid(), number)

        if number != signal.SIGKILL:
            # Linux sends one for each thread of the parent as it ends, and a second SIGTERM would kill a training that saves.
            from_linux = signal.SIGUSR1
            signal.signal(signal.SIGUSR1, once)
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, from_linux)
        if os.getppid() != parent:  # it ended before
            os.kill(os.getpid(), from_linux)


if __name__ == "__main__":
    end_with(int(sys.argv[1]), int(sys.argv[2]))
    del sys.argv[1:3]
    from tfpagan.cli import main

    main()
