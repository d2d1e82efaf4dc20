"""Functions in bfloat16 by TensorFlow's graph rewriting (Grappler): convolutions and products, with float32 around them."""

from collections.abc import Iterator
from contextlib import contextmanager

import tensorflow as tf

from tfpagan.evaluation.errors import EvaluationError

OPTION = "auto_mixed_precision_onednn_bfloat16"


@contextmanager
def bfloat16(on: bool = True) -> Iterator[None]:
    """Rewrite the functions that are called for the first time within the block; those called before stay as they are."""
    before = tf.config.optimizer.get_experimental_options()
    tf.config.optimizer.set_experimental_options({OPTION: on} | ({"disable_meta_optimizer": False} if on else {}))
    try:
        yield
    finally:
        tf.config.optimizer.set_experimental_options(dict.fromkeys((OPTION, "disable_meta_optimizer"), False) | before)


def require_bfloat16(strategy: tf.distribute.Strategy) -> None:
    """Refuse devices on which the rewriting changes nothing.

    Raises:
      EvaluationError: naming the device.
    """
    try:
        devices = strategy.extended.worker_devices
    except RuntimeError:  # of the default strategy, which uses the first GPU, if there is one
        devices = [device.name for device in tf.config.list_logical_devices("GPU")[:1]]
    if other := [device for device in devices if "CPU" not in device]:
        raise EvaluationError(f"a classifier computes in bfloat16 on CPUs alone, and this evaluation is on {other[0]}")
    if not has_bfloat16():
        raise EvaluationError("TensorFlow has no kernels for bfloat16 on this CPU (they need AVX-512 and oneDNN)")


def has_bfloat16() -> bool:
    """Whether the rewriting changes anything on this CPU."""
    return _product(on=True) != _product(on=False)


def _product(*, on: bool) -> list[float]:
    random = tf.random.stateless_normal([64, 64], [0, 0])
    with bfloat16(on):
        product: list[float] = tf.reshape(tf.function(tf.matmul)(random, random), [-1]).numpy().tolist()
    return product
