"""`--save_statistics`: the statistics of scored images, in a file that this and other tools read."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tfpagan.cli.flags import path
from tfpagan.errors import UserError

if TYPE_CHECKING:
    from tfpagan.evaluation.classifiers.classifier import Classifier
    from tfpagan.evaluation.metrics import Metric


@contextmanager
def kept(given: str, classifier: "Classifier | None", why_no_classifier: str) -> "Iterator[Metric | None]":
    """The metric that collects statistics within the block, for a scorer; the file is written after it.

    Args:
      given: the flag's value; "": none are collected.
      classifier: whose features they are.
      why_no_classifier: it is None, else "".

    Raises:
      UserError: without a classifier, when no samples were scored, or when the file cannot be written.
    """
    if not given:
        yield None
        return
    from tfpagan.evaluation import reference
    from tfpagan.evaluation.collected import StatisticsOfSamples

    if classifier is None:
        raise UserError(f"--save_statistics={given} needs a classifier: {why_no_classifier}")
    collect = StatisticsOfSamples(classifier)
    yield collect
    if collect.found is None:
        raise UserError(f"--save_statistics={given}: nothing was saved, as there are no samples")
    try:
        reference.write(path(given), collect.found)
    except OSError as e:
        raise _unwritable(given, e) from None


def require(given: str, read: str) -> Path:
    """Refuse, before an evaluation, a file that will not be written.

    Args:
      given: the flag's value.
      read: of --real, which stays.

    Raises:
      UserError: when it is no .npz, there is a file that holds no statistics, such as the images that are scored, or its folder
        cannot be written.
    """
    file = path(given)
    if file.suffix != ".npz":
        raise UserError(f"--save_statistics={given} is not legal: it must be a file.npz")
    if file.is_file():
        _require_statistics(given, file)
        if read and path(read).exists() and file.samefile(path(read)):
            raise UserError(f"--save_statistics={given} would replace --real; name another file")
    try:
        if file.is_dir():
            raise IsADirectoryError(None, "it is a folder")
        file.parent.mkdir(parents=True, exist_ok=True)
        trial = file.with_name(f"{file.name}.trial.part")
        trial.touch()
        trial.unlink()
    except OSError as e:
        raise _unwritable(given, e) from None
    return file


def _require_statistics(given: str, file: Path) -> None:
    from tfpagan.evaluation.errors import EvaluationError
    from tfpagan.evaluation.statistics import read_npz

    try:
        read_npz(file)
    except EvaluationError:
        raise UserError(f"--save_statistics={given} would replace a file that holds no statistics; name another") from None


def _unwritable(given: str, e: OSError) -> UserError:
    return UserError(f"--save_statistics={given} cannot be written: {e.strerror or e}")
