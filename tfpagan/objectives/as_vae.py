"""Adversarial symmetric VAE: a bound on the likelihood of images and a bound on that of codes."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from tfpagan.losses.adversarial import REVERSE_KL
from tfpagan.objectives.contract import Game, LossTerm, Objective, Pass, setting


@dataclass(frozen=True)
class ASVAE(Objective):
    """AS-VAE (Pu et al., 2017, 'Adversarial Symmetric Variational Autoencoder'): L_x + L_z, eq. (10), maximised by both.

    f1 discriminates q(x, z) from draws of p(x) and p(z), f2 p(x, z) from draws of q(x) and q(z), eq. (5) and (6): two games
    whose adversary, the player that produces the joint draws, minimises minus the logit. The rest of L_x and L_z are
    likelihoods.
    """

    name = "as_vae"
    players: ClassVar[tuple[str, ...]] = ("encoder", "generator", "disc_xz_x", "disc_xz_z")
    why_not_fused = "a fake depends on a network that is not among its adversaries"
    reads_whole_batch: ClassVar[bool] = True
    defaults = {"likelihood": "gaussian", "initializer": "xavier", "learning_rate": 1e-4}
    legal = {"likelihood": ("gaussian", "laplace", "bernoulli"), "posterior": ("gaussian", "flow")}

    code_weight: float = setting(
        1.0,
        "weight of log q(z|x), eq. (9), which has no bound: with 1, the paper's, samples may hide codes (docs/learning.md)",
        at_least=0.0,
    )

    @property
    def phases(self) -> tuple[tuple[str, ...], ...]:
        return self.players[2:], ("encoder", "generator")  # (12)

    def games(self, p: Pass) -> Iterator[Game]:
        if "disc_xz_x" in self.players:  # f1, eq. (5); x_draw comes from another z
            independent = (p.x_draw, p.z_other)
            yield Game("disc_xz_x", real=independent, fake=(p.x, p.z_enc), adversaries=("encoder",), loss=REVERSE_KL)
        if "disc_xz_z" in self.players:  # f2, eq. (6)
            independent = (p.x, p.z_enc_other)  # the neighbour's code comes from another x
            yield Game("disc_xz_z", real=independent, fake=(p.x_draw, p.z), adversaries=("generator",), loss=REVERSE_KL)

    def loss_terms(self, p: Pass) -> Iterator[LossTerm]:
        both = ("encoder", "generator")
        if "disc_xz_x" in self.players:
            yield LossTerm("nll_x", both, lambda: -p.log_likelihood(p.x, p.x_rec))  # eq. (8)
        if "disc_xz_z" in self.players:
            yield LossTerm("nll_z", both, lambda: -self.code_weight * p.log_posterior(p.z, p.code_draw))  # eq. (9)
