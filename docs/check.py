"""Run every command of the pages beside this file: their `sh` blocks, page after page, in one empty folder; `make docs-check`.

Blocks of another kind are not run here; tests/test_readme.py runs the Python ones.
"""

import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

DOCS = Path(__file__).resolve().parent
PAGES = ("tutorial.md", "training.md", "evaluation.md", "serving.md", "systems.md")
"""In this order: later pages use what earlier ones have made."""


def blocks(page: Path, kind: str) -> list[str]:
    """The fenced blocks of a kind."""
    return re.findall(rf"^```{kind}\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def main() -> int:
    """Say what runs and for how long; stop at the first command that fails."""
    with tempfile.TemporaryDirectory() as folder:
        for name in ("bin", ".venv"):
            (Path(folder) / name).symlink_to(DOCS.parent / name)
        environment = {**os.environ, "XDG_CACHE_HOME": f"{folder}/cache"}
        for page in PAGES:
            script = "\n".join(blocks(DOCS / page, "sh"))
            begun = time.monotonic()
            # One shell for a page, so that what it starts in the background is there for the next block.
            done = subprocess.run(
                ["bash", "-euxo", "pipefail", "-c", script], cwd=folder, env=environment, stdin=subprocess.DEVNULL
            )
            print(f"{page}: exit code {done.returncode}, {time.monotonic() - begun:.0f} seconds", flush=True)
            if done.returncode:
                return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
