"""Small runs for two CPU cores."""

from typing import Any

from tfpagan.config import Config

QUICK: dict[str, Any] = {
    "architecture": "color_mnist",
    "channels": 32,
    "reconstruction": "adversarial+l2",
    "l2_weight": 3000.0,
    "pair": "channels",
    "max_variance": 1.0,
    "batch_size": 32,
    "learning_rate": 3e-3,
    "disc_learning_rate": 2e-4,
    "adam_beta1": 0.9,
    "decay_fraction": 0.5,
    "ema_decay": 0.99,
    "image_every_steps": 500,
    "save_every_steps": 500,
    "eval_every_steps": 5500,
}
"""PAGAN in minutes. Not in the paper, and each for speed: the L2 distance beside the game on pairs, alpha-GAN's networks, with
wider layers near the image, pairs joined by channels, larger learning rates that fall in the second half, variances of codes of
at most 1, a moving average."""


def pagan_shapes_cpu() -> Config:
    """A first run on a laptop: the embedded shapes, under five minutes on two cores (settings: `QUICK`; docs/results.md).

    bin/train --preset=pagan_shapes_cpu
    """
    return Config().with_changes({**QUICK, "dataset": "shapes", "eval_classifier": "shapes", "train_steps": 5500})


def pagan_quick_mnist_cpu() -> Config:
    """The same on MNIST, three to five minutes on two cores.

    bin/train --preset=pagan_quick_mnist_cpu
    """
    return Config().with_changes({**QUICK, "dataset": "mnist", "eval_classifier": "mnist", "train_steps": 2500})


def pagan_mnist_cpu() -> Config:
    """MNIST with 64 channels, for two CPU cores (time and scores: docs/results.md).

    bin/train --preset=pagan_mnist_cpu

    Not in the paper: pairs joined by channels, which match earlier in training than pairs joined by width; and a moving
    average of generator and encoder.
    """
    changes = {"dataset": "mnist", "channels": 64, "pair": "channels", "train_steps": 16_000, "ema_decay": 0.999}
    return Config().with_changes(changes)


def pagan_cifar10_cpu() -> Config:
    """CIFAR-10 with 64 channels, for two CPU cores; with pairs joined by channels, colours and layout match early.

    bin/train --preset=pagan_cifar10_cpu

    The paper joins pairs by width and uses no moving average.
    """
    changes = {"dataset": "cifar10", "channels": 64, "pair": "channels", "train_steps": 20_000, "ema_decay": 0.999}
    return Config().with_changes(changes)
