"""The estimated memory of a step: by hand, and twice as much for twice the images."""

import tensorflow as tf
from helpers import tiny

from tfpagan.config import Config
from tfpagan.training import memory
from tfpagan.training.trainer import Trainer


def test_a_tensor_is_there_from_its_operation_to_its_last_reader() -> None:
    """400 bytes of x; then of y, 800, and x, which z reads again; a reshaped tensor takes nothing of its own."""
    with tf.Graph().as_default() as graph:
        x = tf.zeros([100])
        y = tf.reshape(tf.concat([x, x], 0), [2, 100])
        tf.reduce_sum(y, 0) + x  # 1,200 and 400 of the sum, and 400 of the result when y is free
    constants = sum(memory._bytes(made) for op in graph.get_operations() if op.type == "Const" for made in op.outputs)
    assert 1600 <= memory.peak_bytes(graph) <= 1600 + constants


def test_twice_the_images_take_twice_the_activations() -> None:
    found = []
    for batch_size in (4, 8, 16):
        config = Config().with_changes({"objective": "vae", "channels": 8, "latent_dim": 4, "batch_size": batch_size})
        trainer = Trainer(config=config, image_shape=tiny.SHAPE, strategy=tf.distribute.OneDeviceStrategy("/cpu:0"))
        found.append(memory.of_step(trainer))
    weights = sum(v.shape.num_elements() for network in trainer.networks.values() for v in network.trainable_variables)
    assert found[0] > 3 * 4 * weights
    more, twice_as_much_more = found[1] - found[0], found[2] - found[1]
    assert more > 0
    assert abs(twice_as_much_more / more - 2.0) < 0.3
