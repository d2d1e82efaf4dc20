"""In-domain classifiers that come along, by name: `mnist` is the SavedModel in the folder `mnist` beside this file."""

from pathlib import Path

HERE = Path(__file__).parent


def names() -> list[str]:
    """The names."""
    return sorted(file.parent.name for file in HERE.glob("*/saved_model.pb"))


def folder(path: Path) -> Path:
    """The folder of the classifier of that name, unless there is something at the path itself; else the path.

    >>> folder(Path("runs/classifier_mnist"))
    PosixPath('runs/classifier_mnist')
    """
    return HERE / path.name if str(path) in names() and not path.exists() else path
