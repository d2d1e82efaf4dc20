"""What the papers state of their settings, and where presets have another value, or a value that no paper states.

    python -m tfpagan.config.presets.deviations > docs/deviations.md

Presets are named by patterns, as of files. A test holds every preset to these tables: each setting that is not the default has
a statement with its value, or a deviation with its reason.
"""

import fnmatch
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tfpagan.config import presets

OWN = ("*_cpu", "pagan_plus_*")
"""Presets that are of no paper."""


@dataclass(frozen=True)
class Statement:
    """Values that a paper states.

    Attributes:
      of: patterns of presets.
      settings: by flag; a later statement replaces an earlier one.
      source: where it does.
    """

    of: Sequence[str]
    settings: Mapping[str, Any]
    source: str


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


STATEMENTS = (
    Statement(
        ("pagan_*", "f_pagan_*", "wpagan_*"),
        {"posterior": "gaussian", "code_layers": "512,256", "disc_norm": "spectral", "augmentation": "pad_crop"}
        | {"pad_fraction": 0.1, "pair": "width"},
        "PAGAN, section 5",
    ),
    Statement(("pagan_*",), {"reconstruction": "adversarial"}, "PAGAN, equation (11)"),
    Statement(("pagan_l1_*",), {"reconstruction": "l1", "augmentation": "none"}, "PAGAN, Table 3"),
    Statement(("pagan_noaug_*",), {"augmentation": "none"}, "PAGAN, Table 3"),
    *(
        Statement((f"pagan_pad{name}_*",), {"pad_fraction": share}, "PAGAN, Table 4")
        for name, share in (("0", 0.0), ("005", 0.05), ("01", 0.1), ("015", 0.15), ("02", 0.2))
    ),
    Statement(("pagan_blur_*",), {"augmentation": "blur"}, "PAGAN, Table 4"),
    Statement(("pagan_contrast_*",), {"augmentation": "contrast"}, "PAGAN, Table 4"),
    Statement(
        ("f_pagan_*",),
        {"objective": "f_pagan", "adversary_loss": "minimax", "max_logit": 0.0, "logit_penalty": 0.0},
        "PAGAN, equations (30) to (35)",
    ),
    Statement(
        ("wpagan_*",),
        {"objective": "wpagan", "pair": "channels", "gradient_penalty": 10.0, "interpolation": "shared", "critic_steps": 10},
        "PAGAN, appendix D.1",
    ),
    Statement(("vae_*",), {"objective": "vae", "architecture": "resnet", "kl_weight": 1.0}, "PAGAN, section 5"),
    Statement(("ali_*",), {"objective": "ali"}, "PAGAN, Table 1"),
    Statement(("alice_*",), {"objective": "alice"}, "PAGAN, Table 1"),
    Statement(
        ("alpha_gan_*", "dcgan_*", "wgan_gp_*"),
        {"batch_size": 64, "adam_beta1": 0.5, "adam_beta2": 0.9, "train_steps": 200_000, "disc_norm": "batch"},
        "alpha-GAN, appendix H",
    ),
    *(
        Statement(
            tuple(f"{system}_{data}" for system in ("alpha_gan*", "dcgan", "wgan_gp", "age_of_alpha_gan")),
            {"architecture": f"dcgan_{size}px", "channels": channels},
            "alpha-GAN, H.4.2 and footnote 7",
        )
        for data, size, channels in (("celeb_a", 64, 512), ("cifar10", 32, 256))
    ),
    Statement(
        ("*_color_mnist",), {"architecture": "color_mnist", "channels": 64, "train_steps": 100_000}, "alpha-GAN, Tables 3 and 4"
    ),
    Statement(
        ("alpha_gan_*",),
        {"objective": "alpha_gan", "code_match": "discriminator", "code_layers": "750,750,750", "disc_learning_rate": 5e-4}
        | {"posterior": "point", "autoencoder_steps": 2},
        "alpha-GAN, sections 3 and 6, appendix H",
    ),
    Statement(
        ("alpha_gan_empirical_kl_*",),
        {"code_match": "empirical_kl", "latent_dim": 100},
        "alpha-GAN, appendix D, Figures 11 and 12",
    ),
    Statement(("dcgan_*",), {"objective": "dcgan", "generator_steps": 2}, "alpha-GAN, section 6"),
    Statement(
        ("wgan_gp_*",),
        {"objective": "wgan_gp", "gradient_penalty": 10.0, "critic_steps": 5},
        "alpha-GAN, H.1; Gulrajani et al.",
    ),
    Statement(
        ("age_*", "conditional_age_*"),
        {"learning_rate": 2e-4, "generator_steps": 2, "data_weight": 10.0, "posterior": "sphere"}
        | {"batch_divergence": "fitted_normal", "latent_distance": "squared", "generator_data_weight": 0.0},
        "AGE, sections 2 and 3",
    ),
    Statement(("age_*",), {"objective": "age"}, "AGE"),
    Statement(("conditional_age_*",), {"objective": "conditional_age", "latent_dim": 3, "image_size": 64}, "AGE, section 3.2"),
    Statement(("age_celeb_a", "age_tiny_imagenet", "pagan_celeb_a", "*_celeb_a"), {"image_size": 64}, "AGE, alpha-GAN"),
    Statement(("age_svhn", "age_celeb_a"), {"latent_dim": 64}, "AGE, section 3.1"),
    Statement(("age_cifar10", "age_tiny_imagenet"), {"latent_dim": 128}, "AGE, section 3.1"),
    Statement(("age_mnist",), {"latent_dim": 10}, "AGE, section 3.1"),
    Statement(
        ("age_of_alpha_gan_*",),
        {"batch_size": 64, "adam_beta1": 0.5, "adam_beta2": 0.9, "latent_distance": "cosine", "latent_weight": 10.0},
        "alpha-GAN, H.1 and H.2",
    ),
    Statement(("age_of_alpha_gan_c*",), {"train_steps": 200_000}, "alpha-GAN, appendix H"),
    Statement(("age_of_alpha_gan_color_mnist",), {"train_steps": 100_000}, "alpha-GAN, appendix H"),
    Statement(
        ("as_vae_*",),
        {"learning_rate": 1e-4, "initializer": "xavier", "code_weight": 1.0, "disc_norm": "none"},
        "AS-VAE, section 5; equation (9)",
    ),
    Statement(("as_vae*_cifar10", "as_vae*_imagenet"), {"dequantise": True}, "AS-VAE, section 5.1"),
    Statement(("as_vae_*_mnist", "as_vae_mnist"), {"posterior": "flow", "likelihood": "bernoulli"}, "AS-VAE, section 5"),
    *(Statement((f"{name}_*",), {"objective": name}, "AS-VAE") for name in ("as_vae", "as_vae_r", "as_vae_g")),
)

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
        "not stated; chainer-gan-lib has 0.0 and 0.9, and in some of its systems several updates of the discriminator",
        "DCGAN's, for one update of each player",
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
    Deviation(("f_pagan_*",), ("divergence",), "six, and no score", "the one that is PAGAN up to constants"),
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
    Deviation(("age_*", "conditional_age_*"), ("latent_weight",), "the best of 500, 1000 and 2000 is not named", "the middle"),
    Deviation(
        ("age_*", "conditional_age_*"),
        ("fake_variance_floor",),
        "no bound on what the encoder gains",
        "without one the codes of images collapse (docs/learning.md)",
    ),
    Deviation(("age_*",), ("train_steps",), "not stated; its public code trains 150 epochs at falling rates", "PAGAN's"),
    Deviation(("age_*",), (), "'similar to DCGAN's'", "PAGAN's networks"),
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
        ("as_vae_*_cifar10", "as_vae_*_imagenet", "as_vae_cifar10", "as_vae_imagenet"),
        ("likelihood",),
        "Gaussian or Laplace",
        "Gaussian, with a learned variance",
    ),
    Deviation(("as_vae_*",), (), "in an appendix that was not available", "PAGAN's networks; the flow is RealNVP's"),
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
        "Of every setting that is not listed here a preset has the value that its paper states, or the default of its system.",
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
