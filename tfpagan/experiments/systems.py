"""Every system on one data set: its settings there, and why those are not its paper's."""

from collections.abc import Mapping
from typing import Any

from tfpagan.experiments.experiment import Experiment
from tfpagan.experiments.table import Deviation, Row, Table
from tfpagan.losses.adversarial import DIVERGENCES
from tfpagan.objectives import OBJECTIVES

COLUMNS = ("IS", "FID", "RID", "class kept", "RMSE", "codes", "images/s", "CPU min")
VALIDATION_IMAGES = 1000

SYSTEMS: Mapping[str, Mapping[str, Any]] = {
    "pagan": {"objective": "pagan", "pair": "channels"},
    "pagan_width": {"objective": "pagan"},
    "pagan_l1": {"objective": "pagan", "reconstruction": "l1", "augmentation": "none"},
    "pagan_noaug": {"objective": "pagan", "pair": "channels", "augmentation": "none"},
    **{f"f_pagan_{name}": {"objective": "f_pagan", "divergence": name, "pair": "channels"} for name in DIVERGENCES},
    **{name: {"objective": name} for name in OBJECTIVES if name not in ("pagan", "f_pagan")},
    "alice": {"objective": "alice", "pair": "channels"},
}
"""The rows, by the settings that make them."""

DEVIATIONS: Mapping[str, tuple[Deviation, ...]] = {
    "mnist": (),
    "cifar10": (),
}
"""By data set."""


def table(dataset: str) -> Table:
    """Every system on a data set of `DEVIATIONS`; the scored checkpoint is chosen on held-out training images."""
    without = ("conditional_age",) if dataset == "mnist" else ()  # it has no colours
    return Table(f"Every system on {dataset}", tuple(_row(name, dataset) for name in SYSTEMS if name not in without), COLUMNS)


def _row(name: str, dataset: str) -> Row:
    deviations = tuple(deviation for deviation in DEVIATIONS[dataset] if not deviation.of or name in deviation.of)
    settings = {"dataset": dataset, "validation_images": VALIDATION_IMAGES, **SYSTEMS[name]}
    for deviation in deviations:
        settings |= deviation.settings
    reconstructs = "encoder" in OBJECTIVES.get(settings["objective"])().players
    experiment = Experiment(f"{name}_{dataset}", "", settings, best="class kept" if reconstructs else "FID")
    return Row(name, experiment, deviations=deviations)
