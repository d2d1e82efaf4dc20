"""Small runs for two CPU cores."""

from tfpagan.config import Config


def pagan_shapes_cpu() -> Config:
    """A first run on a laptop: the embedded shapes, 48 channels, a few minutes on two cores.

    bin/train --preset=pagan_shapes_cpu
    """
    changes = {
        "dataset": "shapes",
        "channels": 48,
        "train_steps": 3000,
        "image_every_steps": 500,
        "save_every_steps": 500,
    }
    return Config().with_changes(changes)


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
