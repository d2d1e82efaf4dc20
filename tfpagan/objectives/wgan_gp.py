"""Wasserstein GAN with gradient penalty."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tfpagan.losses import penalties
from tfpagan.losses.adversarial import WASSERSTEIN
from tfpagan.objectives.contract import Game, Objective, Pass, setting

if TYPE_CHECKING:
    import tensorflow as tf


@dataclass(frozen=True)
class WGANGP(Objective):
    """WGAN-GP (Gulrajani et al., 2017, Algorithm 1) as alpha-GAN's baseline (Rosca et al., 2017, appendix H)."""

    name = "wgan_gp"
    players = ("generator", "disc_x")
    why_not_fused = "the critic has a gradient penalty"
    defaults = {"disc_norm": "none", "initializer": "xavier", "learning_rate": 1e-4, "adam_beta2": 0.9}
    legal = {"disc_norm": ("none", "spectral"), "disc_dropout": (0.0,), "disc_augmentation": ("none",)}

    gradient_penalty: float = setting(10.0, "weight of the gradient penalty of every critic", at_least=0.0)
    critic_steps: int = setting(5, "critic updates per update of the other players", at_least=1, at_most=100)

    @property
    def phases(self) -> tuple[tuple[str, ...], ...]:
        return (("disc_x",),) * self.critic_steps + (("generator",),)

    def games(self, p: Pass) -> Iterator[Game]:
        def penalty(critic: "tf.keras.Model") -> "tf.Tensor":
            return self.gradient_penalty * penalties.gradient_penalty(critic, p.x, p.x_gen, p.uniform("alpha_disc_x", 1))

        yield Game("disc_x", real=p.x, fake=p.x_gen, adversaries=("generator",), loss=WASSERSTEIN, penalty=penalty)
