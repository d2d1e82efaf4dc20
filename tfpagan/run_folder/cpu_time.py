"""The CPU time of a run, over all processes that trained it, in `cpu_seconds.json`."""

import json
import time
from pathlib import Path

CPU_FILE = "cpu_seconds.json"


def minutes(folder: Path) -> float | None:
    """CPU minutes of training; None if not recorded."""
    try:
        return float(json.loads((folder / CPU_FILE).read_text())["train"]) / 60.0
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return None


class CpuTime:
    """Counts from now on, over all threads of this process, what is added to the time of earlier ones.

    Args:
      folder: of the run.
      begun: whether earlier processes trained it; if their time is not recorded, none is: a part would be taken for the whole.
    """

    def __init__(self, folder: Path, *, begun: bool):
        self._file = folder / CPU_FILE
        earlier = minutes(folder) if begun else 0.0
        self._since = None if earlier is None else time.process_time() - 60.0 * earlier

    def keep(self) -> None:
        """Write the time until now."""
        if self._since is None:
            return
        part = self._file.with_suffix(".part")
        part.write_text(json.dumps({"train": time.process_time() - self._since}) + "\n")
        part.replace(self._file)
