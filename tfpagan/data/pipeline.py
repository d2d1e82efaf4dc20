"""Endless batches of uint8 images: a pure function of (seed, position), so that any step of a run can be resumed."""

import functools

import numpy as np
import tensorflow as tf

from tfpagan.errors import UserError

AHEAD = 4  # elements made in advance


def batches(
    images: np.ndarray,
    *,
    global_batch_size: int,
    seed: int,
    start: int,
    pieces: int = 1,
    piece: int = 0,
    replicas: int = 1,
) -> tf.data.Dataset:
    """Endless batches uint8 [global_batch_size / pieces / replicas, H, W, C] of `images` [N, H, W, C].

    Position q counts images since the beginning of training: it is image number q % N of epoch q // N, and every epoch
    has an order of its own that depends on (seed, epoch) only. Global batch b holds the B positions from start + b * B;
    it may straddle epochs. Worker `piece` of `pieces` takes its contiguous slice of every global batch and cuts it into
    `replicas` elements, so that the elements of worker 0, then worker 1, ..., put together are the global batch.

    Raises:
      UserError: when there are no images, or the batch does not divide among the replicas.
    """
    if not len(images):
        raise UserError("there are no images to make batches of")
    share, rest = divmod(global_batch_size, pieces * replicas)
    if rest or not share:
        raise UserError(f"--batch_size={global_batch_size} does not divide evenly among {pieces * replicas} replicas")
    assert 0 <= piece < pieces, (piece, pieces)
    assert start >= 0, start

    @functools.lru_cache(maxsize=2)  # a batch that straddles epochs alternates between two
    def order(epoch: int) -> np.ndarray:
        return np.random.default_rng((seed, epoch)).permutation(len(images))

    def gather(k: np.ndarray) -> np.ndarray:
        batch, replica = divmod(int(k), replicas)
        first = start + batch * global_batch_size + (piece * replicas + replica) * share
        epochs, places = np.divmod(first + np.arange(share), len(images))
        chosen = [order(int(epoch))[places[epochs == epoch]] for epoch in np.unique(epochs)]
        return np.asarray(images[np.concatenate(chosen)])

    def element(k: tf.Tensor) -> tf.Tensor:
        # Not stateful: the same k gives the same images, which keeps the pipeline free to run ahead.
        batch = tf.numpy_function(gather, [k], tf.uint8, stateful=False)
        return tf.ensure_shape(batch, (share, *images.shape[1:]))

    options = tf.data.Options()
    # Each worker already takes its own piece; TensorFlow must not cut it again.
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.OFF
    return tf.data.Dataset.counter().map(element).prefetch(AHEAD).with_options(options)
