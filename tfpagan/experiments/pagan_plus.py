"""The ablation of PAGAN+, which no paper has."""

from typing import Any

from tfpagan.config.presets import pagan_plus
from tfpagan.experiments.experiment import Experiment
from tfpagan.experiments.table import Deviation, Row, Table


def _with(what: str, settings: dict[str, Any]) -> Row:
    """PAGAN+ with other settings."""
    return Row(what, Experiment(f"pagan_plus_{what.replace(' ', '_')}_cifar10", "pagan_plus_cifar10", settings))


def _without(part: str) -> Row:
    """PAGAN+ without one of its parts."""
    name = f"pagan_plus_without_{part.replace(' ', '_')}_cifar10"
    return Row(f"without {part}", Experiment(name, "", {"dataset": "cifar10", **pagan_plus.without(part)}))


TABLE = Table(
    "PAGAN+ on CIFAR-10, and without each of its parts",
    (
        Row("PAGAN", Experiment("pagan_cifar10", "pagan_cifar10", {})),
        Row(
            "PAGAN+",
            Experiment("pagan_plus_cifar10", "pagan_plus_cifar10", {}),
            deviations=tuple(Deviation(("PAGAN+",), part.settings, part.source) for part in pagan_plus.PARTS.values()),
        ),
        *(_without(part) for part in pagan_plus.PARTS),
        _with("pairs by channels", {"pair": "channels"}),
        _with("narrowing residual networks", {"architecture": "resnet"}),
    ),
    ("FID", "IS", "RID", "class kept", "RMSE", "images", "images/s", "CPU min"),
)
