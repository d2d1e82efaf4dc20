"""One update of the players of a phase, and which of the three ways computes its gradients."""

from collections.abc import Callable, Mapping, Sequence

import tensorflow as tf

from tfpagan import networks as nets
from tfpagan.errors import UserError
from tfpagan.forward.forward_pass import Pass
from tfpagan.forward.noise import Noise
from tfpagan.images import normalize
from tfpagan.objectives.contract import Objective
from tfpagan.training.gradients import Backward, Networks


def why_not_fused(objective: Objective, networks: Networks, mixed_precision: str = "none") -> str | None:
    """Why one backward pass would be wrong for this objective and these networks, or None where it is exact."""
    if objective.why_not_fused:
        return f"in objective {objective.name} {objective.why_not_fused}"
    if len(objective.phases) > 1:
        return f"in objective {objective.name} the players do not all move from the same parameters"
    for player in objective.players:
        if player.startswith("disc_") and nets.couples_batch(networks[player]):
            return f"{player} has batch normalisation, so its samples have no gradients of their own"
    if mixed_precision == "float16":
        return "float16 cannot hold the small slopes that it divides by"
    return None


def choose(mode: str, objective: Objective, networks: Networks, mixed_precision: str = "none") -> str:
    """The step mode that `--step` means: `auto` is fused where that is exact, else simultaneous.

    Raises:
      UserError: when fused is asked for and would be wrong.
    """
    reason = why_not_fused(objective, networks, mixed_precision)
    if mode == "auto":
        return "simultaneous" if reason else "fused"
    if mode == "fused" and reason:
        raise UserError(f"--step=fused is not exact here: {reason}; use --step=simultaneous")
    return mode


class Update:
    """One update of the players of a phase; runs on one replica, inside `strategy.run`.

    Args:
      objective: what is played.
      networks: by role.
      optimizers: by role.
      new_pass: makes the `Pass` of a batch of images in [-1, 1] and its noise.
      mode: fused, simultaneous or reference.
      seed: of the noise.
      replicas: how many share the step.
    """

    def __init__(
        self,
        *,
        objective: Objective,
        networks: Networks,
        optimizers: Mapping[str, tf.keras.optimizers.Optimizer],
        new_pass: Callable[[tf.Tensor, Noise], Pass],
        mode: str,
        seed: int,
        replicas: int = 1,
    ):
        self._objective, self._networks, self._optimizers = objective, networks, optimizers
        self._new_pass, self._mode, self._seed, self._replicas = new_pass, mode, seed, replicas

    def __call__(
        self, players: Sequence[str], images: tf.Tensor, draw: tf.Tensor, replica: tf.Tensor | int
    ) -> dict[str, tf.Tensor]:
        """Update some players once.

        Args:
          players: those of a phase.
          images: uint8 [N, H, W, C].
          draw: scalar integer, phases done so far; it decides the noise.
          replica: which replica this is.

        Returns:
          Scalars by TensorBoard tag; their sum over replicas is the value for the global batch.
        """
        x = normalize(images)
        noise = Noise(self._seed, draw, images.shape[0], replica=replica, replicas=self._replicas)
        for network in self._networks.values():
            nets.power_iteration(network)  # once per pass, however often a network is called in it
        optimizers = {player: self._optimizers[player] for player in players}
        scaled = {p: o for p, o in optimizers.items() if isinstance(o, tf.keras.mixed_precision.LossScaleOptimizer)}
        scales = {p: o.get_scaled_loss(tf.constant(1.0)) for p, o in scaled.items()}
        last: list[Pass] = []

        def new_pass() -> Pass:
            last.append(self._new_pass(x, noise))
            return last[-1]

        backward = Backward(self._objective, self._networks, self._replicas, scales)
        result = getattr(backward, self._mode)(new_pass, players)
        unscaled = {p: scaled[p].get_unscaled_gradients(g) if p in scaled else g for p, g in result.of.items()}
        gradients = self._summed(unscaled)
        for player, gradient in gradients.items():
            pairs = zip(gradient, self._networks[player].trainable_variables, strict=True)
            optimizers[player].apply_gradients(pairs, skip_gradients_aggregation=True)
        return (
            {f"loss/{p}": loss for p, loss in result.losses.items()}
            | {f"logits/{which}": logit for which, logit in result.logits.items()}
            | {f"loss_term/{name}": value for name, value in result.loss_terms.items()}
            | {f"grad_norm/{p}": tf.linalg.global_norm(g) / self._replicas for p, g in gradients.items()}
            | {f"latent/{name}": backward.mean(values) for name, values in last[-1].statistics().items()}
        )

    def _summed(self, gradients: dict[str, list[tf.Tensor]]) -> dict[str, list[tf.Tensor]]:
        """Over the replicas: here and not in the optimizers, because the norm of the sum is wanted too."""
        if self._replicas == 1:
            return gradients
        return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, gradients)
