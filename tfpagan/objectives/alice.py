"""ALI with conditional entropy: a second game on reconstructions."""

from collections.abc import Iterator
from dataclasses import dataclass

from tfpagan.objectives.ali import ALI
from tfpagan.objectives.contract import Game, Pass


@dataclass(frozen=True)
class ALICE(ALI):
    """ALICE (Li et al., 2017), unsupervised: ALI and the adversarial cycle, (x, x) against (x, G(E(x))).

    The cycle is PAGAN's game on pairs without an augmentation (PAGAN sections 1 and 4).
    """

    name = "alice"
    players = (*ALI.players, "disc_xx")

    def games(self, p: Pass) -> Iterator[Game]:
        yield from super().games(p)
        yield Game("disc_xx", real=(p.x, p.x), fake=(p.x, p.x_rec), adversaries=("generator", "encoder"))
