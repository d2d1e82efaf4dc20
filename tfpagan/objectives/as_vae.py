"""Adversarial symmetric variational auto-encoder: a bound on the likelihood of images and one on that of codes."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from tfpagan.losses.adversarial import REVERSE_KL
from tfpagan.objectives.base import Direct, Duel, Objective

if TYPE_CHECKING:
    from tfpagan.forward.forward_pass import Pass


@dataclass(frozen=True)
class ASVAE(Objective):
    """AS-VAE (Pu et al., 2017, 'Adversarial Symmetric Variational Autoencoder'): L_x + L_z, eq. (10), maximised by both.

    f1 tells q(x, z) from draws of p(x) and p(z) apart, f2 p(x, z) from draws of q(x) and q(z), eq. (5) and (6): two games
    in which whoever made the joint draws pays minus the logit. The rest of L_x and L_z are likelihoods.
    """

    name = "as_vae"
    defaults = {"likelihood": "gaussian", "initializer": "xavier", "learning_rate": 1e-4}
    legal = {"likelihood": ("gaussian", "laplace", "bernoulli"), "code": ("normal", "flow")}
    bounds: ClassVar[tuple[str, ...]] = ("x", "z")

    @property
    def why_not_fused(self) -> str:
        return "a fake depends on a network that is not among its fakers"

    @property
    def players(self) -> tuple[str, ...]:
        return ("encoder", "generator", *(f"disc_xz_{bound}" for bound in self.bounds))

    @property
    def phases(self) -> tuple[tuple[str, ...], ...]:
        return self.players[2:], ("encoder", "generator")  # (12)

    def duels(self, p: "Pass") -> Iterator[Duel]:
        if "x" in self.bounds:  # f1, eq. (5); x_draw is of another z
            independent = (p.x_draw, p.z_other)
            yield Duel("disc_xz_x", real=independent, fake=(p.x, p.z_enc), fakers=("encoder",), loss=REVERSE_KL)
        if "z" in self.bounds:  # f2, eq. (6); the neighbour's code is of another x
            independent = (p.x, p.z_enc_other)
            yield Duel("disc_xz_z", real=independent, fake=(p.x_draw, p.z), fakers=("generator",), loss=REVERSE_KL)

    def directs(self, p: "Pass") -> Iterator[Direct]:
        both = ("encoder", "generator")
        if "x" in self.bounds:
            yield Direct("nll_x", both, lambda: -p.log_likelihood(p.x, p.x_rec))  # eq. (8)
        if "z" in self.bounds:
            yield Direct("nll_z", both, lambda: -p.log_posterior(p.z, p.code_draw))  # eq. (9)
