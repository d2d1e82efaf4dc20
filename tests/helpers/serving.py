"""Shared by the tests of the server."""

import subprocess
from collections.abc import Callable

import numpy as np
from helpers import tiny

from tfpagan.images import normalize

SHAPE = (8, 8, 3)
"""Shape of the images that the tiny export takes."""

Start = Callable[..., tuple[subprocess.Popen[str], int]]
"""Starts a server with the given flags: its process and port."""

HANGS = 300
"""Seconds after which a test that waits has failed."""


def images(n: int) -> np.ndarray:
    return normalize(tiny.images(n, SHAPE)).numpy()
