"""What an objective is: players, duels between them, direct losses, and who moves when.

An objective is data plus formulas. It reads tensors from a `Pass` and names players by role; it knows no optimizer, tape,
strategy, writer or flag. The fields of its dataclass are the paper's constants and become flags.
"""

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from tfpagan.losses import adversarial

if TYPE_CHECKING:
    import tensorflow as tf

    from tfpagan.forward.forward_pass import Pass

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
      hiders: roles of the players that produce `real` and want it called fake, as ALI's encoder: they pay what fakers
        pay for the opposite logit.
      penalty: what the discriminator pays besides, a function of its network that gives values [N].
      called: what scalars call the fake; a discriminator may play several duels, whose losses add up.
    """

    disc: str
    real: "Tensors"  # type: ignore[valid-type]
    fake: "Tensors"  # type: ignore[valid-type]
    fakers: tuple[str, ...]
    loss: adversarial.Loss = adversarial.LOGISTIC
    hiders: tuple[str, ...] = ()
    penalty: "Callable[[tf.keras.Model], tf.Tensor] | None" = None
    called: str = "fake"


@dataclasses.dataclass(frozen=True)
class Direct:
    """A loss that some players minimise without an opponent.

    Attributes:
      name: for scalars.
      players: roles of those who pay it.
      values: gives [N], one per sample, or a scalar that belongs to the whole batch; called only when one of the players
        moves, so that a phase computes nothing for those who rest.
    """

    name: str
    players: tuple[str, ...]
    values: "Callable[[], tf.Tensor]"


@dataclasses.dataclass(frozen=True)
class Objective:
    """The base of every system; see `pagan.py` for the shortest complete one.

    Attributes:
      defaults: settings of other sections of the configuration that the system's paper uses; its own fields aside, they
        are what choosing it changes.
      legal: of such settings, the values that it can work with; the others are all the same to it.
    """

    name: ClassVar[str]
    defaults: ClassVar[Mapping[str, Any]] = {}
    legal: ClassVar[Mapping[str, tuple[Any, ...]]] = {}

    @property
    def why_not_fused(self) -> str | None:
        """Why one backward pass cannot serve all players; None where every fake depends on its fakers alone, every
        discriminator plays one duel without penalty or hiders, and a direct loss is paid by all whom it depends on.
        """
        return "it is not known to be exact for it"

    @property
    def players(self) -> tuple[str, ...]:
        """Roles of the networks that this system trains, each with an optimizer of its own."""
        raise NotImplementedError

    def duels(self, p: "Pass") -> Iterator[Duel]:
        """Who fights whom over which tensors of the pass; none by default."""
        yield from ()

    def directs(self, p: "Pass") -> Iterator[Direct]:
        """Losses without an opponent; none by default."""
        yield from ()

    @property
    def phases(self) -> tuple[tuple[str, ...], ...]:
        """Which players move together, in which order; by default all at once, from the same parameters."""
        return (self.players,)
