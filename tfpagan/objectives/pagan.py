"""Pairwise Augmented GAN: three adversarial games, on images, on codes and on pairs."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tfpagan.errors import UserError
from tfpagan.losses import adversarial, penalties
from tfpagan.objectives.contract import Game, LossTerm, Objective, Pass, setting

if TYPE_CHECKING:
    import tensorflow as tf


@dataclass(frozen=True)
class PAGAN(Objective):
    """Pairwise Augmented GAN (Alanov et al., 2018, 'Pairwise Augmented GANs with Adversarial Reconstruction Loss').

    Equation (14) for the generator, (16) for the encoder, Algorithm 1 for the losses and the order of updates.
    """

    name = "pagan"
    why_not_fused = None

    reconstruction: str = setting(
        "adversarial",
        "how x and G(E(x)) are compared; l1 is PAGAN-L1 of Table 3; more than one is not in the paper",
        choices=("adversarial", "l1", "l2", "perceptual", "adversarial+l1", "adversarial+l2", "adversarial+perceptual"),
    )
    l1_weight: float = setting(
        1.0, "weight of the absolute difference, mean over pixels, with --reconstruction=l1", at_least=0.0
    )
    l2_weight: float = setting(
        1.0, "weight of the squared difference, mean over pixels, with --reconstruction=l2", at_least=0.0
    )
    perceptual_weight: float = setting(
        1.0, "weight of the squared difference of features, mean over features, with --reconstruction=perceptual", at_least=0.0
    )
    perceptual_classifier: str = setting(
        "",
        "whose features: inception, shapes, mnist or cifar10 (come along), or a SavedModel folder from bin/train_classifier",
    )
    image_game_weight: float = setting(
        1.0,
        "weight of the game on images in the generator's loss, where its other game is on pairs; 1 in the paper; more makes "
        "better samples, and too much costs reconstructions",
        at_least=0.0,
    )

    def __post_init__(self) -> None:
        if "perceptual" in self._comparisons and not self.perceptual_classifier:
            raise UserError(f"--reconstruction={self.reconstruction} needs --perceptual_classifier, whose features it is of")

    @property
    def classifier(self) -> str:
        return self.perceptual_classifier if "perceptual" in self._comparisons else ""

    @property
    def players(self) -> tuple[str, ...]:
        pair = ("disc_xx",) if "adversarial" in self._comparisons else ()
        return ("generator", "encoder", "disc_x", "disc_z", *pair)

    @property
    def _comparisons(self) -> list[str]:
        return self.reconstruction.split("+")

    def games(self, p: Pass) -> Iterator[Game]:
        loss = adversarial.weighted(adversarial.LOGISTIC, self.image_game_weight)
        yield Game("disc_x", real=p.x, fake=p.x_gen, adversaries=("generator",), loss=loss)  # eq. (5)
        yield Game("disc_z", real=p.z, fake=p.z_enc, adversaries=("encoder",))  # eq. (6)
        if "adversarial" in self._comparisons:
            yield Game("disc_xx", real=(p.x, p.x_aug), fake=(p.x, p.x_rec), adversaries=("generator", "encoder"))  # eq. (11)

    def loss_terms(self, p: Pass) -> Iterator[LossTerm]:
        if "l1" in self._comparisons:
            yield LossTerm("l1", ("generator", "encoder"), lambda: self.l1_weight * penalties.l1(p.x, p.x_rec))  # Table 3
        if "l2" in self._comparisons:
            yield LossTerm("l2", ("generator", "encoder"), lambda: self.l2_weight * penalties.l2(p.x, p.x_rec))
        if "perceptual" in self._comparisons:
            yield LossTerm("perceptual", ("generator", "encoder"), lambda: self.perceptual_weight * self._perceptual(p))

    def _perceptual(self, p: Pass) -> "tf.Tensor":
        return penalties.l2(p.features(p.x), p.features(p.x_rec))
