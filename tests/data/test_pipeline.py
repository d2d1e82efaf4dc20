"""The order of batches."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from tfpagan.data import batches, repeated
from tfpagan.data.pipeline import held_out
from tfpagan.errors import UserError

NUMBERED = np.arange(10, dtype=np.uint8)[:, None, None, None] * np.ones((1, 8, 8, 1), np.uint8)  # image i is full of i


def numbers(count, images=NUMBERED, **changes):
    """The first `count` elements, each as the list of its images' numbers."""
    arguments = {"batch_size": 4, "seed": 7, "start": 0} | changes
    return [batch[:, 0, 0, 0].numpy().tolist() for batch in batches(images, **arguments).take(count)]


def joined(elements):
    return list(itertools.chain(*elements))


def test_every_epoch_holds_every_image_once_in_an_order_of_its_own():
    stream = joined(numbers(10))  # 40 images, 4 epochs; batches 3, 6 and 8 straddle
    epochs = [stream[i : i + 10] for i in range(0, 40, 10)]
    assert all(sorted(epoch) == list(range(10)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 4


def test_any_start_continues_the_same_stream():
    stream = joined(numbers(20))
    for start in (0, 4, 8, 13, 37):
        assert joined(numbers(5, start=start)) == stream[start : start + 20]


def test_seed_decides_the_order():
    assert numbers(5) == numbers(5)
    assert numbers(5) != numbers(5, seed=8)


def test_held_out_images_are_never_among_the_batches():
    kept, validation = held_out(10, 3)
    assert sorted([*kept, *validation]) == list(range(10))
    stream = joined(numbers(7, places=kept))  # 28 images, 4 epochs
    assert all(sorted(stream[i : i + 7]) == kept.tolist() for i in range(0, 28, 7))
    assert [part.tolist() for part in held_out(10, 3)] == [kept.tolist(), validation.tolist()]
    assert numbers(5, places=held_out(10, 0)[0]) == numbers(5)


def test_a_data_set_that_is_held_out_as_a_whole_is_refused():
    with pytest.raises(UserError, match="--validation_images=10 leaves none of the 10 training images to train on"):
        held_out(10, 10)


def test_a_batch_larger_than_the_data_set_holds_whole_epochs():
    (batch,) = numbers(1, batch_size=25)
    assert sorted(batch[:10]) == sorted(batch[10:20]) == list(range(10))
    assert len(set(batch[20:])) == 5


def test_shapes_are_static_and_bytes_stay_bytes():
    spec = batches(NUMBERED, batch_size=4, seed=0, start=0).element_spec
    assert spec == tf.TensorSpec((4, 8, 8, 1), tf.uint8)


def test_no_images_are_refused():
    with pytest.raises(UserError, match="no images"):
        batches(NUMBERED[:0], batch_size=2, seed=0, start=0)


def test_the_tuner_of_tf_data_is_off():
    """Its thread holds up the end of the process, and the parallelism is fixed."""
    for dataset in (batches(NUMBERED, batch_size=4, seed=0, start=0), repeated(NUMBERED[:4])):
        assert dataset.options().autotune.enabled is False
