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
    defaults = {"likelihood": "gaussian", "initializer": "xavier", "learning_rate": 1e-4}
    legal = {"likelihood": ("gaussian", "laplace", "bernoulli"), "posterior": ("gaussian", "flow")}

    encoder_plays_f2: bool = setting(
        False,
        "the encoder plays against f2, too, with codes of images: eq. (9), as estimated, does not move them towards the prior",
    )

    f2_draws: str = setting(
        "joint",
        "what f2 compares with q(x) q(z): p(x, z), eq. (6), or p(x) p(z), so that it need not estimate the mutual information "
        "of x and z, which has no bound where the decoder is deterministic",
        choices=("joint", "independent"),
    )

    @property
    def phases(self) -> tuple[tuple[str, ...], ...]:
        return self.players[2:], ("encoder", "generator")  # (12)

    def games(self, p: Pass) -> Iterator[Game]:
        if "disc_xz_x" in self.players:  # f1, eq. (5); x_draw comes from another z
            independent = (p.x_draw, p.z_other)
            yield Game("disc_xz_x", real=independent, fake=(p.x, p.z_enc), adversaries=("encoder",), loss=REVERSE_KL)
        if "disc_xz_z" in self.players:  # f2, eq. (6); the neighbour's code comes from another x
            real, fake = (p.x, p.z_enc_other), (p.x_draw, p.z if self.f2_draws == "joint" else p.z_other)
            of_real = ("encoder",) if self.encoder_plays_f2 else ()
            yield Game("disc_xz_z", real, fake, ("generator",), REVERSE_KL, real_adversaries=of_real)

    def loss_terms(self, p: Pass) -> Iterator[LossTerm]:
        both = ("encoder", "generator")
        if "disc_xz_x" in self.players:
            yield LossTerm("nll_x", both, lambda: -p.log_likelihood(p.x, p.x_rec))  # eq. (8)
        if "disc_xz_z" in self.players:
            yield LossTerm("nll_z", both, lambda: -p.log_posterior(p.z, p.code_draw))  # eq. (9)
