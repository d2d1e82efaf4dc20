"""Adversarial losses: functions of a logit, elementwise; no means, no networks."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tfpagan.lazy import tf

if TYPE_CHECKING:
    OfLogit = Callable[[tf.Tensor], tf.Tensor]


@dataclass(frozen=True)
class Loss:
    """The three functions of one game; each takes logits [N] and returns losses [N].

    Attributes:
      disc_real: what the discriminator pays for a real sample's logit.
      disc_fake: what the discriminator pays for a fake sample's logit.
      faker: what the faker pays for its sample's logit.
      fusable: whether the slope of `disc_fake` is positive everywhere, so that `faker`'s slope is a finite multiple
        of it (`step.py`). False for losses that are flat somewhere, as the hinge loss.
    """

    disc_real: "OfLogit"
    disc_fake: "OfLogit"
    faker: "OfLogit"
    fusable: bool = True


LOGISTIC = Loss(
    disc_real=lambda logit: tf.nn.softplus(-logit),  # -log D
    disc_fake=lambda logit: tf.nn.softplus(logit),  # -log(1 - D)
    faker=lambda logit: tf.nn.softplus(-logit),  # -log D, the non-saturating form of section 3.3
)
"""Goodfellow et al. (2014) in the non-saturating form of PAGAN's Algorithm 1, D = sigmoid(logit)."""
