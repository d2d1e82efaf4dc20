"""alpha-GAN's sweeps (Rosca et al., 2017, Table 2, H.1 and H.4), which its Figures 2, 5, 14 and 15 show."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from tfpagan.config.presets.alpha_gan import DATA

RATES = "learning_rate=1e-4,2e-4,3e-4; {0}: disc_learning_rate=1e-4,2e-4,3e-4"
GRID = "; ".join(
    [
        *(f"{system}: {RATES.format(system)}" for system in ("dcgan", "wgan_gp")),
        "age: learning_rate=1e-4,2e-4,5e-4; age: data_weight=100,500,1000,2000",
        "age: latent_weight=10; age: latent_distance=cosine",
        "alpha_gan: learning_rate=1e-4,5e-4; alpha_gan: encoder_l1_weight=1,5,10,50; alpha_gan: generator_l1_weight=1,5,10,50",
    ]
)
"""62 runs."""
COMMON = {"adam_beta1": 0.5, "adam_beta2": 0.9, "validation_images": 5000, "critic_from": 0.5}


@dataclasses.dataclass(frozen=True)
class Sweep:
    """A sweep on one data set.

    Attributes:
      grid: as of `bin/sweep`.
      settings: of all its runs.
      second_classifier: for scores by both; "": there is one.
    """

    grid: str
    settings: Mapping[str, Any]
    second_classifier: str = ""


def _on(data: str, grid: str = GRID, second_classifier: str = "") -> Sweep:
    swept = [part.strip().partition("=")[0] for part in grid.split(";")]
    settings = {name: value for name, value in DATA[data].items() if name not in swept}
    return Sweep(grid, {**settings, **COMMON}, second_classifier)


SWEEPS = {
    "color_mnist": _on("color_mnist", f"latent_dim=10,50,75; {GRID}; dcgan: disc_dropout=0.2"),
    "celeb_a": _on("celeb_a"),
    "cifar10": _on("cifar10", second_classifier="cifar10"),
}
"""By data set."""


@dataclasses.dataclass(frozen=True)
class Figure:
    """A figure of sweeps.

    Attributes:
      title: for display.
      data: names in SWEEPS.
      paper: what the paper says of it.
    """

    title: str
    data: tuple[str, ...]
    paper: str


FIGURES = {
    "alpha_gan_2": Figure(
        "alpha-GAN Figure 2: the independent critic over sweeps",
        ("color_mnist", "celeb_a", "cifar10"),
        "boxes without numbers; by the critic WGAN-GP's best runs are the best on all three",
    ),
    "alpha_gan_5": Figure(
        "alpha-GAN Figure 5: diversity and Inception Scores over sweeps",
        ("celeb_a", "cifar10"),
        "boxes without numbers; of test images the diversity is 0.621 (CelebA), the Inception Score 11.25, and that by a "
        "network trained on CIFAR-10 9.18. 15 % of the jobs are in the upper half by the first Inception Score and in the "
        "lower half by the second",
    ),
    "alpha_gan_14": Figure(
        "alpha-GAN Figure 14: the best samples by each metric, CelebA",
        ("celeb_a",),
        "samples of the best runs by sample quality, the critic, and diversity",
    ),
    "alpha_gan_15": Figure(
        "alpha-GAN Figure 15: correlation of diversity and the independent critic",
        ("color_mnist", "celeb_a", "cifar10"),
        "a plot of an alpha-GAN sweep without numbers, on data that are not named; 'a high correlation'",
    ),
}
"""By the value of `--figure`."""
