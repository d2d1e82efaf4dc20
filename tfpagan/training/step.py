"""One update of the players of a phase, and the choice among the three ways to compute gradients."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

import tensorflow as tf

from tfpagan import networks as nets
from tfpagan.errors import UserError
from tfpagan.forward.forward_pass import Pass
from tfpagan.forward.noise import Noise
from tfpagan.images import normalize
from tfpagan.objectives.contract import Objective
from tfpagan.training.gradients import Backward, Gradients, Networks

T = TypeVar("T")


def why_not_fused(
    objective: Objective, networks: Networks, mixed_precision: str = "none", *, joint_batch_norm: bool = False
) -> str | None:
    """Why one backward pass would be wrong for this objective and these networks, or None where it is exact."""
    if objective.why_not_fused:
        return f"in objective {objective.name} {objective.why_not_fused}"
    if len(objective.phases) > 1:
        return f"in objective {objective.name} the players do not all move from the same parameters"
    for player in objective.players:
        if player.startswith("disc_") and nets.couples_batch(networks[player]):
            return f"{player} has batch normalisation, so its samples have no gradients of their own"
    if mixed_precision == "float16":
        return "float16 cannot represent the small slopes that it divides by"
    if joint_batch_norm and "encoder" in networks:
        return "with --joint_batch_norm samples depend on the encoder too"
    return None


def choose(
    mode: str, objective: Objective, networks: Networks, mixed_precision: str = "none", *, joint_batch_norm: bool = False
) -> str:
    """The mode of `--gradients`: `auto` is fused where that is exact, else simultaneous.

    Raises:
      UserError: when fused is asked for and would be wrong.
    """
    reason = why_not_fused(objective, networks, mixed_precision, joint_batch_norm=joint_batch_norm)
    if mode == "auto":
        return "simultaneous" if reason else "fused"
    if mode == "fused" and reason:
        raise UserError(f"--gradients=fused is not exact here: {reason}; use --gradients=simultaneous")
    return mode


class Update:
    """One update of the players of a phase; runs on one replica, inside `strategy.run`.

    With XLA, what comes before and after the sum over replicas are two programs, of each replica; the sum is TensorFlow's.

    Args:
      objective: games and loss terms.
      networks: by role.
      optimizers: by role.
      make_pass: creates the `Pass` from networks, images in [-1, 1] and noise.
      images_of: from a batch to its uint8 images [N, H, W, C].
      mode: fused, simultaneous or reference.
      seed: of the noise.
      replicas: number of replicas.
      xla: whether to compile.
    """

    def __init__(
        self,
        *,
        objective: Objective,
        networks: Networks,
        optimizers: Mapping[str, tf.keras.optimizers.Optimizer],
        make_pass: Callable[[Networks, tf.Tensor, Noise], Pass],
        images_of: Callable[[tf.Tensor], tf.Tensor] = lambda batch: batch,
        mode: str,
        seed: int,
        replicas: int = 1,
        xla: bool = False,
    ):
        self._objective, self._networks, self._optimizers = objective, networks, optimizers
        self._make_pass, self._images_of = make_pass, images_of
        self._mode, self._seed, self._replicas = mode, seed, replicas
        self._scaled = {p: o for p, o in optimizers.items() if isinstance(o, tf.keras.mixed_precision.LossScaleOptimizer)}
        self._computing = PerReplica(self._compute, replicas, xla=xla)
        # An optimizer that scales losses asks all replicas whether their gradients are finite, which XLA cannot compile.
        self._moving = PerReplica(self._move, replicas, xla=xla and not self._scaled)

    def __call__(self, players: Sequence[str], batch: tf.Tensor, draw: tf.Tensor, replica: int) -> dict[str, tf.Tensor]:
        """Update some players once.

        Args:
          players: those of a phase.
          batch: uint8 images [N, H, W, C], or what `images_of` takes.
          draw: scalar integer, number of phases done; determines the noise.
          replica: index of this replica.

        Returns:
          Scalars of the global batch by TensorBoard tag, the same on every replica.
        """
        gradients, scalars = self._summed(self._computing[replica](tuple(players), batch, draw, replica))
        return scalars | self._moving[replica](gradients)

    def _compute(
        self, players: Sequence[str], batch: tf.Tensor, draw: tf.Tensor, replica: int
    ) -> tuple[dict[str, list[tf.Tensor]], dict[str, tf.Tensor]]:
        """This replica's shares of the gradients, by player, and of the scalars."""
        x = normalize(self._images_of(batch))
        noise = Noise(self._seed, draw, batch.shape[0], replica=replica, replicas=self._replicas)
        for network in self._networks.values():
            nets.power_iteration(network)  # once per pass, however often the pass calls a network
        scaled = {p: o for p, o in self._scaled.items() if p in players}
        scales = {p: o.get_scaled_loss(tf.constant(1.0)) for p, o in scaled.items()}
        backward = Backward(self._objective, self._networks, self._replicas, scales)
        result = getattr(backward, self._mode)(lambda: self._make_pass(self._networks, x, noise), players)
        return {p: scaled[p].get_unscaled_gradients(g) if p in scaled else g for p, g in result.of.items()}, _scalars(result)

    def _move(self, gradients: Mapping[str, Sequence[tf.Tensor]]) -> dict[str, tf.Tensor]:
        """Move the players, this replica's copies of them; returns the norms of their gradients."""
        for player, gradient in gradients.items():
            variables = self._networks[player].trainable_variables
            if player in self._scaled:
                pairs = zip(gradient, variables, strict=True)
                self._scaled[player].apply_gradients(pairs, skip_gradients_aggregation=True)
            else:
                self._optimizers[player].apply(gradient, variables)
        return {f"grad_norm/{p}": tf.linalg.global_norm(g) for p, g in gradients.items()}

    def _summed(self, values: T) -> T:
        """Sums over replicas; here and not in the optimizers, because the norm of the sum is reported too."""
        if self._replicas == 1:
            return values
        return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, values)


class PerReplica:
    """A function that every replica calls, compiled by XLA for each or as it is.

    Args:
      function: without communication between replicas, which XLA cannot compile.
      replicas: number of replicas.
      xla: whether to compile.
    """

    def __init__(self, function: Callable[..., Any], replicas: int, *, xla: bool):
        compiled = partial(tf.function, function, jit_compile=True, autograph=False)
        self._functions = [compiled() if xla else function for _ in range(replicas)]

    def __getitem__(self, replica: int) -> Callable[..., Any]:
        return self._functions[replica]


def _scalars(result: Gradients) -> dict[str, tf.Tensor]:
    """By TensorBoard tag."""
    groups = {"loss": result.losses, "logits": result.logits, "loss_term": result.loss_terms, "latent": result.latents}
    return {f"{group}/{name}": value for group, values in groups.items() for name, value in values.items()}
