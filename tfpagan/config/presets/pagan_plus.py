"""PAGAN+: PAGAN with what later work, and experiments here, found to help. It is not in the paper.

docs/results_gpu.md has what each part is worth; `bin/reproduce --table=pagan_plus_cifar10` trains PAGAN+ without each of them.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

from tfpagan.config import Config
from tfpagan.config.presets import pagan


@dataclasses.dataclass(frozen=True)
class Part:
    """Settings that belong together.

    Attributes:
      settings: by flag.
      source: where they come from.
    """

    settings: Mapping[str, Any]
    source: str


PARTS: Mapping[str, Part] = {
    "residual networks": Part(
        {"architecture": "resnet_constant", "channels": 128},
        "Gulrajani et al., 2017, appendix C, with its 128 maps in every block",
    ),
    "augmented discriminators": Part({"disc_augmentation": "color,translation"}, "Zhao et al., 2020"),
    "L1 distance": Part(
        {"reconstruction": "adversarial+l1", "l1_weight": 100.0}, "Isola et al., 2017, equation (4) and its weight of 100"
    ),
    "learning rate": Part(
        {"learning_rate": 5e-4, "decay_fraction": 0.5},
        "alpha-GAN's Table 2 for the rate; Zhu et al., 2017, section 4, for its linear decay in the second half",
    ),
    "moving average": Part({"ema_decay": 0.999}, "Yazici et al., 2019"),
    "joint batch statistics": Part(
        {"joint_batch_norm": True}, "as inference has them: one set for samples and reconstructions (docs/results_gpu.md)"
    ),
    "bounded variances": Part({"max_variance": 1.0}, "no code is wider than the prior (docs/results_gpu.md)"),
    "game on images": Part({"image_game_weight": 10.0}, "samples stay behind reconstructions otherwise (docs/learning.md)"),
    "small batches": Part(
        {"batch_size": 16, "train_steps": 400_000}, "four times as many updates of as many images (docs/learning.md)"
    ),
}


def without(part: str) -> dict[str, Any]:
    """The settings of all parts but one; "": of all."""
    return {flag: value for name, kept in PARTS.items() if name != part for flag, value in kept.settings.items()}


def pagan_plus_cifar10() -> Config:
    """PAGAN+ on CIFAR-10.

    bin/train --preset=pagan_plus_cifar10
    """
    return pagan.pagan_cifar10().with_changes(without(""))


def pagan_plus_mnist() -> Config:
    """PAGAN+ on MNIST.

    bin/train --preset=pagan_plus_mnist
    """
    return pagan.pagan_mnist().with_changes(without(""))


def pagan_plus_celeb_a() -> Config:
    """PAGAN+ on CelebA at 64 px.

    bin/train --preset=pagan_plus_celeb_a
    """
    return pagan.pagan_celeb_a().with_changes(without(""))
