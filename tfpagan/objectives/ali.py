"""Adversarially learned inference: one game on images with codes."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tfpagan.objectives.base import Duel, Objective

if TYPE_CHECKING:
    from tfpagan.forward.forward_pass import Pass


@dataclass(frozen=True)
class ALI(Objective):
    """ALI (Dumoulin et al., 2017) and BiGAN (Donahue et al., 2017): (x, E(x)) against (G(z), z), and both makers deceive."""

    name = "ali"

    @property
    def why_not_fused(self) -> str:
        return "the encoder hides behind real images"

    @property
    def players(self) -> tuple[str, ...]:
        return ("generator", "encoder", "disc_xz")

    def duels(self, p: "Pass") -> Iterator[Duel]:
        yield Duel("disc_xz", real=(p.x, p.z_enc), fake=(p.x_gen, p.z), fakers=("generator",), hiders=("encoder",))
