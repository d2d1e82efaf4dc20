"""Arrays as data sets: files under the names of several tools, and what a Python program has in memory."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from helpers import tiny

from tfpagan.data import describe, given, prepare
from tfpagan.errors import UserError
from tfpagan.settings.sections import DataConfig

X = tiny.images(20, (8, 8, 3))
Y = np.arange(20) % 4


def prepared(file: Path, **arrays: Any) -> Any:
    np.savez(file, **arrays)
    return prepare(DataConfig(dataset=f"npz:{file}", cache_dir=str(file.parent / "cache")))


@pytest.mark.parametrize(
    ("train", "train_labels", "test", "test_labels"),
    [
        ("train", "train_labels", "test", "test_labels"),
        ("x_train", "y_train", "x_test", "y_test"),  # Keras
        ("train_images", "train_labels", "test_images", "test_labels"),  # MedMNIST
    ],
)
def test_splits_have_the_names_of_several_tools(
    train: str, train_labels: str, test: str, test_labels: str, tmp_path: Path
) -> None:
    arrays = {train: X[:15], train_labels: Y[:15, None], test: X[15:], test_labels: Y[15:, None].astype(np.uint8)}
    images = prepared(tmp_path / "a.npz", **arrays)
    np.testing.assert_array_equal(images.train, X[:15])
    np.testing.assert_array_equal(images.test, X[15:])
    np.testing.assert_array_equal(images.train_labels, Y[:15])
    np.testing.assert_array_equal(images.test_labels, Y[15:])
    assert images.label_names == ("0", "1", "2", "3")
    assert images.validation is None


def test_a_validation_split_is_one_beside_a_test_split_and_else_the_test_split(tmp_path: Path) -> None:
    images = prepared(tmp_path / "a.npz", train=X[:10], val_images=X[10:14], test=X[14:])
    np.testing.assert_array_equal(images.validation, X[10:14])
    images = prepared(tmp_path / "b.npz", train=X[:10], x_val=X[10:])
    np.testing.assert_array_equal(images.test, X[10:])
    assert images.validation is None


@pytest.mark.parametrize("name", ["arr_0", "images", "samples"])
def test_of_a_single_array_every_tenth_image_is_held_out(name: str, tmp_path: Path) -> None:
    images = prepared(tmp_path / "a.npz", **{name: X[..., 0], "labels": Y, "label_names": ["a", "b", "c", "d"]})
    np.testing.assert_array_equal(images.test, X[::10, ..., :1])
    np.testing.assert_array_equal(images.test_labels, Y[::10])
    assert len(images.train) == 18
    assert images.label_names == ("a", "b", "c", "d")


def test_an_npy_file_is_one_array_and_floats_are_between_minus_one_and_one(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", X.astype(np.float32) / 127.5 - 1.0)
    images = prepare(DataConfig(dataset=f"npz:{tmp_path / 'a.npy'}", cache_dir=str(tmp_path)))
    np.testing.assert_array_equal(images.test, X[::10])
    assert describe(DataConfig(dataset=f"npz:{tmp_path / 'a.npy'}")).splits == {"train": 18, "test": 2}


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"train": X, "x_train": X}, "has train and x_train; one of them is needed"),
        ({"test": X}, "has test but no train"),
        ({"a": X, "b": X}, "has 2 arrays of images (a, b); expected train"),
        ({"mu": Y}, "has 0 arrays of images (mu); expected train"),
        (
            {"train": X / 255.0},
            "has train float64 [20, 8, 8, 3] in [0, 1]: expected uint8, or floats in [-1, 1], some",
        ),
        ({"train": X - 128.0}, "has train float64 [20, 8, 8, 3] in [-128, "),
        ({"train": np.full([2, 8, 8, 3], np.nan)}, "has train float64 [2, 8, 8, 3]: it has values that are not finite"),
        ({"train": X.astype(np.int32)}, "has train int32 [20, 8, 8, 3]: expected uint8, or floats in [-1, 1], [N, H, W, C]"),
        ({"train": X[..., :2]}, "[N, H, W, C] with 1 or 3 channels"),
        ({"train": np.array(["a"])}, "has train <U1 [1]: expected uint8"),
        ({"train": np.moveaxis(X, 3, 1)}, "has train uint8 [20, 3, 8, 8]: its channels must be last, [N, H, W, C]"),
        ({"train": X[:0]}, "has train uint8 [0, 8, 8, 3]: it is empty"),
        ({"train": X, "test": X[:, :4]}, "has test images [4, 8, 3] and others [8, 8, 3]"),
        ({"train": X, "test": X, "train_labels": Y}, "has labels of train alone; give those of train and of test, or none"),
        ({"images": X, "labels": Y[:5]}, "has labels int64 [5] in [0, 3]; expected 20 whole numbers, at least 0 and below"),
        ({"images": X, "labels": -Y}, "expected 20 whole numbers, at least 0"),
        ({"images": X, "labels": Y / 2}, "has labels float64 [20]; expected 20 whole numbers"),
        ({"images": X, "labels": Y, "label_names": ["a"]}, "has 1 label_names, but a label 3"),
    ],
)
def test_a_file_of_another_form_is_refused(arrays: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=re.escape(message)) as e:
        prepared(tmp_path / "a.npz", **arrays)
    assert str(e.value).startswith(f"--dataset=npz:{tmp_path}/a.npz has ")


def test_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.npz").write_bytes(b"PK\x03\x04 and no more")
    for name, message in (("a.npz", "cannot be read"), ("nowhere.npz", "cannot be read: .*No such file"), ("", "legal")):
        with pytest.raises(UserError, match=message):
            describe(DataConfig(dataset=f"npz:{tmp_path / name}" if name else "npz:"))


def dataset(*, batch: int = 0, labelled: bool = True) -> tf.data.Dataset:
    made = tf.data.Dataset.from_tensor_slices((X, Y) if labelled else X)
    return made.batch(batch) if batch else made


@pytest.mark.parametrize(
    ("images", "labelled"),
    [
        (X, False),
        (tf.constant(X), False),
        (list(X), False),
        ((X, Y), True),
        ([X, list(Y)], True),
        ({"train": (X, Y)}, True),
        (dataset(), True),
        (dataset(batch=6), True),
        (dataset(batch=6, labelled=False), False),
        (dataset(labelled=False), False),
        (dataset().map(lambda image, label: {"image": image, "label": label, "more": label}), True),
    ],
)
def test_images_in_memory_become_a_data_set(images: Any, labelled: bool, tmp_path: Path) -> None:
    name = given.named(images, str(tmp_path))
    found = prepare(DataConfig(dataset=name, cache_dir=str(tmp_path)))
    np.testing.assert_array_equal(found.test, X[::10])
    assert name == given.named((X, Y) if labelled else X, str(tmp_path))  # the same file
    assert len(list((tmp_path / "arrays").iterdir())) == 1
    if labelled:
        np.testing.assert_array_equal(found.test_labels, Y[::10])
    else:
        assert found.test_labels is None


def test_splits_in_memory(tmp_path: Path) -> None:
    for images in (((X[:15], Y[:15]), (X[15:], Y[15:])), {"train": (X[:15], Y[:15]), "test": dataset().skip(15)}):
        found = prepare(DataConfig(dataset=given.named(images, str(tmp_path)), cache_dir=str(tmp_path)))
        np.testing.assert_array_equal(found.train, X[:15])
        np.testing.assert_array_equal(found.test_labels, Y[15:])
    with_validation = {"train": X[:10], "test": X[10:15], "validation": (X[15:], Y[15:])}
    found = prepare(DataConfig(dataset=given.named(with_validation, str(tmp_path)), cache_dir=str(tmp_path)))
    np.testing.assert_array_equal(found.validation, X[15:])


def test_grey_images_may_lack_the_last_dimension(tmp_path: Path) -> None:
    grey = X[..., 0]
    for images in (grey, tf.data.Dataset.from_tensor_slices(grey), tf.data.Dataset.from_tensor_slices(grey).batch(5)):
        found = prepare(DataConfig(dataset=given.named(images, str(tmp_path)), cache_dir=str(tmp_path)))
        np.testing.assert_array_equal(found.test, X[::10, ..., :1])


def test_names_and_paths(tmp_path: Path) -> None:
    assert given.named("cifar10") == "cifar10"
    assert given.named(tmp_path) == f"folder:{tmp_path}"
    (tmp_path / "a.npz").touch()
    for file in (tmp_path / "a.npz", f"{tmp_path}/a.npz"):
        assert given.named(file) == f"npz:{tmp_path}/a.npz"


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (X / 255.0, "dataset has images float64 [20, 8, 8, 3] in [0, 1]: expected uint8"),
        (Y, "train is int64 [20], not images [N, H, W, C]"),
        ({"test": X}, "dataset with test is not legal"),
        ({"train": X, "holdout": X}, "dataset with train, holdout is not legal"),
        ([X[0], X[0, :4]], "must have one size"),
        (3, "train is int64 [], not images"),
        (X[0], "dataset has images uint8 [8, 8, 3], a single image; expected [N, H, W, C]"),
        ((X, Y - 1), "has labels int64 [20] in [-1, 2]; expected 20 whole numbers"),
        (dataset().repeat(), "without an end cannot be trained on"),
        (tf.data.Dataset.from_tensor_slices(Y), "elements of shape [] are not images"),
        (dataset().map(lambda x, y: {"picture": x}), "elements with picture have no image to train on"),
        (tf.data.Dataset.from_generator(lambda: iter([X[0], X[0, :4]]), output_types=tf.uint8), "must have one size"),
        (dataset().take(0), "the tf.data.Dataset has no elements"),
        (dataset().map(lambda x, y: (x, y, y)), "elements of 3 tensors are not legal"),
        (X[:1], "dataset has 1 image; at least 2 are needed"),
    ],
)
def test_what_is_no_data_set_is_refused_and_nothing_is_stored(images: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=re.escape(message)):
        given.named(images, str(tmp_path))
    assert not (tmp_path / "arrays").exists()
