"""PAGAN with Wasserstein distances in its three games."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from tfpagan.losses import adversarial, penalties
from tfpagan.objectives.contract import Game, Objective, Pass, setting
from tfpagan.objectives.pagan import PAGAN

if TYPE_CHECKING:
    import tensorflow as tf


@dataclass(frozen=True)
class WPAGAN(Objective):
    """Wasserstein PAGAN (Alanov et al., 2018, appendices C.2 and D.1): critics with gradient penalties, pairs by channels."""

    name = "wpagan"
    why_not_fused = "critics have gradient penalties"
    defaults = {"pair": "channels", "disc_norm": "none", "initializer": "xavier"}
    legal = {"disc_norm": ("none", "spectral"), "disc_dropout": (0.0,), "disc_augmentation": ("none",)}

    gradient_penalty: float = setting(10.0, "weight of the gradient penalty of every critic", at_least=0.0)
    interpolation: str = setting(
        "shared",
        "interpolation of pairs: one alpha for both images, eq. (38), or one each, eq. (39)",
        choices=("shared", "independent"),
    )
    critic_steps: int = setting(10, "critic updates per update of the other players", at_least=1, at_most=100)

    @property
    def players(self) -> tuple[str, ...]:
        return PAGAN().players

    @property
    def phases(self) -> tuple[tuple[str, ...], ...]:
        return (("disc_x", "disc_z", "disc_xx"),) * self.critic_steps + (("generator", "encoder"),)

    def games(self, p: Pass) -> Iterator[Game]:
        return (replace(d, loss=adversarial.WASSERSTEIN, penalty=partial(self._penalty, p, d)) for d in PAGAN().games(p))

    def _penalty(self, p: Pass, game: Game, critic: "tf.keras.Model") -> "tf.Tensor":
        alpha = p.uniform(f"alpha_{game.disc}", 2 if self.interpolation == "independent" else 1)  # [N, 1 or 2]
        return self.gradient_penalty * penalties.gradient_penalty(critic, game.real, game.fake, alpha)
