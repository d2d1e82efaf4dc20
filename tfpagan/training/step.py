"""One update of the players of a phase, and the choice among the three ways to compute gradients."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

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

    Args:
      objective: games and loss terms.
      networks: by role.
      optimizers: by role.
      make_pass: creates the `Pass` from networks, images in [-1, 1] and noise.
      mode: fused, simultaneous or reference.
      seed: of the noise.
      replicas: number of replicas.
    """

    def __init__(
        self,
        *,
        objective: Objective,
        networks: Networks,
        optimizers: Mapping[str, tf.keras.optimizers.Optimizer],
        make_pass: Callable[[Networks, tf.Tensor, Noise], Pass],
        mode: str,
        seed: int,
        replicas: int = 1,
    ):
        self._objective, self._networks, self._optimizers = objective, networks, optimizers
        self._make_pass, self._mode, self._seed, self._replicas = make_pass, mode, seed, replicas

    def __call__(
        self, players: Sequence[str], images: tf.Tensor, draw: tf.Tensor, replica: tf.Tensor | int
    ) -> dict[str, tf.Tensor]:
        """Update some players once.

        Args:
          players: those of a phase.
          images: uint8 [N, H, W, C].
          draw: scalar integer, number of phases done; determines the noise.
          replica: index of this replica.

        Returns:
          Scalars of the global batch by TensorBoard tag, the same on every replica.
        """
        x = normalize(images)
        noise = Noise(self._seed, draw, images.shape[0], replica=replica, replicas=self._replicas)
        for network in self._networks.values():
            nets.power_iteration(network)  # once per pass, however often the pass calls a network
        optimizers = {player: self._optimizers[player] for player in players}
        scaled = {p: o for p, o in optimizers.items() if isinstance(o, tf.keras.mixed_precision.LossScaleOptimizer)}
        scales = {p: o.get_scaled_loss(tf.constant(1.0)) for p, o in scaled.items()}
        backward = Backward(self._objective, self._networks, self._replicas, scales)
        result = getattr(backward, self._mode)(lambda: self._make_pass(self._networks, x, noise), players)
        unscaled = {p: scaled[p].get_unscaled_gradients(g) if p in scaled else g for p, g in result.of.items()}
        gradients, scalars = self._summed((unscaled, _scalars(result)))
        for player, gradient in gradients.items():
            pairs = zip(gradient, self._networks[player].trainable_variables, strict=True)
            optimizers[player].apply_gradients(pairs, skip_gradients_aggregation=True)
        norms = {f"grad_norm/{p}": tf.linalg.global_norm(g) for p, g in gradients.items()}
        return scalars | norms

    def _summed(self, values: T) -> T:
        """Sums over replicas; here and not in the optimizers, because the norm of the sum is reported too."""
        if self._replicas == 1:
            return values
        return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, values)


def _scalars(result: Gradients) -> dict[str, tf.Tensor]:
    """By TensorBoard tag."""
    groups = {"loss": result.losses, "logits": result.logits, "loss_term": result.loss_terms, "latent": result.latents}
    return {f"{group}/{name}": value for group, values in groups.items() for name, value in values.items()}
