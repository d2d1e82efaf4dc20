"""Where statistics and downloads are kept between processes."""

import os
from pathlib import Path


def folder() -> Path:
    """$XDG_CACHE_HOME/tfpagan, else ~/.cache/tfpagan."""
    return Path(os.path.expanduser(os.environ.get("XDG_CACHE_HOME") or "~/.cache")) / "tfpagan"
