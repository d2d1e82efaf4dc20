"""Folders of data sets and of decoded images."""

import os
import tempfile
from pathlib import Path

from tfpagan.errors import UserError
from tfpagan.evaluation import cache


def data_dir(given: str) -> Path:
    """`given`, else $TFDS_DATA_DIR, else ~/tensorflow_datasets; absolute."""
    return local(given or os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets", "data_dir=")


def cache_dir(given: str) -> Path:
    """`given`, else $XDG_CACHE_HOME/tfpagan, else ~/.cache/tfpagan; absolute."""
    return local(given or str(cache.folder()), "cache_dir=")


def check_writable(folder: Path, flag: str) -> None:
    """Create `folder` if needed, and check that files can be written in it.

    Raises:
      UserError: naming the flag to change.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as e:
        remedy = f"set --{flag} to a folder that you may write to"
        raise UserError(f"cannot write into {folder}: {e.strerror}; {remedy}") from None


def local(given: str, flag: str, legal: str = "it must be a folder of this machine") -> Path:
    """An absolute path, with ~ expanded.

    Args:
      given: the path.
      flag: what stands before it on the command line, without dashes: `data_dir=`, `dataset=folder:`.
      legal: the end of the message.

    Raises:
      UserError: on an address of another machine.
    """
    if "://" in given:
        raise UserError(f"--{flag}{given} is not legal: {legal}")
    return Path(os.path.abspath(os.path.expanduser(given)))


def path_meant(dataset: str) -> str:
    """The end of a message about an unknown data set, if there is a folder or file of its name; else ""."""
    path = Path(os.path.expanduser(dataset))
    return f"; did you mean {'folder' if path.is_dir() else 'npz'}:{dataset}?" if path.exists() else ""
