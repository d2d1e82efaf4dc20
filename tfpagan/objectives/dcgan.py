"""The GAN baseline without an encoder."""

from collections.abc import Iterator
from dataclasses import dataclass

from tfpagan.objectives.contract import Game, Objective, Pass, setting


@dataclass(frozen=True)
class DCGAN(Objective):
    """DCGAN (Radford et al., 2016) as alpha-GAN's baseline (Rosca et al., 2017, section 6, appendix H)."""

    name = "dcgan"
    players = ("generator", "disc_x")
    why_not_fused = None
    defaults = {"disc_norm": "batch", "adam_beta2": 0.9}

    generator_steps: int = setting(2, "generator updates per update of its opponent", at_least=1, at_most=100)

    @property
    def phases(self) -> tuple[tuple[str, ...], ...]:
        return (("disc_x",), *(("generator",),) * self.generator_steps)

    def games(self, p: Pass) -> Iterator[Game]:
        yield Game("disc_x", real=p.x, fake=p.x_gen, adversaries=("generator",))  # Goodfellow et al. (2014), -log D
