"""Variational auto-encoder."""

from collections.abc import Iterator
from dataclasses import dataclass

from tfpagan.losses import densities
from tfpagan.objectives.contract import LossTerm, Objective, Pass, setting


@dataclass(frozen=True)
class VAE(Objective):
    """Variational auto-encoder (Kingma and Welling, 2014), PAGAN's baseline for RID and RMSE (section 5, Table 2).

    Both networks minimise minus the evidence lower bound, in nats per image: -log p(x | z) + KL(q(z | x) || p(z)).
    """

    name = "vae"
    players = ("generator", "encoder")
    why_not_fused = None
    defaults = {"likelihood": "gaussian", "architecture": "resnet"}
    legal = {"likelihood": ("gaussian", "laplace", "bernoulli"), "posterior": ("gaussian",)}

    kl_weight: float = setting(1.0, "weight of KL(q(z | x) || p(z)); 1 is the evidence lower bound", at_least=0.0)

    def loss_terms(self, p: Pass) -> Iterator[LossTerm]:
        yield LossTerm("nll", self.players, lambda: -p.log_likelihood(p.x, p.x_rec))
        yield LossTerm("kl", self.players, lambda: self.kl_weight * densities.kl_to_standard_normal(*p.code))
