"""Adversarial generator-encoder network: a game without a discriminator."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from tfpagan.losses import divergences, penalties
from tfpagan.objectives.contract import LossTerm, Objective, Pass
from tfpagan.settings.setting import setting

if TYPE_CHECKING:
    import tensorflow as tf


@dataclass(frozen=True)
class AGE(Objective):
    """AGE (Ulyanov et al., 2018, 'It Takes (Only) Two: Adversarial Generator-Encoder Networks').

    The game V2, eq. (2): the encoder spreads real codes over the prior and generated ones off it, the generator brings
    these back. Each player's loss is a gradient of its own network alone, which is what (5) and (6) hold fixed.
    """

    name = "age"
    players = ("encoder", "generator")
    why_not_fused = "the players' losses share tensors with opposite signs"
    defaults = {"posterior": "sphere"}
    legal = {"posterior": ("sphere", "point")}  # point: codes in space, with the prior N(0, I) of section 2

    latent_weight: float = setting(
        1000.0, "lambda of eq. (5): of |z - e(g(z))|^2, summed over dimensions, for the generator", at_least=0.0
    )
    data_weight: float = setting(10.0, "mu of eq. (6): of |x - g(e(x))|, mean over pixels, for the encoder", at_least=0.0)
    batch_divergence: str = setting(
        "fitted_normal",
        "divergence of a batch of codes from the prior: of a fitted normal, eq. (7), or without one",
        choices=("fitted_normal", "kozachenko_leonenko"),
    )
    variance_floor: float = setting(
        1e-4,
        "added to variances (distances squared) in the divergence: what the encoder gains by samples whose codes collapse is "
        "bounded; near 0 that happened on MNIST within 100 steps, and nothing was learnt",
        above=0.0,
    )
    generator_steps: int = setting(2, "updates of the generator after one of its opponent", at_least=1, at_most=100)

    @property
    def phases(self) -> tuple[tuple[str, ...], ...]:
        return (("encoder",), *(("generator",),) * self.generator_steps)

    def data_loss(self, p: Pass) -> "tf.Tensor":
        """L_X, eq. (3), of every sample [N]."""
        return penalties.l1(p.x, p.x_rec)

    def loss_terms(self, p: Pass) -> Iterator[LossTerm]:
        divergence = partial(divergences.BATCH_DIVERGENCES[self.batch_divergence], floor=self.variance_floor)
        # (5): V2 + lambda L_Z, of which the second divergence does not depend on the generator
        yield LossTerm("divergence_fake", ("generator",), lambda: divergence(p.whole_batch(p.z_rec)))
        yield LossTerm("latent", ("generator",), lambda: self.latent_weight * penalties.squared_distance(p.z, p.z_rec))
        # (6): -(V2 - mu L_X)
        yield LossTerm("minus_divergence_fake", ("encoder",), lambda: -divergence(p.whole_batch(p.z_rec)))
        yield LossTerm("divergence_real", ("encoder",), lambda: divergence(p.whole_batch(p.z_enc)))
        yield LossTerm("data", ("encoder",), lambda: self.data_weight * self.data_loss(p))
