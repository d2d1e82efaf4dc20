"""PAGAN's own experiments (Alanov et al., 2018), with section 5's settings.

Steps, batch size and channels, which the paper does not state, are those of the code that it names, chainer-gan-lib: 100,000,
64 and 512. Scores are the paper's, on CIFAR-10 with the official Inception network.
"""

from tfpagan.config import Config


def pagan_cifar10() -> Config:
    """PAGAN on CIFAR-10 (section 5, Tables 1 to 3).

    bin/train --preset=pagan_cifar10

    FID 32.84, Inception Score 6.56 +- 0.06, RID 13.01 +- 0.82; RMSE 8.12 (Table 2; its authors' slides, of December 2018).
    """
    return Config().with_changes({"dataset": "cifar10"})


def pagan_mnist() -> Config:
    """PAGAN on MNIST (appendix E.3, figure 10; the paper gives no score).

    bin/train --preset=pagan_mnist
    """
    return Config().with_changes({"dataset": "mnist"})


def pagan_celeb_a() -> Config:
    """PAGAN on CelebA at 64 px (appendix E.3, figure 11; the paper gives no score).

    bin/train --preset=pagan_celeb_a
    """
    return Config().with_changes({"dataset": "celeb_a", "image_size": 64, "crop": "center"})


def pagan_l1_cifar10() -> Config:
    """PAGAN-L1: the L1 distance instead of the game on pairs, and no augmentation (Table 3).

    bin/train --preset=pagan_l1_cifar10

    FID 76.73, Inception Score 4.46 +- 0.03, RID 30.94 +- 1.58. The paper does not give the weight of the distance.
    """
    return pagan_cifar10().with_changes({"reconstruction": "l1", "augmentation": "none"})


def pagan_noaug_cifar10() -> Config:
    """PAGAN-NOAUG: real pairs are (x, x) (Table 3).

    bin/train --preset=pagan_noaug_cifar10

    FID 111.151, Inception Score 4.23 +- 0.06, RID 50.15 +- 2.71.
    """
    return pagan_cifar10().with_changes({"augmentation": "none"})


def pagan_pad0_cifar10() -> Config:
    """Padding by 0 of the image size, then a random crop (Table 4).

    bin/train --preset=pagan_pad0_cifar10

    FID 108.81, Inception Score 3.35 +- 0.03; the paper gives no RID.
    """
    return pagan_cifar10().with_changes({"pad_fraction": 0.0})


def pagan_pad005_cifar10() -> Config:
    """Padding by 0.05 of the image size, then a random crop (Table 4).

    bin/train --preset=pagan_pad005_cifar10

    FID 45.60, Inception Score 5.62 +- 0.01, RID 14.70 +- 1.08.
    """
    return pagan_cifar10().with_changes({"pad_fraction": 0.05})


def pagan_pad01_cifar10() -> Config:
    """Padding by 0.1 of the image size, then a random crop (Table 4).

    bin/train --preset=pagan_pad01_cifar10

    FID 37.20, Inception Score 6.43 +- 0.03 (not at the last step), RID 12.75 +- 0.75.
    """
    return pagan_cifar10().with_changes({"pad_fraction": 0.1})


def pagan_pad015_cifar10() -> Config:
    """Padding by 0.15 of the image size, then a random crop (Table 4).

    bin/train --preset=pagan_pad015_cifar10

    FID 39.38, Inception Score 6.16 +- 0.03, RID 12.25 +- 0.71.
    """
    return pagan_cifar10().with_changes({"pad_fraction": 0.15})


def pagan_pad02_cifar10() -> Config:
    """Padding by 0.2 of the image size, then a random crop (Table 4).

    bin/train --preset=pagan_pad02_cifar10

    FID 39.18, Inception Score 6.16 +- 0.19, RID 13.86 +- 0.72.
    """
    return pagan_cifar10().with_changes({"pad_fraction": 0.2})


def pagan_blur_cifar10() -> Config:
    """Gaussian blur as the augmentation (appendix B.2, Table 4); the paper does not give its strength.

    bin/train --preset=pagan_blur_cifar10

    FID 200.66, Inception Score 2.15 +- 0.01, RID 32.92 +- 1.46.
    """
    return pagan_cifar10().with_changes({"augmentation": "blur"})


def pagan_contrast_cifar10() -> Config:
    """Random contrast as the augmentation (appendix B.2, Table 4); the paper does not give its range.

    bin/train --preset=pagan_contrast_cifar10

    FID 101.27, Inception Score 4.18 +- 0.01, RID 50.02 +- 2.10.
    """
    return pagan_cifar10().with_changes({"augmentation": "contrast"})


def f_pagan_cifar10() -> Config:
    """f-PAGAN (appendix C.1; the paper gives no score); --divergence selects D_f.

    bin/train --preset=f_pagan_cifar10
    """
    return pagan_cifar10().with_changes({"objective": "f_pagan"})


def wpagan_cifar10() -> Config:
    """Wasserstein PAGAN (appendix D.1, Table 5): ten critic steps, pairs by channels, gradient penalty 10.

    bin/train --preset=wpagan_cifar10

    FID 52.29, Inception Score 5.62 +- 0.09, RID 13.44 +- 0.44. 'Other parameters were unchanged', so that spectral
    normalisation and PAGAN's initial weights stay, which --objective=wpagan alone does without.
    """
    changes = {"objective": "wpagan", "disc_norm": "spectral", "initializer": "normal"}
    return pagan_cifar10().with_changes(changes)


def vae_cifar10() -> Config:
    """The VAE whose RID and RMSE are compared in Table 2: residual networks, Gaussian likelihood.

    bin/train --preset=vae_cifar10

    RMSE 5.85, RID 44.33 +- 2.27. --architecture=dcgan uses the networks of the other systems.
    """
    return pagan_cifar10().with_changes({"objective": "vae"})


def ali_cifar10() -> Config:
    """ALI (Dumoulin et al., 2017) with PAGAN's networks and hyper-parameters, for Table 1.

    bin/train --preset=ali_cifar10

    Inception Score 5.34 +- 0.04 in Table 1, with ALI's own networks.
    """
    return pagan_cifar10().with_changes({"objective": "ali"})


def alice_cifar10() -> Config:
    """ALICE (Li et al., 2017) with PAGAN's networks and hyper-parameters, for Table 1.

    bin/train --preset=alice_cifar10

    Inception Score 6.02 +- 0.03 in Table 1, with ALICE's own networks.
    """
    return pagan_cifar10().with_changes({"objective": "alice"})
