"""Adversarially learned inference: one game on images with codes."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from tfpagan.objectives.contract import Game, Objective, Pass


@dataclass(frozen=True)
class ALI(Objective):
    """ALI (Dumoulin et al., 2017) and BiGAN (Donahue et al., 2017): (x, E(x)) against (G(z), z)."""

    name = "ali"
    players: ClassVar[tuple[str, ...]] = ("generator", "encoder", "disc_xz")
    why_not_fused = "the encoder is an adversary of real images"

    def games(self, p: Pass) -> Iterator[Game]:
        yield Game(
            "disc_xz", real=(p.x, p.z_enc), fake=(p.x_gen, p.z), adversaries=("generator",), real_adversaries=("encoder",)
        )
