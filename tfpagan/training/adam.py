"""Adam as one operation per variable, and without communication between replicas."""

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from tfpagan.settings.sections import TrainingConfig

EPSILON = 1e-8


class Adam(tf.keras.optimizers.Adam):
    """Adam (Kingma and Ba, 2015, Algorithm 1, in the efficient order of section 2), updated by TensorFlow's fused kernel.

    Keras's own `update_step` creates some twenty operations per variable, which are a third of the time to trace a step of
    PAGAN and as many kernel launches on a GPU. State, names and checkpoints are those of `tf.keras.optimizers.Adam`.

    Args:
      *args: as `tf.keras.optimizers.Adam`.
      decay: the factor of the learning rate, computed anew for every update; None: always 1.
      **kwargs: likewise.
    """

    def __init__(self, *args: Any, decay: Callable[[], tf.Tensor] | None = None, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self._decay = decay

    def apply(self, gradients: Sequence[tf.Tensor], variables: Sequence[tf.Variable]) -> None:
        """Update this replica's copies of the variables, as `apply_gradients` does those of all replicas.

        All replicas must call it, with the same gradients. Nothing is communicated, so that XLA can compile it.
        """
        if self.global_clipnorm:
            gradients, _ = tf.clip_by_global_norm(gradients, self.global_clipnorm)
        for gradient, variable in zip(gradients, variables, strict=True):
            self.update_step(gradient, variable)
        tf.raw_ops.AssignAddVariableOp(resource=self.iterations.handle, value=tf.ones([], self.iterations.dtype))

    def update_step(self, gradient: tf.Tensor, variable: tf.Variable) -> None:
        """Update a variable and its two moments."""
        index = self._index_dict[self._var_key(variable)]
        done = tf.cast(self.iterations + 1, variable.dtype)
        rate = tf.cast(self.learning_rate, variable.dtype)
        beta1, beta2 = tf.constant(self.beta_1, variable.dtype), tf.constant(self.beta_2, variable.dtype)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[index].handle,
            v=self._velocities[index].handle,
            beta1_power=tf.pow(beta1, done),
            beta2_power=tf.pow(beta2, done),
            lr=rate * tf.cast(self._decay(), variable.dtype) if self._decay else rate,
            beta1=beta1,
            beta2=beta2,
            epsilon=tf.constant(self.epsilon, variable.dtype),
            grad=gradient,
        )


def of_player(
    role: str, network: tf.keras.Model, training: TrainingConfig, decay: Callable[[], tf.Tensor] | None
) -> tf.keras.optimizers.Optimizer:
    """The optimizer of a player, with the learning rate of its role; with float16 it scales losses."""
    rates = {"generator": training.generator_learning_rate, "encoder": training.encoder_learning_rate}
    optimizer = Adam(
        rates.get(role, training.disc_learning_rate) or training.learning_rate,
        training.adam_beta1,
        training.adam_beta2,
        EPSILON,
        global_clipnorm=training.clip_norm or None,  # of the sum over replicas, which is what the optimizer is given
        jit_compile=False,
        decay=decay,
    )
    if training.mixed_precision == "float16":
        optimizer = tf.keras.mixed_precision.LossScaleOptimizer(optimizer)
    optimizer.build(network.trainable_variables)
    return optimizer
