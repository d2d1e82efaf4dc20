"""Real MNIST and CIFAR-10, where they are available."""

import os
from pathlib import Path

import numpy as np
import pytest
import tensorflow_datasets as tfds

from tfpagan.data import prepare
from tfpagan.settings.sections import DataConfig


def real(name, tmp_path):
    data_dir = os.environ.get("TFDS_DATA_DIR", "")
    if not data_dir or not (Path(data_dir).expanduser() / name).is_dir():
        pytest.skip(f"$TFDS_DATA_DIR holds no {name}")
    return prepare(DataConfig(dataset=name, cache_dir=str(tmp_path)))


@pytest.mark.slow
@pytest.mark.real_images
def test_real_mnist_is_framed_by_zeros(tmp_path):
    images = real("mnist", tmp_path)
    assert (images.train.shape, images.test.shape) == ((60000, 32, 32, 1), (10000, 32, 32, 1))
    frame = np.ones((32, 32), bool)
    frame[2:30, 2:30] = False
    assert not images.train[:, frame].any()
    assert images.train[:, 2:30, 2:30].mean() == pytest.approx(33.3184, abs=1e-3)
    assert np.bincount(images.test_labels).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]


@pytest.mark.slow
@pytest.mark.real_images
def test_real_cifar10_keeps_the_pixels_that_tfds_decodes(tmp_path):
    images = real("cifar10", tmp_path)
    assert (images.train.shape, images.test.shape) == ((50000, 32, 32, 3), (10000, 32, 32, 3))
    assert np.bincount(images.train_labels).tolist() == [5000] * 10
    assert images.label_names[3] == "cat"
    theirs = tfds.load("cifar10", data_dir=os.environ["TFDS_DATA_DIR"], split="test[:300]")
    for i, example in enumerate(theirs.as_numpy_iterator()):
        np.testing.assert_array_equal(images.test[i], example["image"])
        assert images.test_labels[i] == example["label"]
