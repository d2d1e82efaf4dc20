"""The experiments of alpha-GAN and its baselines (Rosca et al., 2017, section 6 and appendix H).

Batch size 64, Adam with beta1 0.5 and beta2 0.9, batch norm; 100,000 steps on ColorMNIST, 200,000 on CelebA and CIFAR-10.
The paper sweeps learning rates (its Table 2) and weights (H.1) without naming the best: each preset is one point of its
sweep, and `bin/sweep` runs the others. The networks for ColorMNIST are those of its Tables 3 and 4 at 32 px: 8 x 8 x 64
units instead of 7 x 7 x 64. Those for CelebA and CIFAR-10 are DCGAN's, of the code that its footnote 7 names.
"""

from typing import Any

from tfpagan.config import Config

DATA: dict[str, dict[str, Any]] = {
    "color_mnist": {
        "dataset": "color_mnist",
        "architecture": "color_mnist",
        "channels": 64,
        "latent_dim": 50,  # paper: 10, 50 or 75
        "train_steps": 100_000,
    },
    "celeb_a": {"dataset": "celeb_a", "image_size": 64, "crop": "center", "architecture": "dcgan_64px", "train_steps": 200_000},
    "cifar10": {"dataset": "cifar10", "architecture": "dcgan_32px", "channels": 256, "train_steps": 200_000},
}


def _on(data: str, objective: str, **settings: Any) -> Config:
    return Config().with_changes({"objective": objective, **DATA[data], **settings})


def alpha_gan_color_mnist() -> Config:
    """alpha-GAN on ColorMNIST: both lambdas 50 (paper: 1, 5, 10 or 50), learning rate 5e-4 (paper: 1e-4 or 5e-4).

    bin/train --preset=alpha_gan_color_mnist
    """
    return _on("color_mnist", "alpha_gan")


def alpha_gan_celeb_a() -> Config:
    """alpha-GAN on CelebA at 64 px: both lambdas 50 (paper: 1, 5, 10 or 50), learning rate 5e-4 (paper: 1e-4 or 5e-4).

    bin/train --preset=alpha_gan_celeb_a
    """
    return _on("celeb_a", "alpha_gan")


def alpha_gan_cifar10() -> Config:
    """alpha-GAN on CIFAR-10: both lambdas 50 (paper: 1, 5, 10 or 50), learning rate 5e-4 (paper: 1e-4 or 5e-4).

    bin/train --preset=alpha_gan_cifar10
    """
    return _on("cifar10", "alpha_gan")


def alpha_gan_empirical_kl_celeb_a() -> Config:
    """alpha-GAN on CelebA with the empirical KL (18) in place of the code discriminator, 100 dimensions (Figures 10 to 12).

    bin/train --preset=alpha_gan_empirical_kl_celeb_a

    `bin/train --preset=alpha_gan_celeb_a --latent_dim=100` is the other half of Figures 11 and 12.
    """
    return alpha_gan_celeb_a().with_changes({"code_match": "empirical_kl", "latent_dim": 100})


def alpha_gan_empirical_kl_cifar10() -> Config:
    """alpha-GAN on CIFAR-10 with the empirical KL (18) in place of the code discriminator, 100 dimensions (Figure 10).

    bin/train --preset=alpha_gan_empirical_kl_cifar10
    """
    return alpha_gan_cifar10().with_changes({"code_match": "empirical_kl", "latent_dim": 100})


def dcgan_color_mnist() -> Config:
    """DCGAN on ColorMNIST: learning rate 2e-4 (paper: 1e-4, 2e-4 or 3e-4); its dropout of 0.8 is read as the share kept.

    bin/train --preset=dcgan_color_mnist

    With a dropout rate of 0.8, samples have no strokes after 3,000 steps; with 0.2 they are digits.
    """
    return _on("color_mnist", "dcgan", disc_dropout=0.2)


def dcgan_celeb_a() -> Config:
    """DCGAN on CelebA at 64 px: learning rate 2e-4 (paper: 1e-4, 2e-4 or 3e-4).

    bin/train --preset=dcgan_celeb_a
    """
    return _on("celeb_a", "dcgan")


def dcgan_cifar10() -> Config:
    """DCGAN on CIFAR-10: learning rate 2e-4 (paper: 1e-4, 2e-4 or 3e-4).

    bin/train --preset=dcgan_cifar10
    """
    return _on("cifar10", "dcgan")


def wgan_gp_color_mnist() -> Config:
    """WGAN-GP on ColorMNIST: learning rate 1e-4 (paper: 1e-4, 2e-4 or 3e-4), gradient penalty 10.

    bin/train --preset=wgan_gp_color_mnist
    """
    return _on("color_mnist", "wgan_gp")


def wgan_gp_celeb_a() -> Config:
    """WGAN-GP on CelebA at 64 px: learning rate 1e-4 (paper: 1e-4, 2e-4 or 3e-4), gradient penalty 10.

    bin/train --preset=wgan_gp_celeb_a
    """
    return _on("celeb_a", "wgan_gp")


def wgan_gp_cifar10() -> Config:
    """WGAN-GP on CIFAR-10: learning rate 1e-4 (paper: 1e-4, 2e-4 or 3e-4), gradient penalty 10.

    bin/train --preset=wgan_gp_cifar10
    """
    return _on("cifar10", "wgan_gp")


AGE: dict[str, Any] = {"adam_beta2": 0.9, "latent_distance": "cosine", "latent_weight": 10.0, "data_weight": 1000.0}
"""AGE as in H.1 and H.2: a cosine distance of codes, whose weight is 10, where AGE's own paper has 10 for images."""


def age_of_alpha_gan_color_mnist() -> Config:
    """AGE on ColorMNIST as a baseline of alpha-GAN: weight of images 1000 (paper: 100, 500, 1000 or 2000), learning rate 2e-4.

    bin/train --preset=age_of_alpha_gan_color_mnist
    """
    return _on("color_mnist", "age", **AGE)


def age_of_alpha_gan_celeb_a() -> Config:
    """AGE on CelebA at 64 px as a baseline of alpha-GAN, likewise.

    bin/train --preset=age_of_alpha_gan_celeb_a
    """
    return _on("celeb_a", "age", **AGE)


def age_of_alpha_gan_cifar10() -> Config:
    """AGE on CIFAR-10 as a baseline of alpha-GAN, likewise.

    bin/train --preset=age_of_alpha_gan_cifar10
    """
    return _on("cifar10", "age", **AGE)
