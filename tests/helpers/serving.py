"""Shared by the tests of the server."""

import subprocess
from collections.abc import Callable

SHAPE = (8, 8, 3)
"""Shape of the images that the tiny export takes."""

Start = Callable[..., tuple[subprocess.Popen[str], int]]
"""Starts a server with the given flags: its process and port."""
