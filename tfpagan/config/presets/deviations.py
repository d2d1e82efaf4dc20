"""Where presets have another value than their papers state (`statements.py`), or one that no paper states.

    python -m tfpagan.config.presets.deviations > docs/deviations.md

Presets are named by patterns, as of files. A test holds every preset to these tables: each setting that is not the default has
a statement with its value, or a deviation with its reason.
"""

import fnmatch
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tfpagan.config import presets
from tfpagan.config.presets.statements import STATEMENTS

OWN = ("*_cpu", "pagan_plus_*")
"""Presets that are of no paper."""


@dataclass(frozen=True)
class Deviation:
    """Settings that are not as stated, or not stated.

    Attributes:
      of: patterns of presets.
      settings: flags; (): of networks, which no flag sets.
      paper: what it says.
      why: the values are ours.
    """

    of: Sequence[str]
    settings: Sequence[str]
    paper: str
    why: str


OF_AGE = ("age_celeb_a", "age_svhn", "age_cifar10", "age_tiny_imagenet", "age_mnist")
"""AGE's own experiments; `age_of_alpha_gan_*` are alpha-GAN's."""

DEVIATIONS = (
    Deviation(
        ("pagan_*", "f_pagan_*", "wpagan_*", "vae_cifar10", "ali_*", "alice_*"),
        ("train_steps", "batch_size", "channels", "latent_dim", "learning_rate"),
        "not stated",
        "those of chainer-gan-lib, the code that section 5 names",
    ),
    Deviation(
        ("pagan_*", "f_pagan_*", "wpagan_*", "vae_cifar10", "ali_*", "alice_*"),
        ("adam_beta1", "adam_beta2"),
        "not stated; chainer-gan-lib's defaults are 0.0 and 0.9; its command for DCGAN with spectral norm has 0.5, 0.999",
        "those of that command, which updates the discriminator once, as here",
    ),
    Deviation(
        ("pagan_*", "f_pagan_*", "wpagan_*"),
        ("encoder_norm",),
        "'the same architecture as the discriminator', and spectral normalisation, of which networks is not said",
        "batch normalisation: with spectral normalisation the encoder can collapse to the prior",
    ),
    Deviation(("pagan_l1_*",), ("l1_weight",), "not stated", "the plain distance"),
    Deviation(("pagan_blur_*",), ("blur_sigma_min", "blur_sigma_max"), "not stated", "visible, and shapes stay"),
    Deviation(("pagan_contrast_*",), ("contrast_min", "contrast_max"), "not stated", "visible, and shapes stay"),
    Deviation(
        ("*_celeb_a", "conditional_age_*"),
        ("crop",),
        "not stated",
        "the largest square in the middle, which has the face or the car",
    ),
    Deviation(
        ("pagan_celeb_a", "age_celeb_a", "age_tiny_imagenet"),
        ("image_size",),
        "not stated; AGE's public code has 64 px for CelebA and 32 for Tiny ImageNet",
        "CelebA as there and in alpha-GAN; Tiny ImageNet's own size",
    ),
    Deviation(
        ("pagan_mnist", "*_color_mnist", "age_mnist", "as_vae_mnist", "as_vae_*_mnist"),
        ("image_size",),
        "28 px, where it is stated",
        "the data set's own here: 32 px, padded with black",
    ),
    Deviation(
        ("f_pagan_*",), ("divergence",), "any; none is chosen, and there is no score", "the one that is PAGAN up to constants"
    ),
    Deviation(("f_pagan_*",), ("adversary_loss",), "minimax", "does not saturate; f-GAN's section 3.2 recommends it"),
    Deviation(
        ("vae_cifar10",), ("likelihood",), "'vanilla VAE'", "its variance is learned, so that no weight has to be chosen"
    ),
    Deviation(("vae_cifar10",), (), "'resnet-like'", "blocks of Gulrajani et al., 2017, at PAGAN's widths"),
    Deviation(("ali_*", "alice_*"), (), "scores of their own networks", "PAGAN's networks, so that the games compare"),
    Deviation(
        ("alpha_gan_*",),
        ("learning_rate", "encoder_l1_weight", "generator_l1_weight"),
        "sweeps: 1e-4 and 5e-4; 1, 5, 10 and 50; the best is not named",
        "the best of eight points (docs/systems.md)",
    ),
    Deviation(("dcgan_*",), ("learning_rate",), "a sweep: 1e-4, 2e-4 and 3e-4; the best is not named", "the middle"),
    Deviation(
        ("wgan_gp_*",), ("learning_rate",), "a sweep: 1e-4, 2e-4 and 3e-4; the best is not named", "that of Gulrajani et al."
    ),
    Deviation(("*_color_mnist",), ("latent_dim",), "a sweep: 10, 50 and 75; the best is not named", "the middle"),
    Deviation(
        ("dcgan_color_mnist",),
        ("disc_dropout",),
        "'dropout of 0.8'",
        "read as the share kept: with 0.8 dropped, samples have no strokes",
    ),
    Deviation(
        ("wgan_gp_*",),
        ("disc_norm", "initializer"),
        "batch normalisation everywhere",
        "a gradient penalty needs critics that do not couple samples; narrow ones start with vanishing slopes",
    ),
    Deviation(
        ("alpha_gan_*",),
        ("code_disc_norm",),
        "batch norm everywhere",
        "none in the code discriminator: with it fewer classes are kept (docs/learning.md)",
    ),
    Deviation(
        ("age_of_alpha_gan_*",),
        ("learning_rate", "data_weight"),
        "sweeps: 1e-4, 2e-4 and 5e-4; 100, 500, 1000 and 2000; the best is not named",
        "points in the middle",
    ),
    Deviation(
        (*OF_AGE, "conditional_age_*"),
        ("latent_weight",),
        "the best of 500, 1000 and 2000 is not named; the commands of its public code have 1000, and 2000 for Tiny ImageNet",
        "the middle",
    ),
    Deviation(
        ("age_*", "conditional_age_*"),
        ("fake_variance_floor",),
        "no bound on what the encoder gains",
        "without one the codes of images collapse (docs/learning.md)",
    ),
    Deviation(
        OF_AGE,
        ("train_steps",),
        "not stated, but for 10 epochs in Figure 3; the commands of its public code, at falling rates, have 150 epochs for "
        "CIFAR-10, 5 and then 1 of batch 256 for CelebA, 6 for Tiny ImageNet",
        "PAGAN's",
    ),
    Deviation(OF_AGE, (), "'similar to DCGAN's'", "PAGAN's networks"),
    Deviation(
        ("age_of_alpha_gan_*",),
        (),
        "the encoder of AGE's authors, like DCGAN's discriminator (H.4)",
        "the generator transposed, as of alpha-GAN",
    ),
    Deviation(
        ("conditional_age_*",),
        ("dataset",),
        "16,000 training images, about as many as the data set has in all",
        "the 8,144 of its training split; the others are test images",
    ),
    Deviation(
        ("conditional_age_*",), (), "'the ResNet type architecture'", "two convolutions down, five residual blocks, two up"
    ),
    Deviation(
        ("as_vae_*",),
        ("disc_dropout",),
        "dropout, whose rate and place are not stated",
        "none",
    ),
    Deviation(("as_vae_*",), ("train_steps",), "not stated", "PAGAN's"),
    Deviation(
        ("as_vae_*",),
        ("patience",),
        "early stopping by the reconstruction losses of x and z on validation sets",
        "0: none; --best_metric=rmse --patience=5 --eval_every_steps=1000 stops by that of x",
    ),
    Deviation(
        ("alpha_gan_*", "dcgan_*", "wgan_gp_*", "age_of_alpha_gan_*"),
        ("validation_images", "critic_from"),
        "a critic learns on held-out validation images, how many is not stated, from half way on",
        "none, unless `--validation_images` holds images out; the tables of bin/reproduce have 5,000 and `--critic_from=0.5`",
    ),
    Deviation(
        ("as_vae_*_cifar10", "as_vae_*_imagenet", "as_vae_cifar10", "as_vae_imagenet"),
        ("likelihood",),
        "Gaussian for CIFAR-10 and ImageNet, whose variance is not stated",
        "Gaussian, with a learned variance",
    ),
    Deviation(("as_vae_*",), (), "in an appendix that was not available", "PAGAN's networks; the flow is RealNVP's"),
    Deviation(
        ("as_vae_mnist", "as_vae_*_mnist"),
        (),
        "'are approximated with a normalizing flow': what, our copy has lost; the plural suggests p(x | z) and q(z | x)",
        "q(z | x) has the flow; p(x | z) is a product of Bernoulli distributions",
    ),
)


def of_papers() -> list[str]:
    """The presets that are experiments of papers."""
    return [name for name in presets.PRESETS if not any(fnmatch.fnmatch(name, pattern) for pattern in OWN)]


def stated(preset: str) -> dict[str, Any]:
    """What the papers state of a preset, by flag."""
    found: dict[str, Any] = {}
    for statement in STATEMENTS:
        if _is_of(statement.of, preset):
            found |= statement.settings
    return found


def deviating(preset: str) -> set[str]:
    """The settings of a preset that have a deviation with its reason."""
    return {name for deviation in DEVIATIONS if _is_of(deviation.of, preset) for name in deviation.settings}


def page() -> str:
    """The deviations, in Markdown, with the presets' own values."""
    lines = ["# Where presets are not what their papers say", ""]
    lines += [
        "Of every setting that is not listed here a preset has the value that its paper states, as "
        "`tfpagan/config/presets/statements.py` has it, or, where that has none, the default of its system.",
        "",
    ]
    lines += ["| presets | setting | paper | here | why |", "| --- | --- | --- | --- | --- |"]
    for deviation in DEVIATIONS:
        of = ", ".join(f"`{pattern}`" for pattern in deviation.of)
        flags = ", ".join(f"`--{name}`" for name in deviation.settings) or "networks"
        lines.append(f"| {of} | {flags} | {deviation.paper} | {_ours(deviation)} | {deviation.why} |")
    return "\n".join(lines) + "\n"


def _ours(deviation: Deviation) -> str:
    """The values of the presets that it is of."""
    values = []
    for name in deviation.settings:
        found = {str(presets.get(preset).flat()[name]) for preset in of_papers() if _is_of(deviation.of, preset)}
        values.append(" or ".join(sorted(found)))
    return ", ".join(values) or "-"


def _is_of(patterns: Sequence[str], preset: str) -> bool:
    return any(fnmatch.fnmatch(preset, pattern) for pattern in patterns)


if __name__ == "__main__":
    print(page(), end="")
