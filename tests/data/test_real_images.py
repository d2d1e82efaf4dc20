"""Real MNIST and CIFAR-10, where they are available."""

import itertools
import os
from pathlib import Path

import numpy as np
import pytest
import tensorflow_datasets as tfds

from tfpagan.data import prepare
from tfpagan.data.catalogue import Catalogued
from tfpagan.data.decode import decode
from tfpagan.settings.sections import DataConfig


def real_data_dir(name):
    """The folder of TFDS data sets, which must hold this one."""
    data_dir = Path(os.environ.get("TFDS_DATA_DIR", "/nowhere")).expanduser()
    if not (data_dir / name).is_dir():
        pytest.skip(f"$TFDS_DATA_DIR holds no {name}")
    return data_dir


@pytest.mark.slow
@pytest.mark.real_images
def test_real_mnist_is_framed_by_zeros(tmp_path):
    images = prepare(DataConfig(dataset="mnist", data_dir=str(real_data_dir("mnist")), cache_dir=str(tmp_path)))
    assert (images.train.shape, images.test.shape) == ((60000, 32, 32, 1), (10000, 32, 32, 1))
    frame = np.ones((32, 32), bool)
    frame[2:30, 2:30] = False
    assert not images.train[:, frame].any()
    assert images.train[:, 2:30, 2:30].mean() == pytest.approx(33.3184, abs=1e-3)
    assert np.bincount(images.test_labels).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]


@pytest.mark.real_images
def test_real_cifar10_keeps_the_pixels_that_tfds_decodes(tmp_path):
    data_dir = real_data_dir("cifar10")
    source = Catalogued("cifar10", data_dir, tmp_path)
    assert source.split_sizes() == {"train": 50000, "test": 10000}
    assert source.label_names[3] == "cat"
    theirs = tfds.load("cifar10", data_dir=data_dir, split="test[:300]").as_numpy_iterator()
    for ours, example in zip(itertools.islice(source.examples("test"), 300), theirs, strict=True):
        np.testing.assert_array_equal(decode(ours.read(), 3), example["image"])
        assert ours.label == example["label"]
