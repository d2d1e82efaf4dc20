"""Endless batches of uint8 images: a pure function of (seed, position), so that any step of a run can be resumed."""

import functools

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
    if not len(places):
        raise UserError("there are no images to form batches of")
    assert start >= 0, start

    @functools.lru_cache(maxsize=2)  # a batch that straddles epochs alternates between two
    def order(epoch: int) -> np.ndarray:
        return np.random.default_rng((seed, epoch)).permutation(places)

    def gather(b: np.ndarray) -> np.ndarray:
        epochs, within = np.divmod(start + int(b) * batch_size + np.arange(batch_size), len(places))
        chosen = [order(int(epoch))[within[epochs == epoch]] for epoch in np.unique(epochs)]
        return np.asarray(images[np.concatenate(chosen)])

    def element(b: tf.Tensor) -> tf.Tensor:
        # Not stateful: the same b returns the same images, so the pipeline may prefetch.
        batch = tf.numpy_function(gather, [b], tf.uint8, stateful=False)
        return tf.ensure_shape(batch, (batch_size, *images.shape[1:]))

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
