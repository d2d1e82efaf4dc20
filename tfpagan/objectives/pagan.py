"""Pairwise Augmented GAN: three adversarial games, on images, on codes and on pairs."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tfpagan.losses import penalties
from tfpagan.objectives.base import Direct, Duel, Objective
from tfpagan.settings.setting import setting

if TYPE_CHECKING:
    from tfpagan.forward.forward_pass import Pass


@dataclass(frozen=True)
class PAGAN(Objective):
    """Pairwise Augmented GAN (Alanov et al., 2018, 'Pairwise Augmented GANs with Adversarial Reconstruction Loss').

    Equation (14) for the generator, (16) for the encoder, Algorithm 1 for the losses and the order of updates.
    """

    name = "pagan"

    reconstruction: str = setting(
        "adversarial", "what compares x with G(E(x)); l1 is PAGAN-L1 of Table 3", choices=("adversarial", "l1")
    )
    l1_weight: float = setting(1.0, "weight of the loss of --reconstruction=l1", at_least=0.0)

    @property
    def why_not_fused(self) -> None:
        return None

    @property
    def players(self) -> tuple[str, ...]:
        pair = ("disc_xx",) if self.reconstruction == "adversarial" else ()
        return ("generator", "encoder", "disc_x", "disc_z", *pair)

    def duels(self, p: "Pass") -> Iterator[Duel]:
        yield Duel("disc_x", real=p.x, fake=p.x_gen, fakers=("generator",))  # eq. (5)
        yield Duel("disc_z", real=p.z, fake=p.z_enc, fakers=("encoder",))  # eq. (6)
        if self.reconstruction == "adversarial":
            yield Duel("disc_xx", real=(p.x, p.x_aug), fake=(p.x, p.x_rec), fakers=("generator", "encoder"))  # eq. (11)

    def directs(self, p: "Pass") -> Iterator[Direct]:
        if self.reconstruction == "l1":
            yield Direct("l1", ("generator", "encoder"), lambda: self.l1_weight * penalties.l1(p.x, p.x_rec))  # Table 3
