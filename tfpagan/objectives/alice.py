"""ALI with conditional entropy: a second game on reconstructions."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tfpagan.objectives.ali import ALI
from tfpagan.objectives.base import Duel

if TYPE_CHECKING:
    from tfpagan.forward.forward_pass import Pass


@dataclass(frozen=True)
class ALICE(ALI):
    """ALICE (Li et al., 2017), unsupervised: ALI and the adversarial cycle, (x, x) against (x, G(E(x))).

    The cycle is PAGAN's game on pairs without an augmentation (PAGAN sections 1 and 4).
    """

    name = "alice"

    @property
    def players(self) -> tuple[str, ...]:
        return (*super().players, "disc_xx")

    def duels(self, p: "Pass") -> Iterator[Duel]:
        yield from super().duels(p)
        yield Duel("disc_xx", real=(p.x, p.x), fake=(p.x, p.x_rec), fakers=("generator", "encoder"))
