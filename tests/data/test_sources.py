"""The data sets of the papers that are put together here: ColorMNIST, Tiny ImageNet; and ImageNet at 64 px by its TFDS name."""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tfpagan.data import color_mnist, describe, prepare
from tfpagan.data.catalogue import Catalogued
from tfpagan.data.color_mnist import ColorMNIST
from tfpagan.data.source import Example
from tfpagan.errors import UserError
from tfpagan.settings.sections import DataConfig


class FakeMNIST:
    """Ten digits; digit d has the grey level 10 d + 5."""

    name = "mnist-0"
    train_split, test_split, validation_split = "train", "test", None

    def __init__(self, *_: object):
        pass

    def examples(self, split: str) -> Iterator[Example]:
        for i in range(30):
            image = tf.io.encode_png(np.full([28, 28, 1], 10 * (i % 10) + 5, np.uint8)).numpy()
            yield Example(f"{split} {i}", lambda image=image: image, i % 10)


def color(monkeypatch: pytest.MonkeyPatch) -> ColorMNIST:
    monkeypatch.setattr(color_mnist, "Catalogued", FakeMNIST)
    return ColorMNIST(Path("data"), Path("cache"))


def test_the_label_of_color_mnist_is_its_three_digits_red_first(monkeypatch: pytest.MonkeyPatch) -> None:
    for example in color(monkeypatch).examples("train"):
        levels = tf.io.decode_png(example.read()).numpy()[14, 14].astype(int)  # [3]
        assert example.label == sum(factor * (level - 5) // 10 for factor, level in zip((100, 10, 1), levels, strict=True))


def test_color_mnist_uses_every_digit_once_in_every_channel_and_is_the_same_every_time(monkeypatch: pytest.MonkeyPatch) -> None:
    source = color(monkeypatch)
    labels = [example.label or 0 for example in source.examples("train")]
    for place in (100, 10, 1):
        assert np.bincount([label // place % 10 for label in labels]).tolist() == [3] * 10
    assert labels == [example.label or 0 for example in source.examples("train")]
    assert labels != [example.label or 0 for example in source.examples("test")]
    assert len(set(labels)) > 20


@pytest.mark.slow
@pytest.mark.real_images
def test_real_color_mnist_is_three_real_digits(tmp_path: Path) -> None:
    data_dir = os.environ.get("TFDS_DATA_DIR", "")
    if not data_dir or not (Path(data_dir).expanduser() / "mnist").is_dir():
        pytest.skip("$TFDS_DATA_DIR holds no mnist")
    source, mnist = ColorMNIST(Path(data_dir), tmp_path), Catalogued("mnist", Path(data_dir), tmp_path)
    digits = list(mnist.examples("test"))
    made = [(tf.io.decode_png(example.read()).numpy(), example.label or 0) for example in source.examples("test")]
    images, labels = zip(*made, strict=True)
    assert len(images) == 10_000
    assert [label // 100 for label in labels] == [digit.label for digit in digits]
    reds = [tf.io.decode_png(digit.read()).numpy()[:, :, 0] for digit in digits]
    np.testing.assert_array_equal(np.stack(images)[:, :, :, 0], reds)
    sums = np.sum(reds, (1, 2), dtype=np.int64)
    np.testing.assert_array_equal(np.sort(np.stack(images)[:, :, :, 2].sum((1, 2), dtype=np.int64)), np.sort(sums))
    assert describe(DataConfig(dataset="color_mnist", cache_dir=str(tmp_path))).config.image_size == 32


def tiny_imagenet(folder: Path) -> DataConfig:
    """As it is unpacked, with two classes of two images; the validation images are one of each."""
    for i, name in enumerate(("n01", "n02")):
        (folder / "train" / name / "images").mkdir(parents=True)
        for j in range(2):
            (folder / "train" / name / "images" / f"{name}_{j}.JPEG").write_bytes(jpeg(60 * i + 20 * j))
    for part in ("val/images", "test/images"):
        (folder / part).mkdir(parents=True)
        for j in range(2):
            (folder / part / f"{part[:3]}_{j}.JPEG").write_bytes(jpeg(200 + 20 * j))
    (folder / "val" / "val_annotations.txt").write_text("val_0.JPEG\tn02\t0\t0\t62\t57\nval_1.JPEG\tn01\t0\t0\t1\t1\n")
    (folder / "wnids.txt").write_text("n02\nn01\n")
    return DataConfig(dataset=f"folder:{folder}", cache_dir=str(folder.parent / "cache"))


def jpeg(grey: int) -> bytes:
    return tf.io.encode_jpeg(np.full([64, 64, 3], grey, np.uint8), quality=100).numpy()


def test_tiny_imagenet_is_tested_on_its_validation_images_with_their_classes(tmp_path: Path) -> None:
    images = prepare(tiny_imagenet(tmp_path / "tiny"))
    assert images.shape == (64, 64, 3)
    assert images.label_names == ("n01", "n02")
    assert images.train_labels is not None
    assert images.test_labels is not None
    assert images.train_labels.tolist() == [0, 0, 1, 1]
    assert images.test_labels.tolist() == [1, 0]
    assert images.test[:, 0, 0, 0].tolist() == [200, 220]


def test_a_validation_image_that_is_not_listed_is_named(tmp_path: Path) -> None:
    config = tiny_imagenet(tmp_path / "tiny")
    (tmp_path / "tiny" / "val" / "val_annotations.txt").write_text("val_0.JPEG\tn02\t0\n")
    with pytest.raises(UserError, match=r"val_1\.JPEG is not in .*val_annotations\.txt"):
        prepare(config)
    for damaged in (b"val_0.JPEG n02\n", b"val_0.JPEG\t\xff\n"):
        (tmp_path / "tiny" / "val" / "val_annotations.txt").write_bytes(damaged)
        with pytest.raises(UserError, match=r"val_annotations\.txt is damaged"):
            prepare(config)


def test_imagenet_at_64_px_goes_by_its_tfds_name(tmp_path: Path) -> None:
    described = describe(DataConfig(dataset="imagenet_resized/64x64", data_dir=str(tmp_path)))
    assert (described.config.image_size, described.config.crop, described.channels) == (64, "none", 3)
    assert "download" in described.downloads
