"""PAGAN with an f-divergence in its three games."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from tfpagan.losses import adversarial
from tfpagan.objectives.contract import Game, Objective, Pass, setting
from tfpagan.objectives.pagan import PAGAN


@dataclass(frozen=True)
class FPAGAN(Objective):
    """f-PAGAN (Alanov et al., 2018, appendix C.1): generator, encoder and reconstruction matching by D_f, eq. (30) to (35)."""

    name = "f_pagan"

    divergence: str = setting("jensen_shannon", "D_f of all three games", choices=tuple(adversarial.DIVERGENCES))
    adversary_loss: str = setting(
        "non_saturating",
        "loss of generator and encoder: -g(v), as f-GAN's section 3.2 recommends, or the bound itself, eq. (30) to (35)",
        choices=("non_saturating", "minimax"),
    )
    max_logit: float = setting(
        0.0,
        "smooth bound of the discriminators' outputs v, which become bound * tanh(v / bound); 0: none, as in the paper, where "
        "kl, reverse_kl and squared_hellinger, whose losses are exponentials of v, can overflow",
        at_least=0.0,
    )
    logit_penalty: float = setting(
        0.0,
        "weight of v^2 in the losses of discriminators, which keeps outputs v where total_variation has a slope; not in the "
        "paper; 0: none",
        at_least=0.0,
    )

    @property
    def loss(self) -> adversarial.Loss:
        """The loss of each game."""
        loss = adversarial.DIVERGENCES[self.divergence].loss(minimax=self.adversary_loss == "minimax")
        if self.max_logit:
            loss = adversarial.bounded(loss, self.max_logit)
        return adversarial.penalised(loss, self.logit_penalty) if self.logit_penalty else loss

    @property
    def why_not_fused(self) -> str | None:
        if self.loss.fusable or self.loss.minimax:
            return None
        settings = ("logit_penalty", "max_logit", "divergence")
        given = next(name for name in settings if getattr(self, name))
        return f"the discriminator's loss does not rise everywhere with --{given}={getattr(self, given)}"

    @property
    def players(self) -> tuple[str, ...]:
        return PAGAN().players

    def games(self, p: Pass) -> Iterator[Game]:
        return (replace(game, loss=self.loss) for game in PAGAN().games(p))
