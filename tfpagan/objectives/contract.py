"""What an objective is: players, the games between them, further loss terms, and who moves when.

An objective is data plus formulas. It reads tensors from a `Pass` and names players by role; it knows no optimizer, tape,
strategy, writer or flag. The fields of its dataclass are the paper's constants and become flags.
"""

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from tfpagan.errors import UserError
from tfpagan.forward.condition import NONE, Condition
from tfpagan.losses import adversarial
from tfpagan.settings.setting import settings_of

if TYPE_CHECKING:
    from typing import TypeAlias

    import tensorflow as tf

    from tfpagan.forward.forward_pass import Pass

    Tensors: TypeAlias = tf.Tensor | tuple[tf.Tensor, ...]
else:
    Pass = Tensors = Any  # objectives are read for --help, which must not wait for TensorFlow


@dataclasses.dataclass(frozen=True)
class Game:
    """One discriminator against the players whose output it judges.

    Attributes:
      disc: role of the discriminator; it sees `real` and `fake` and returns logits [N].
      real: tensor, or tuple of tensors, that it should classify as real.
      fake: likewise, that it should classify as fake.
      adversaries: roles of the players that produce `fake` and want it classified as real.
      loss: the adversarial loss of this game.
      real_adversaries: roles of the players that produce `real` and want it classified as fake, as ALI's encoder: they minimise
        the adversary's loss of the negated logit.
      penalty: a further loss of the discriminator, a function of its network that returns values [N].
      fake_name: names the fake in scalars; a discriminator may play several games, whose losses add up.
    """

    disc: str
    real: Tensors
    fake: Tensors
    adversaries: tuple[str, ...]
    loss: adversarial.Loss = adversarial.LOGISTIC
    real_adversaries: tuple[str, ...] = ()
    penalty: "Callable[[tf.keras.Model], tf.Tensor] | None" = None
    fake_name: str = "fake"


@dataclasses.dataclass(frozen=True)
class LossTerm:
    """A loss that some players minimise without an opponent.

    Attributes:
      name: for scalars.
      players: roles of those who minimise it.
      values: returns [N], one per sample, or a scalar that belongs to the whole batch; called only when one of the players
        moves, so that a phase computes nothing for those who rest.
    """

    name: str
    players: tuple[str, ...]
    values: "Callable[[], tf.Tensor]"


@dataclasses.dataclass(frozen=True)
class Objective:
    """The base of every system; see `dcgan.py` for the shortest complete one.

    What is constant for a system is a constant of its class; what depends on its settings, a property.

    Attributes:
      name: the value of `--objective`.
      condition: what the generator is given besides a code.
      defaults: settings of other sections of the configuration that the system's paper uses; its own fields aside, they
        are what choosing it changes.
      legal: of such settings, the values that it can work with; it does not look at the others.
    """

    name: ClassVar[str]
    condition: ClassVar[Condition] = NONE
    defaults: ClassVar[Mapping[str, Any]] = {}
    legal: ClassVar[Mapping[str, tuple[Any, ...]]] = {}

    @property
    def players(self) -> tuple[str, ...]:
        """Roles of the networks that this system trains, each with an optimizer of its own."""
        raise NotImplementedError

    @property
    def phases(self) -> tuple[tuple[str, ...], ...]:
        """Which players move together, in which order; by default all at once, from the same parameters."""
        return (self.players,)

    @property
    def why_not_fused(self) -> str | None:
        """Why one backward pass cannot serve all players; None where it is exact.

        It is exact where every fake depends on its adversaries alone, every discriminator plays one game without penalty or
        real adversaries, and every player whose weights a loss term depends on minimises it.
        """
        return "it is not known to be exact"

    def games(self, p: Pass) -> Iterator[Game]:
        """Which discriminator judges which tensors of the pass, and whose they are; none by default."""
        yield from ()

    def loss_terms(self, p: Pass) -> Iterator[LossTerm]:
        """Losses without an opponent; none by default."""
        yield from ()


def check(objective: type[Objective]) -> None:
    """Refuse a class that is no objective, with what is wrong with it.

    Raises:
      UserError: when it does not derive from `Objective`, is no frozen dataclass, has no name, or a field is no setting.
    """
    if not (isinstance(objective, type) and issubclass(objective, Objective)):
        raise UserError(f"{objective!r} is no objective: derive a class from tfpagan.objectives.Objective")
    if "__dataclass_params__" not in vars(objective) or not objective.__dataclass_params__.frozen:  # type: ignore[attr-defined]
        raise UserError(f"objective {objective.__name__} is no frozen dataclass: write @dataclass(frozen=True) above it")
    if not isinstance(getattr(objective, "name", None), str):
        raise UserError(f"objective {objective.__name__} has no name: write name = '...' in it, for --objective")
    settings_of(objective)
