"""How a training is stopped, and how it ended."""

import dataclasses
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from absl import logging


class Stop:
    """Whether SIGTERM, SIGHUP (the terminal's end) or Ctrl-C was received: the first requests a clean stop, a second kills."""

    def __init__(self) -> None:
        self.signal: int | None = None

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Handle the signals until the block ends; only the main thread can."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        handled = [signal.SIGTERM, signal.SIGINT]
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as nohup asks for
            handled.append(signal.SIGHUP)
        before = {s: signal.signal(s, self._on_signal) for s in handled}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def heard(self) -> bool:
        """Whether a signal was received."""
        return self.signal is not None

    def heard_elsewhere(self) -> None:
        """Another worker received a signal, and all of them stop."""
        if not self.signal:
            self.signal = signal.SIGTERM
            logging.warning("another worker received a signal: saving and stopping with it")

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self.signal = number
        signal.signal(number, signal.SIG_DFL)
        logging.warning("%s: saving and stopping after the current steps", signal.Signals(number).name)


@dataclasses.dataclass(frozen=True)
class Ended:
    """How a training ended.

    Attributes:
      stopped_by: the number of the signal that stopped it, here or on another worker; None when all steps and evaluations are
        done, or patience was at its end.
      unscored: the steps whose evaluation failed.
    """

    stopped_by: int | None = None
    unscored: tuple[int, ...] = ()
