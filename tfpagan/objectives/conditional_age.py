"""AGE conditioned on the lightness of an image: colourisation."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tfpagan.forward.condition import LIGHTNESS
from tfpagan.losses import penalties
from tfpagan.objectives.age import AGE
from tfpagan.objectives.contract import Pass

if TYPE_CHECKING:
    import tensorflow as tf


@dataclass(frozen=True)
class ConditionalAGE(AGE):
    """Conditional AGE (Ulyanov et al., 2018, section 3.2): x are the colour channels a and b; encoder and generator are given
    L.

    The game is AGE's; a batch of codes belongs to images of different lightness. The code has three dimensions.
    """

    name = "conditional_age"
    condition = LIGHTNESS
    defaults = {**AGE.defaults, "latent_dim": 3}
    legal = {**AGE.legal, "architecture": ("dcgan",)}  # the only one with the generator of section 3.2

    def data_loss(self, p: Pass) -> "tf.Tensor":
        return penalties.l1(p.x[..., 1:], p.x_rec[..., 1:])
