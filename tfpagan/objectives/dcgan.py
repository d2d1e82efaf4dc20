"""The generative adversarial network that auto-encoding ones are held against."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tfpagan.objectives.base import Duel, Objective
from tfpagan.settings.setting import setting

if TYPE_CHECKING:
    from tfpagan.forward.forward_pass import Pass


@dataclass(frozen=True)
class DCGAN(Objective):
    """DCGAN (Radford et al., 2016) as alpha-GAN's baseline (Rosca et al., 2017, section 6, appendix H)."""

    name = "dcgan"
    defaults = {"disc_norm": "batch", "adam_beta2": 0.9}

    generator_steps: int = setting(2, "updates of the generator after one of its opponent", at_least=1, at_most=100)

    @property
    def why_not_fused(self) -> None:
        return None

    @property
    def players(self) -> tuple[str, ...]:
        return ("generator", "disc_x")

    @property
    def phases(self) -> tuple[tuple[str, ...], ...]:
        return (("disc_x",), *(("generator",),) * self.generator_steps)

    def duels(self, p: "Pass") -> Iterator[Duel]:
        yield Duel("disc_x", real=p.x, fake=p.x_gen, fakers=("generator",))  # Goodfellow et al. (2014), -log D
