"""Adversarial losses: elementwise functions of a logit; no means, no networks."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tfpagan.losses.lazy import tf

if TYPE_CHECKING:
    OfLogit = Callable[[tf.Tensor], tf.Tensor]


@dataclass(frozen=True)
class Loss:
    """The three functions of one game; each takes logits [N] and returns losses [N].

    Attributes:
      disc_real: the discriminator's loss on the logit of a real sample.
      disc_fake: the discriminator's loss on the logit of a fake sample.
      adversary: the loss of the player that generated the fake sample.
      fusable: whether the slope of `disc_fake` is positive everywhere, so that `adversary`'s slope is a finite multiple
        of it (`training/gradients.py`). False for losses that are flat somewhere, such as the hinge loss.
      minimax: whether `adversary` is exactly minus `disc_fake`; the multiple is then -1, whatever the slope.
    """

    disc_real: "OfLogit"
    disc_fake: "OfLogit"
    adversary: "OfLogit"
    fusable: bool = True
    minimax: bool = False


LOGISTIC = Loss(
    disc_real=lambda logit: tf.nn.softplus(-logit),  # -log D
    disc_fake=lambda logit: tf.nn.softplus(logit),  # -log(1 - D)
    adversary=lambda logit: tf.nn.softplus(-logit),  # -log D, the non-saturating form of section 3.3
)
"""Goodfellow et al. (2014) in the non-saturating form of PAGAN's Algorithm 1, D = sigmoid(logit)."""


def _itself(logit: "tf.Tensor") -> "tf.Tensor":
    return logit


def _negative(logit: "tf.Tensor") -> "tf.Tensor":
    return -logit


REVERSE_KL = Loss(LOGISTIC.disc_real, LOGISTIC.disc_fake, adversary=_negative)  # -log D + log(1 - D)
"""The logistic game whose adversaries minimise minus the log density ratio: KL(fake || real) (alpha-GAN, eq. 9)."""

WASSERSTEIN = Loss(disc_real=_negative, disc_fake=_itself, adversary=_negative, minimax=True)
"""The dual of the Wasserstein-1 distance, for critics kept 1-Lipschitz by a penalty (PAGAN eq. 37)."""


@dataclass(frozen=True)
class Divergence:
    """An f-divergence D_f(P || Q) = E_q f(p / q), bounded by E_p T - E_q f*(T) with T = g(v) of a network's output v.

    Nowozin et al., 2016, 'f-GAN', eq. (4) to (8), tables 1, 2 and 6; PAGAN eq. (28) to (35). g is increasing.

    Attributes:
      activation: g, the output activation, into the domain of f*.
      conjugate: f*(g(v)) in closed form: composing the tables' functions overflows earlier.
      monotone: whether f*(g(v)) is increasing everywhere.
    """

    activation: "OfLogit"
    conjugate: "OfLogit"
    monotone: bool = True

    def loss(self, *, minimax: bool) -> Loss:
        """The loss of the game: the discriminator maximises the bound, the adversaries minimise it.

        Args:
          minimax: whether adversaries minimise the bound itself, -f*(g(v)); otherwise -g(v), as section 3.2 of f-GAN
            recommends.
        """
        adversary, exact_opposite = self.activation, minimax or self.activation is self.conjugate
        if minimax:
            adversary = self.conjugate
        return Loss(
            disc_real=lambda v: -self.activation(v),
            disc_fake=self.conjugate,
            adversary=lambda v: -adversary(v),
            fusable=self.monotone,
            minimax=exact_opposite,
        )


def bounded(loss: Loss, bound: float) -> Loss:
    """The same loss of bound * tanh(v / bound) in the place of an output v.

    For an f-divergence this takes the supremum over fewer functions, so that it stays a lower bound (f-GAN, eq. 4).
    It is not fusable: where tanh is flat in float32 the slope of `disc_fake` is 0.
    """

    def of_bounded(f: "OfLogit") -> "OfLogit":
        return lambda v: f(bound * tf.tanh(v / bound))

    return Loss(
        disc_real=of_bounded(loss.disc_real),
        disc_fake=of_bounded(loss.disc_fake),
        adversary=of_bounded(loss.adversary),
        fusable=False,
        minimax=loss.minimax,
    )


def penalised(loss: Loss, weight: float) -> Loss:
    """The same loss with weight * v^2 added to the discriminator's, of real and of fake samples.

    Karras et al., 2018, 'Progressive Growing of GANs', section 4.1, whose weight is 0.001: outputs do not drift away from 0.
    It is not fusable: the slope of `disc_fake` is 0 somewhere below 0.
    """

    def with_penalty(f: "OfLogit") -> "OfLogit":
        return lambda v: f(v) + weight * v**2

    return replace(
        loss, disc_real=with_penalty(loss.disc_real), disc_fake=with_penalty(loss.disc_fake), fusable=False, minimax=False
    )


def weighted(loss: Loss, weight: float) -> Loss:
    """The same loss with the adversary's times weight, the discriminator's as it was."""
    return replace(loss, adversary=lambda logit: weight * loss.adversary(logit), minimax=False)


def _half_tanh(v: "tf.Tensor") -> "tf.Tensor":
    return 0.5 * tf.tanh(v)


DIVERGENCES: Mapping[str, Divergence] = {
    # 2 JSD, f = u log u - (u + 1) log((u + 1) / 2), f*(t) = -log(2 - exp t): the logistic game up to constants
    "jensen_shannon": Divergence(
        activation=lambda v: math.log(2.0) - tf.nn.softplus(-v),
        conjugate=lambda v: tf.nn.softplus(v) - math.log(2.0),
    ),
    # f = u log u, f*(t) = exp(t - 1)
    "kl": Divergence(
        activation=_itself,
        conjugate=lambda v: tf.exp(v - 1.0),
    ),
    # f = -log u, f*(t) = -1 - log(-t)
    "reverse_kl": Divergence(
        activation=lambda v: -tf.exp(-v),
        conjugate=lambda v: v - 1.0,
    ),
    # f = (u - 1)^2, f*(t) = t^2 / 4 + t, which decreases below t = -2
    "pearson": Divergence(
        activation=_itself,
        conjugate=lambda v: 0.25 * v**2 + v,
        monotone=False,
    ),
    # f = (sqrt u - 1)^2, f*(t) = t / (1 - t)
    "squared_hellinger": Divergence(
        activation=lambda v: 1.0 - tf.exp(-v),
        conjugate=lambda v: tf.exp(v) - 1.0,
    ),
    # f = |u - 1| / 2, f*(t) = t for |t| <= 1/2
    "total_variation": Divergence(_half_tanh, _half_tanh),
}
"""By the value of `--divergence`."""
