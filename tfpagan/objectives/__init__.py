"""The systems, one file each, by the value of `--objective`."""

from tfpagan.objectives.age import AGE
from tfpagan.objectives.ali import ALI
from tfpagan.objectives.alice import ALICE
from tfpagan.objectives.alpha_gan import AlphaGAN
from tfpagan.objectives.as_vae import ASVAE
from tfpagan.objectives.as_vae_g import ASVAEg
from tfpagan.objectives.as_vae_r import ASVAEr
from tfpagan.objectives.conditional_age import ConditionalAGE
from tfpagan.objectives.contract import Game, LossTerm, Objective, check
from tfpagan.objectives.dcgan import DCGAN
from tfpagan.objectives.f_pagan import FPAGAN
from tfpagan.objectives.pagan import PAGAN
from tfpagan.objectives.vae import VAE
from tfpagan.objectives.wgan_gp import WGANGP
from tfpagan.objectives.wpagan import WPAGAN
from tfpagan.settings.registry import Registry

__all__ = ["OBJECTIVES", "Game", "LossTerm", "Objective", "register"]

OBJECTIVES = Registry[type[Objective]](
    "objective",
    {
        "age": AGE,
        "ali": ALI,
        "alice": ALICE,
        "alpha_gan": AlphaGAN,
        "as_vae": ASVAE,
        "as_vae_g": ASVAEg,
        "as_vae_r": ASVAEr,
        "conditional_age": ConditionalAGE,
        "dcgan": DCGAN,
        "f_pagan": FPAGAN,
        "pagan": PAGAN,
        "vae": VAE,
        "wgan_gp": WGANGP,
        "wpagan": WPAGAN,
    },
)


def register(objective: type[Objective]) -> type[Objective]:
    """Register a system of your own under its `name`; usable as a class decorator.

    Raises:
      UserError: when it is not a frozen dataclass derived from `Objective`, or its name is taken.
    """
    check(objective)
    OBJECTIVES.register(objective.name, objective)
    return objective
