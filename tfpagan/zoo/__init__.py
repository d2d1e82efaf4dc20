"""Trained models that come with the package, by name: `tfpagan.load("shapes")`, `--model=shapes`.

`models/NAME` is an export, made by `bin/reproduce --publish`; the classifiers that come along are in `evaluation`.
"""

from pathlib import Path

HERE = Path(__file__).parent / "models"


def models() -> list[str]:
    """Names of the trained models."""
    return sorted(folder.name for folder in HERE.iterdir() if folder.is_dir())


def model(path: Path) -> Path:
    """The folder of the model of that name, unless there is something at the path itself; else the path.

    >>> model(Path("runs/mnist"))
    PosixPath('runs/mnist')
    """
    return HERE / path.name if str(path) in models() and not path.exists() else path


def beside(path: Path) -> str:
    """The end of a message about a path that holds no model: which names would do, or that it hides one of them."""
    if str(path) in models():
        return ", and it hides the model of that name, which tfpagan brings along"
    return f", nor {', '.join(models())}, which tfpagan brings along"
