"""alpha-GAN: an auto-encoder with a discriminator of images and a discriminator of codes."""

from collections.abc import Iterator
from dataclasses import dataclass

from tfpagan.losses import divergences, penalties
from tfpagan.losses.adversarial import REVERSE_KL
from tfpagan.objectives.contract import Game, LossTerm, Objective, Pass, setting


@dataclass(frozen=True)
class AlphaGAN(Objective):
    """alpha-GAN (Rosca et al., 2017, 'Variational Approaches for Auto-Encoding Generative Adversarial Networks').

    Algorithm 1, with appendix H's constants. Two games of one discriminator give -2 log D(x), as in (14); (15) has
    lost the factor, without which D is not the density ratio of either game.
    """

    name = "alpha_gan"
    why_not_fused = "a fake depends on a network that is not among its adversaries"
    defaults = {
        "posterior": "point",  # the posterior is implicit: appendix H.4, no activation after the encoder
        "code_layers": "750,750,750",
        "disc_norm": "batch",
        "learning_rate": 5e-4,  # out of 1e-4 and 5e-4 (Table 2); docs/systems.md says why
        "disc_learning_rate": 5e-4,
        "adam_beta2": 0.9,
    }
    legal = {"posterior": ("point", "gaussian")}

    encoder_l1_weight: float = setting(
        50.0,
        "lambda of the encoder: weight of |x - G(E(x))|, mean over pixels (appendix H.1 sweeps 1, 5, 10, 50)",
        at_least=0.0,
    )
    generator_l1_weight: float = setting(50.0, "lambda of the generator, likewise (same sweep)", at_least=0.0)
    code_match: str = setting(
        "discriminator",
        "what pulls codes towards the prior: a discriminator, or appendix D's KL of a Gaussian fitted to a batch",
        choices=("discriminator", "empirical_kl"),
    )
    autoencoder_steps: int = setting(
        2, "encoder and generator updates per update of the discriminators", at_least=1, at_most=100
    )

    @property
    def players(self) -> tuple[str, ...]:
        return ("encoder", "generator", "disc_x", *(("disc_z",) if self.code_match == "discriminator" else ()))

    @property
    def reads_whole_batch(self) -> bool:
        return self.code_match == "empirical_kl"

    @property
    def phases(self) -> tuple[tuple[str, ...], ...]:
        return (("encoder",), ("generator",)) * self.autoencoder_steps + (self.players[2:],)

    def games(self, p: Pass) -> Iterator[Game]:
        yield Game("disc_x", real=p.x, fake=p.x_gen, adversaries=("generator",), loss=REVERSE_KL)  # (13), (14)
        yield Game("disc_x", real=p.x, fake=p.x_rec, adversaries=("generator",), loss=REVERSE_KL, fake_name="rec")
        if self.code_match == "discriminator":
            yield Game("disc_z", real=p.z, fake=p.z_enc, adversaries=("encoder",), loss=REVERSE_KL)  # (11), (17)

    def loss_terms(self, p: Pass) -> Iterator[LossTerm]:
        yield LossTerm("l1_encoder", ("encoder",), lambda: self.encoder_l1_weight * penalties.l1(p.x, p.x_rec))  # (11)
        yield LossTerm("l1_generator", ("generator",), lambda: self.generator_l1_weight * penalties.l1(p.x, p.x_rec))  # (13)
        if self.code_match == "empirical_kl":
            yield LossTerm("kl", ("encoder",), lambda: divergences.kl_of_fitted_normal(p.whole_batch(p.z_enc)))  # (18)
