"""The contract of an objective: players, the games between them, further loss terms, and the order of updates.

An objective is data and formulas. It reads tensors from a `Pass` and names players by role; it knows no optimizer, tape,
strategy, writer or flag. The fields of its dataclass are the paper's hyper-parameters and become flags.
"""

import dataclasses
import re
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from tfpagan.errors import UserError
from tfpagan.forward.condition import NONE, Condition
from tfpagan.losses import adversarial
from tfpagan.settings.sections import SECTIONS
from tfpagan.settings.setting import setting, settings_of

__all__ = ["Game", "LossTerm", "Objective", "Pass", "check", "setting"]

if TYPE_CHECKING:
    from typing import TypeAlias

    import tensorflow as tf

    from tfpagan.forward.forward_pass import Pass

    Tensors: TypeAlias = tf.Tensor | tuple[tf.Tensor, ...]
else:
    Pass = Tensors = Any  # objectives are imported for --help, which must not wait for TensorFlow


ROLES = r"(generator|encoder|disc_(x|z|xx|xz)(_\w+)?)"
OTHER_FLAGS = ("objective", "plugin", "flagfile", "help", "model_dir", "preset", "dry_run", "json")


@dataclasses.dataclass(frozen=True)
class Game:
    """One discriminator against the players whose output it judges.

    Attributes:
      disc: role of the discriminator; it sees `real` and `fake` and returns logits [N].
      real: tensor, or tuple of tensors, that it should classify as real.
      fake: likewise, that it should classify as fake.
      adversaries: roles of the players that produce `fake` and want it classified as real.
      loss: the adversarial loss of this game.
      real_adversaries: roles of the players that produce `real` and want it classified as fake, such as ALI's encoder: they
        minimise the adversary's loss of the negated logit.
      penalty: an additional loss of the discriminator, a function of its network that returns values [N].
      fake_name: name of the fake in scalars; a discriminator may play several games, whose losses are added.
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
    """A loss that players minimise without an opponent.

    Attributes:
      name: for scalars.
      players: roles of the players that minimise it.
      values: returns [N], one per sample, or a scalar of the whole batch; called only when one of the players is updated, so
        that a phase computes nothing for the others.
    """

    name: str
    players: tuple[str, ...]
    values: "Callable[[], tf.Tensor]"


@dataclasses.dataclass(frozen=True)
class Objective:
    """Base class of every system; `dcgan.py` is the shortest complete one.

    What is constant for a system is a class attribute; what depends on its settings is a property.

    Attributes:
      name: the value of `--objective`.
      condition: what the generator is given besides a code.
      defaults: hyper-parameters of other sections of the configuration that the system's paper uses; choosing the system
        applies them.
      legal: the supported values of such settings; settings that are not listed do not matter to it.
    """

    name: ClassVar[str]
    condition: ClassVar[Condition] = NONE
    defaults: ClassVar[Mapping[str, Any]] = {}
    legal: ClassVar[Mapping[str, tuple[Any, ...]]] = {}

    @property
    def players(self) -> tuple[str, ...]:
        """Roles of the networks that this system trains, each with its own optimizer."""
        raise NotImplementedError

    @property
    def classifier(self) -> str:
        """The classifier that `Pass.features` is of, by its name or folder; "": no loss reads features."""
        return ""

    @property
    def phases(self) -> tuple[tuple[str, ...], ...]:
        """Which players are updated together, in which order; by default all at once, from the same parameters."""
        return (self.players,)

    @property
    def why_not_fused(self) -> str | None:
        """Why one backward pass cannot serve all players; None where it is exact.

        It is exact where every fake depends only on its adversaries, every discriminator plays one game without penalty or real
        adversaries, and every player whose weights a loss term depends on minimises it.
        """
        return "it is not known to be exact"

    @property
    def reads_whole_batch(self) -> bool:
        """Whether it calls `Pass.whole_batch` or reads `Pass.z_enc_other`, where replicas wait for each other.

        XLA cannot compile that with several replicas.
        """
        return False

    def games(self, p: Pass) -> Iterator[Game]:
        """Which discriminator judges which tensors of the pass, and who produces them; none by default."""
        yield from ()

    def loss_terms(self, p: Pass) -> Iterator[LossTerm]:
        """Losses without an opponent; none by default."""
        yield from ()


def check(objective: type[Objective]) -> None:
    """Refuse a class that is not an objective.

    Raises:
      UserError: when it does not derive from `Objective`, is not a frozen dataclass, has no name, or a field is not a setting.
    """
    if not (isinstance(objective, type) and issubclass(objective, Objective)):
        raise UserError(f"{objective!r} is not an objective: derive a class from tfpagan.objectives.Objective")
    if "__dataclass_params__" not in vars(objective) or not objective.__dataclass_params__.frozen:  # type: ignore[attr-defined]
        raise UserError(f"objective {objective.__name__} is not a frozen dataclass: write @dataclass(frozen=True) above it")
    if not isinstance(getattr(objective, "name", None), str):
        raise UserError(f"objective {objective.__name__} has no name: write name = '...' in it, for --objective")
    _check_settings(objective)
    _check_players(objective)


def _check_settings(objective: type[Objective]) -> None:
    taken = {setting.name for section in SECTIONS.values() for setting in settings_of(section)} | set(OTHER_FLAGS)
    for own in settings_of(objective):
        if own.name in taken:
            raise UserError(f"objective {objective.name}: there is a flag --{own.name} already; name the field differently")


def _check_players(objective: type[Objective]) -> None:
    one = objective()
    for role in one.players:
        if not re.fullmatch(ROLES, role):
            known = "generator, encoder, disc_x, disc_z, disc_xx or disc_xz, which may have a further word, as disc_x_2"
            raise UserError(f"objective {objective.name} has a player {role!r}; it must be {known}")
    if "generator" not in one.players:
        raise UserError(f"objective {objective.name} has no player 'generator'")
    if strangers := {role for phase in one.phases for role in phase} - set(one.players):
        raise UserError(f"objective {objective.name} has a phase with {min(strangers)}, which is not among its players")
