"""One function per published experiment, and small ones for a laptop: `bin/train --preset=NAME`.

Each docstring gives the command, the time it takes, and the score to expect with its protocol.
"""

from collections.abc import Callable

from tfpagan.config import Config
from tfpagan.errors import UserError
from tfpagan.settings import unknown


def pagan_cifar10() -> Config:
    """PAGAN on CIFAR-10 with the paper's constants (section 5, Tables 1 to 3).

    bin/train --preset=pagan_cifar10

    100,000 steps of batch 64 at 512 channels. The paper: FID 32.84, Inception Score 6.56 +- 0.06, RID 13.01 +- 0.82,
    with the official Inception.
    """
    return Config().with_changes({"dataset": "cifar10"})


def pagan_mnist() -> Config:
    """PAGAN on MNIST with the paper's constants (appendix E.3, figure 10; the paper gives no score).

    bin/train --preset=pagan_mnist
    """
    return Config().with_changes({"dataset": "mnist"})


def pagan_celeb_a() -> Config:
    """PAGAN on CelebA at 64 px with the paper's constants (appendix E.3, figure 11; the paper gives no score).

    bin/train --preset=pagan_celeb_a
    """
    return Config().with_changes({"dataset": "celeb_a", "image_size": 64, "crop": "center"})


def pagan_shapes_cpu() -> Config:
    """A first look on a laptop: the embedded shapes, 48 channels, a few minutes on two cores.

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
    """MNIST at 64 channels, for two CPU cores (time and scores: docs/results.md).

    bin/train --preset=pagan_mnist_cpu

    Not in the paper: pairs by channels, which match sooner than by width, and a moving average of generator and encoder.
    """
    changes = {"dataset": "mnist", "channels": 64, "pair": "channels", "train_steps": 16_000, "ema_decay": 0.999}
    return Config().with_changes(changes)


def pagan_cifar10_cpu() -> Config:
    """CIFAR-10 at 64 channels with pairs by channels, which match colours and layout early, for two CPU cores.

    bin/train --preset=pagan_cifar10_cpu

    The paper pairs by width, and has no moving average.
    """
    changes = {"dataset": "cifar10", "channels": 64, "pair": "channels", "train_steps": 20_000, "ema_decay": 0.999}
    return Config().with_changes(changes)


ALL: dict[str, Callable[[], Config]] = {
    f.__name__: f for f in (pagan_cifar10, pagan_mnist, pagan_celeb_a, pagan_shapes_cpu, pagan_mnist_cpu, pagan_cifar10_cpu)
}


def get(name: str) -> Config:
    """The configuration of a preset.

    Raises:
      UserError: on an unknown name.
    """
    if name not in ALL:
        raise UserError(unknown(name, ALL, "preset"))
    return ALL[name]()
