"""AGE's experiments (Ulyanov et al., 2018, section 3): Adam at 2e-4, two generator steps per encoder step, mu = 10.

The paper takes the best lambda of 500, 1000 and 2000 for each data set without saying which, and does not give the number
of steps. Its networks are "similar to DCGAN's"; here they are PAGAN's.
"""

from typing import Any

from tfpagan.config import Config


def _on(dataset: str, latent_dim: int, **settings: Any) -> Config:
    return Config().with_changes({"objective": "age", "dataset": dataset, "latent_dim": latent_dim, **settings})


def age_celeb_a() -> Config:
    """AGE on CelebA at 64 px, 64 dimensions (section 3.1, figure 3).

    bin/train --preset=age_celeb_a
    """
    return _on("celeb_a", 64, image_size=64, crop="center")


def age_svhn() -> Config:
    """AGE on SVHN, 64 dimensions (section 3.1, figure 2): 23.7 % error in the feature learning protocol.

    bin/train --preset=age_svhn

    bin/probe holds out 1,000 training images to choose the cost; the paper does not give this number.
    """
    return _on("svhn_cropped", 64)


def age_cifar10() -> Config:
    """AGE on CIFAR-10, 128 dimensions (section 3.1).

    bin/train --preset=age_cifar10

    Inception Score 5.90 +- 0.04; PAGAN's Tables 1 and 2 give FID 39.51, RID 19.02 +- 0.84, RMSE 6.675.
    """
    return _on("cifar10", 128)


def age_tiny_imagenet() -> Config:
    """AGE on Tiny ImageNet at 64 px, 128 dimensions (section 3.1, figure 2).

    bin/train --preset=age_tiny_imagenet --dataset=folder:/data/tiny-imagenet-200
    """
    return _on("folder:tiny-imagenet-200", 128, image_size=64)


def age_mnist() -> Config:
    """AGE on MNIST, 10 dimensions (section 3.1): log-likelihood 746 by annealed importance sampling.

    bin/train --preset=age_mnist

    The paper's density is over 28 x 28 pixels. Here images are padded to 32 x 32, and each of the 240 added black pixels
    contributes to the density.
    """
    return _on("mnist", 10)


def conditional_age_cars196() -> Config:
    """Conditional AGE on Stanford Cars at 64 px (section 3.2, figure 4): colours for a given lightness, 3 dimensions.

    bin/train --preset=conditional_age_cars196
    """
    cars = {"dataset": "cars196", "image_size": 64, "crop": "center"}
    return Config().with_changes({"objective": "conditional_age", **cars})
