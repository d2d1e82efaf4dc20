"""Waiting for what another thread or process does, with an end."""

import time
from collections.abc import Callable


def waited(until: Callable[[], object], seconds: float = 60.0) -> bool:
    """Whether it came true within the time."""
    deadline = time.monotonic() + seconds
    while not until() and time.monotonic() < deadline:
        time.sleep(0.01)
    return bool(until())
