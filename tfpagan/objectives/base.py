"""What an objective is: players, duels between them, direct losses, and who moves when.

An objective is data plus formulas. It reads tensors from a `Pass` and names players by role; it knows no optimizer, tape,
strategy, writer or flag. The fields of its dataclass are the paper's constants and become flags.
"""

import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from tfpagan import adversarial

if TYPE_CHECKING:
    import tensorflow as tf

    from tfpagan.forward import Pass

Tensors = "tf.Tensor | tuple[tf.Tensor, ...]"


@dataclasses.dataclass(frozen=True)
class Duel:
    """One discriminator against the players whose output it judges.

    Attributes:
      disc: role of the discriminator; it sees `real` and `fake` and returns logits [N].
      real: tensor, or tuple of tensors, that it should call real.
      fake: likewise, that it should call fake.
      fakers: roles of the players that produce `fake` and want it called real.
      loss: the adversarial loss of this game.
    """

    disc: str
    real: "Tensors"  # type: ignore[valid-type]
    fake: "Tensors"  # type: ignore[valid-type]
    fakers: tuple[str, ...]
    loss: adversarial.Loss = adversarial.LOGISTIC


@dataclasses.dataclass(frozen=True)
class Direct:
    """A loss that some players minimise without an opponent: `values` [N], one per sample."""

    name: str
    players: tuple[str, ...]
    values: "tf.Tensor"


@dataclasses.dataclass(frozen=True)
class Objective:
    """The base of every system; see `pagan.py` for the shortest complete one."""

    name: ClassVar[str]

    @property
    def fusable(self) -> bool:
        """Whether every fake depends only on its fakers and every loss is fusable, so that one backward serves all."""
        return False

    @property
    def players(self) -> tuple[str, ...]:
        """Roles of the networks that this system trains, each with an optimizer of its own."""
        raise NotImplementedError

    def duels(self, p: "Pass") -> Iterator[Duel]:
        """Who fights whom over which tensors of the pass."""
        raise NotImplementedError

    def directs(self, p: "Pass") -> Iterator[Direct]:
        """Losses without an opponent; none by default."""
        yield from ()

    @property
    def phases(self) -> tuple[tuple[str, ...], ...]:
        """Which players move together, in which order; by default all at once, from the same parameters."""
        return (self.players,)
