"""ColorMNIST: a digit of MNIST in each of the channels red, green and blue."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import tensorflow as tf

from tfpagan.data.catalogue import Catalogued
from tfpagan.data.decode import encode
from tfpagan.data.source import Example

SEEDS = {"train": 0, "test": 1}


class ColorMNIST:
    """Three digits drawn at random, stacked: 1,000 classes (Metz et al., 2017, section 3.3.1; alpha-GAN section 6).

    As many images as MNIST has, always the same: digit i of a split is the red channel of image i, and the green and blue
    channels are two shuffles of the split. A label is the three-digit number, red first.

    Raises:
      UserError: as `Catalogued`, for mnist.
    """

    channels = 3
    image_px = (28, 28)
    label_names = tuple(f"{number:03d}" for number in range(1000))
    train_split = "train"
    test_split = "test"
    validation_split = None

    def __init__(self, data_dir: Path, cache_dir: Path) -> None:
        self._mnist = Catalogued("mnist", data_dir, cache_dir)
        self.name = f"color-{self._mnist.name}"

    @property
    def downloads(self) -> str:
        """MNIST's."""
        return self._mnist.downloads

    def split_sizes(self) -> dict[str, int | None]:
        """MNIST's."""
        return self._mnist.split_sizes()

    def fetch(self) -> None:
        """Fetch MNIST; raises as it does."""
        self._mnist.fetch()

    def identity(self) -> str:
        """MNIST's identity, and the seeds."""
        return f"{self._mnist.identity()} {SEEDS}"

    def examples(self, split: str) -> Iterator[Example]:
        """The split's images as PNG."""
        mnist = list(self._mnist.examples(split))
        digits = np.stack([tf.io.decode_png(example.read()).numpy()[:, :, 0] for example in mnist])  # [N, 28, 28]
        labels = np.array([example.label for example in mnist])
        random = np.random.default_rng(SEEDS[split])
        order = np.stack([np.arange(len(mnist)), random.permutation(len(mnist)), random.permutation(len(mnist))], 1)
        for i, chosen in enumerate(order):
            stacked = np.moveaxis(digits[chosen], 0, 2)  # [28, 28, 3]
            label = int(labels[chosen] @ (100, 10, 1))
            yield Example(f"color_mnist, {split} image {i}", partial(encode, stacked), label)
