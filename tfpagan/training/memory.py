"""The memory that a step takes on a device, estimated from its graph."""

import numpy as np
import tensorflow as tf

from tfpagan.training.trainer import Trainer

ALIASES = {"Identity", "IdentityN", "Reshape", "Squeeze", "ExpandDims", "StopGradient", "ReadVariableOp", "EnsureShape"}
"""Operations whose output is their input's memory, or a variable's."""


def peak_bytes(graph: tf.Graph) -> int:
    """The largest sum of the sizes of tensors that are needed at once, when operations run in the order of the graph.

    A tensor's memory is taken by the operation that makes it, and is free after the last one that reads it. What kernels take
    besides, such as cuDNN's workspaces, is not counted, and XLA, which keeps fewer tensors between operations, needs less.

    >>> with tf.Graph().as_default() as graph:
    ...     x = tf.zeros([100], tf.float32)                          # 400 bytes
    ...     y = tf.concat([x, x], 0)                                 # 800 more
    ...     z = tf.reduce_sum(tf.reshape(y, [-1]))                   # 4 more, after x is free
    >>> peak_bytes(graph)
    1204
    """
    operations = [op for op in graph.get_operations() if op.type not in ("Placeholder", "NoOp")]
    last: dict[object, int] = {}
    of: dict[object, object] = {}  # tensor to the one whose memory it is
    for i, op in enumerate(operations):
        for tensor in op.inputs:
            last[_owner(tensor.ref(), of)] = i
        if op.type in ALIASES and op.inputs and op.inputs[0].dtype != tf.resource:
            of.update({made.ref(): _owner(op.inputs[0].ref(), of) for made in op.outputs})
    ends: dict[int, list[int]] = {}
    now = most = 0
    for i, op in enumerate(operations):
        sizes = {} if op.type in ALIASES else {made.ref(): _bytes(made) for made in op.outputs}
        now += sum(sizes.values())
        most = max(most, now)
        for tensor, size in sizes.items():
            ends.setdefault(last.get(tensor, i), []).append(size)
        now -= sum(ends.pop(i, []))
    return most


def of_step(trainer: Trainer) -> int:
    """The bytes of a trainer's variables, and of the phase that takes most; for one replica, and not compiled by XLA."""
    parts = (*trainer.networks.values(), *trainer.averages.values(), *trainer.optimizers.values())
    variables = {id(v): v for part in parts for v in part.variables}.values()
    batch = tf.TensorSpec([trainer.config.training.batch_size, *trainer.image_shape], tf.uint8)
    phases, draw = dict.fromkeys(trainer.objective.phases), tf.TensorSpec([], tf.int64)
    graphs = [trainer._phase.get_concrete_function(players, batch, draw).graph for players in phases]
    return sum(int(np.prod(v.shape)) * v.dtype.size for v in variables) + max(peak_bytes(graph) for graph in graphs)


def _owner(tensor: object, of: dict[object, object]) -> object:
    return of.get(tensor, tensor)


def _bytes(tensor: tf.Tensor) -> int:
    if tensor.dtype in (tf.resource, tf.variant, tf.string) or tensor.shape.rank is None:
        return 0
    return int(np.prod([size or 1 for size in tensor.shape])) * tensor.dtype.size
