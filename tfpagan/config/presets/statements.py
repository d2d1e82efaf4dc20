"""What the papers state of their settings, by preset; presets are named by patterns, as of files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


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


STATEMENTS = (
    Statement(
        ("pagan_*", "f_pagan_*", "wpagan_*"),
        {"posterior": "gaussian", "code_layers": "512,256", "disc_norm": "spectral", "encoder_norm": "spectral"}
        | {"augmentation": "pad_crop", "pad_fraction": 0.1, "pair": "width"},
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
        ("alpha_gan_*", "dcgan_*", "wgan_gp_*", "age_of_alpha_gan_*"),
        {"critic_from": 0.5},
        "alpha-GAN, section 5",
    ),
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
    *(
        Statement((name,), {"image_size": 64}, "alpha-GAN, section 6")
        for name in (
            "alpha_gan*_celeb_a",
            "dcgan_celeb_a",
            "wgan_gp_celeb_a",
            "age_of*_celeb_a",
        )
    ),
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
