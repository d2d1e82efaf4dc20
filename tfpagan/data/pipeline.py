"""Endless batches of uint8 images: a pure function of (seed, position), so that any step of a run can be resumed."""

import functools
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from tfpagan.errors import UserError

AHEAD = 4  # elements prefetched


def batches(images: np.ndarray, *, batch_size: int, seed: int, start: int, places: np.ndarray | None = None) -> tf.data.Dataset:
    """Endless batches uint8 [B, H, W, C] of `images` [N, H, W, C], or of those at the places [n].

    Position q counts images since the beginning of training: it is image number q % N of epoch q // N, and every epoch
    has its own order, which depends only on (seed, epoch). Batch b holds the B positions from start + b * B; it may
    straddle epochs.

    Raises:
      UserError: when there are no images.
    """
    places = np.arange(len(images)) if places is None else places
    chosen = _chosen(places, batch_size=batch_size, seed=seed, start=start)
    shape = (batch_size, *images.shape[1:])
    return _mapped(lambda b: np.asarray(images[chosen(b)]), tf.uint8, shape)


def place_batches(places: np.ndarray, *, batch_size: int, seed: int, start: int) -> tf.data.Dataset:
    """The places int64 [B] of the images in `batches`, for images that are gathered elsewhere; errors as there."""
    return _mapped(_chosen(places, batch_size=batch_size, seed=seed, start=start), tf.int64, (batch_size,))


def _chosen(places: np.ndarray, *, batch_size: int, seed: int, start: int) -> Callable[[int], np.ndarray]:
    """A function from the number of a batch to the places of its images."""
    if not len(places):
        raise UserError("there are no images to form batches of")
    assert start >= 0, start

    @functools.lru_cache(maxsize=2)  # a batch that straddles epochs alternates between two
    def order(epoch: int) -> np.ndarray:
        return np.random.default_rng((seed, epoch)).permutation(places)

    def chosen(b: int) -> np.ndarray:
        epochs, within = np.divmod(start + b * batch_size + np.arange(batch_size), len(places))
        return np.concatenate([order(int(epoch))[within[epochs == epoch]] for epoch in np.unique(epochs)])

    return chosen


def _mapped(function: Callable[[int], np.ndarray], dtype: tf.DType, shape: tuple[int, ...]) -> tf.data.Dataset:
    """The function's arrays of 0, 1, 2, ..., prefetched."""

    def element(b: tf.Tensor) -> tf.Tensor:
        # Not stateful: the same b returns the same array, so the pipeline may prefetch.
        return tf.ensure_shape(tf.numpy_function(lambda b: function(int(b)), [b], dtype, stateful=False), shape)

    return _untuned(tf.data.Dataset.counter().map(element).prefetch(AHEAD))


def held_out(total: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Places of the images to train on and of `count` others, both sorted; chosen at random, but always the same.

    >>> held_out(4, 1)
    (array([0, 1, 3]), array([2]))

    Raises:
      UserError: when nothing is left to train on.
    """
    if count >= total:
        usual = "--best_metric holds out as many as --eval_protocol reconstructs, unless --validation_images says how many"
        raise UserError(f"--validation_images={count} leaves none of the {total} training images to train on; {usual}")
    order = np.random.RandomState(0).permutation(total)  # numpy promises never to change its stream
    return np.sort(order[count:]), np.sort(order[:count])


def repeated(batch: np.ndarray) -> tf.data.Dataset:
    """The same batch uint8 [B, H, W, C] for ever, to measure the speed of steps alone."""
    return _untuned(tf.data.Dataset.from_tensors(batch).repeat())


def _untuned(dataset: tf.data.Dataset) -> tf.data.Dataset:
    """Without tf.data's tuner: it has nothing to tune here, and to end its thread can take TensorFlow up to a minute."""
    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.with_options(options)
