"""Trained networks that come with the package, by name: `tfpagan.load("shapes")`, `--model=shapes`, `--classifier=shapes`.

`models/NAME` is an export, made by `bin/reproduce --publish`; `classifiers/NAME` a SavedModel of `bin/train_classifier`.
"""

from pathlib import Path

HERE = Path(__file__).parent


def models() -> list[str]:
    """Names of the trained models."""
    return _names("models")


def classifiers() -> list[str]:
    """Names of the in-domain classifiers."""
    return _names("classifiers")


def model(path: Path) -> Path:
    """The folder of the model of that name, unless there is something at the path itself; else the path.

    >>> model(Path("runs/mnist"))
    PosixPath('runs/mnist')
    """
    return _found("models", path)


def classifier(path: Path) -> Path:
    """The folder of the classifier of that name, unless there is something at the path itself; else the path."""
    return _found("classifiers", path)


def _names(kind: str) -> list[str]:
    return sorted(folder.name for folder in (HERE / kind).iterdir() if folder.is_dir())


def _found(kind: str, path: Path) -> Path:
    return HERE / kind / path.name if str(path) in _names(kind) and not path.exists() else path
