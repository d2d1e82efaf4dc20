"""Images from arrays, data sets and models: the same bytes in the same order, or one line that says what they are."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from helpers.scored import PX, Z, decode, folder_of, images

from tfpagan.evaluation.errors import EvaluationError
from tfpagan.evaluation.folders import FolderImages
from tfpagan.evaluation.images import ArrayImages, DatasetImages, GeneratedImages, checksum, chosen, to_bytes
from tfpagan.evaluation.statistics import random_places


def test_arrays_folders_and_data_sets_are_the_same_images(tmp_path: Path) -> None:
    x = images(10)
    folder = FolderImages(folder_of(tmp_path, {f"{i % 2}/{i:02d}.png": x[i] for i in range(10)}))
    expected = checksum(ArrayImages(np.concatenate([x[::2], x[1::2]])))  # by path: 0/ before 1/
    assert checksum(folder) == expected
    assert checksum(ArrayImages(x)) == checksum(DatasetImages(tf.data.Dataset.from_tensor_slices(x), 10)) != expected
    floats = tf.data.Dataset.from_tensor_slices((x.astype(np.float32) / 127.5 - 1, np.arange(10)))
    assert checksum(DatasetImages(floats, 10)) == checksum(ArrayImages(x))
    as_tfds = tf.data.Dataset.from_tensor_slices({"image": x, "label": np.arange(10)})
    assert checksum(DatasetImages(as_tfds, 10)) == checksum(ArrayImages(x))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (np.zeros([2, PX, PX, 2], np.uint8), r"\[2, 16, 16, 2\] cannot be scored"),
        (np.zeros([PX, PX, 3], np.uint8), r"expected \[N, H, W, C\] with 1 or 3 channels"),
        (np.zeros([2, PX, PX, 3], np.int32), "type int32"),
        (np.full([2, PX, PX, 3], 255.0), r"in \[0, 255\] cannot be scored; they must be in \[-1, 1\]"),
        (np.full([2, PX, PX, 3], np.nan), "cannot be scored"),
    ],
)
def test_arrays_that_are_no_images_are_refused(wrong: np.ndarray, message: str) -> None:
    with pytest.raises(EvaluationError, match=message):
        to_bytes(wrong)


def test_floats_between_zero_and_one_are_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    to_bytes(images(5).astype(np.float32) / 255)
    assert "assumed to be in [-1, 1], not [0, 1]" in caplog.text


def test_a_data_set_that_ends_early_says_so() -> None:
    short = DatasetImages(tf.data.Dataset.from_tensor_slices(images(5)), 8)
    with pytest.raises(EvaluationError, match="ended 3 images before the 8"):
        list(short.batches(2))


def test_data_sets_that_are_no_images_of_one_size_are_refused() -> None:
    sizes = tf.data.Dataset.from_generator(
        lambda: (np.zeros([n, n, 3], np.uint8) for n in (8, 9)), output_signature=tf.TensorSpec([None, None, 3], tf.uint8)
    )
    with pytest.raises(EvaluationError, match="cannot be read as images of one size: Cannot batch tensors"):
        list(DatasetImages(sizes, 2).batches(2))
    with pytest.raises(EvaluationError, match="elements with label have no image"):
        list(DatasetImages(tf.data.Dataset.from_tensor_slices({"label": [1]}), 1).batches(1))


def test_chosen_images_are_the_same_whatever_the_batch_and_the_source(tmp_path: Path) -> None:
    x = images(30)
    places = random_places(30, 11, seed=4)
    assert places.tolist() == sorted(set(places.tolist()))
    assert places.tolist() != random_places(30, 11, seed=5).tolist()
    folder = FolderImages(folder_of(tmp_path, {f"{i:02d}.png": image for i, image in enumerate(x)}))
    data_set = DatasetImages(tf.data.Dataset.from_tensor_slices(x), 30)
    for source in (ArrayImages(x), folder, data_set):
        some = chosen(source, 11, seed=4)
        assert (some.count, some.name) == (11, f"{source.name}, 11 chosen with seed 4")
        for size in (3, 7, 20):
            batches = list(some.batches(size))
            np.testing.assert_array_equal(np.concatenate(batches), x[places])
            assert all(len(batch) == size for batch in batches[:-1])
        assert chosen(source, 30, seed=4) is source
        with pytest.raises(EvaluationError, match="has 30 images, but 31 are requested"):
            chosen(source, 31, seed=4)
    some = chosen(folder, 11, seed=4)
    assert some.names == [f"{i:02d}" for i in places]


def test_samples_depend_on_the_seed_alone() -> None:
    def drawn(seed: int, size: int) -> np.ndarray:
        return np.concatenate(list(GeneratedImages(decode, Z, 11, seed=seed, name="").batches(size)))

    np.testing.assert_array_equal(drawn(0, 3), drawn(0, 11))
    assert (drawn(0, 3) != drawn(1, 3)).any()
