"""Adversarial generator-encoder network: a game without a discriminator."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tfpagan.losses import divergences, penalties
from tfpagan.objectives.contract import LossTerm, Objective, Pass, setting

if TYPE_CHECKING:
    import tensorflow as tf


@dataclass(frozen=True)
class AGE(Objective):
    """AGE (Ulyanov et al., 2018, 'It Takes (Only) Two: Adversarial Generator-Encoder Networks').

    The game V2, eq. (2): the encoder spreads real codes over the prior and generated ones off it, the generator brings
    these back. Each player's loss is differentiated with respect to its own network only, as (5) and (6) hold the other fixed.
    """

    name = "age"
    players = ("encoder", "generator")
    why_not_fused = "the players' losses share tensors with opposite signs"
    reads_whole_batch = True
    defaults = {"posterior": "sphere"}
    legal = {"posterior": ("sphere", "point")}  # point: unconstrained codes, with the prior N(0, I) of section 2

    latent_weight: float = setting(1000.0, "lambda of eq. (5): weight of L_Z in the generator's loss", at_least=0.0)
    latent_distance: str = setting(
        "squared",
        "L_Z: |z - e(g(z))|^2, summed over dimensions, eq. (4); or their cosine divided by the number of dimensions, as in "
        "AGE's public code, 2 Z times less",
        choices=("squared", "cosine"),
    )
    data_weight: float = setting(
        10.0, "mu of eq. (6): weight of |x - g(e(x))|, mean over pixels, in the encoder's loss", at_least=0.0
    )
    generator_data_weight: float = setting(
        0.0, "weight of the same distance in the generator's loss (figure 9 of AGE; 0 elsewhere in the paper)", at_least=0.0
    )
    batch_divergence: str = setting(
        "fitted_normal",
        "divergence of a batch of codes from the prior: of a fitted Gaussian, eq. (7), or nonparametric",
        choices=("fitted_normal", "kozachenko_leonenko"),
    )
    fake_variance_floor: float = setting(
        2.0,
        "added to the variances of codes of samples in the encoder's loss, in multiples of the prior's: it bounds what the "
        "encoder gains when they collapse (not in the paper; with 0.01 real codes collapsed too, docs/learning.md)",
        above=0.0,
    )
    generator_steps: int = setting(2, "generator updates per update of its opponent", at_least=1, at_most=100)

    @property
    def phases(self) -> tuple[tuple[str, ...], ...]:
        return (("encoder",), *(("generator",),) * self.generator_steps)

    def data_loss(self, p: Pass) -> "tf.Tensor":
        """L_X, eq. (3), of every sample [N]."""
        return penalties.l1(p.x, p.x_rec)

    def loss_terms(self, p: Pass) -> Iterator[LossTerm]:
        divergence = divergences.BATCH_DIVERGENCES[self.batch_divergence]
        floor = self.fake_variance_floor * p.prior_variance
        # (5): V2 + lambda L_Z, of which the second divergence does not depend on the generator
        yield LossTerm("divergence_fake", ("generator",), lambda: divergence(p.whole_batch(p.z_rec)))
        distance = penalties.cosine_distance if self.latent_distance == "cosine" else penalties.squared_distance
        yield LossTerm("latent", ("generator",), lambda: self.latent_weight * distance(p.z, p.z_rec))
        if self.generator_data_weight:  # figure 9
            yield LossTerm("generator_data", ("generator",), lambda: self.generator_data_weight * self.data_loss(p))
        # (6): -(V2 - mu L_X)
        yield LossTerm("minus_divergence_fake", ("encoder",), lambda: -divergence(p.whole_batch(p.z_rec), floor))
        yield LossTerm("divergence_real", ("encoder",), lambda: divergence(p.whole_batch(p.z_enc)))
        yield LossTerm("data", ("encoder",), lambda: self.data_weight * self.data_loss(p))
