"""AS-VAE's experiments (Pu et al., 2017, section 5): Adam at 1e-4, Xavier initialisation.

Its networks are in an appendix that was not available; here they are PAGAN's, without spectral normalisation, as the paper has
no regularisation but dropout. It gives neither the number of steps nor the rate and position of its dropout; the presets use
none, and `--disc_dropout` adds some. Natural images are dequantised in training (section 5.1).
"""

from typing import Any

from tfpagan.config import Config


def _on(objective: str, dataset: str, **settings: Any) -> Config:
    return Config().with_changes({"objective": objective, "dataset": dataset, "disc_norm": "none", **settings})


def as_vae_mnist() -> Config:
    """AS-VAE on MNIST, pixels as probabilities (section 5.2).

    bin/train --preset=as_vae_mnist

    Bound on the negative log-likelihood: 82.51 nats, with a normalising flow of length 80.
    """
    return _on("as_vae", "mnist", likelihood="bernoulli", posterior="flow")


def as_vae_cifar10() -> Config:
    """AS-VAE on CIFAR-10 (section 5.3).

    bin/train --preset=as_vae_cifar10

    Inception Score 6.3 in PAGAN's Table 1.
    """
    return _on("as_vae", "cifar10", dequantise=True)


def as_vae_imagenet() -> Config:
    """AS-VAE on ImageNet at 64 px (section 5.4).

    bin/train --preset=as_vae_imagenet
    """
    return _on("as_vae", "imagenet_resized/64x64", dequantise=True)


def as_vae_r_mnist() -> Config:
    """AS-VAE-r on MNIST, pixels as probabilities (section 5.2).

    bin/train --preset=as_vae_r_mnist

    Bound on the negative log-likelihood: 81.14 nats, with a normalising flow of length 80.
    """
    return _on("as_vae_r", "mnist", likelihood="bernoulli", posterior="flow")


def as_vae_r_cifar10() -> Config:
    """AS-VAE-r on CIFAR-10 (section 5.3).

    bin/train --preset=as_vae_r_cifar10
    """
    return _on("as_vae_r", "cifar10", dequantise=True)


def as_vae_r_imagenet() -> Config:
    """AS-VAE-r on ImageNet at 64 px (section 5.4).

    bin/train --preset=as_vae_r_imagenet
    """
    return _on("as_vae_r", "imagenet_resized/64x64", dequantise=True)


def as_vae_g_mnist() -> Config:
    """AS-VAE-g on MNIST, pixels as probabilities (section 5.2).

    bin/train --preset=as_vae_g_mnist
    """
    return _on("as_vae_g", "mnist", likelihood="bernoulli", posterior="flow")


def as_vae_g_cifar10() -> Config:
    """AS-VAE-g on CIFAR-10 (section 5.3).

    bin/train --preset=as_vae_g_cifar10
    """
    return _on("as_vae_g", "cifar10", dequantise=True)


def as_vae_g_imagenet() -> Config:
    """AS-VAE-g on ImageNet at 64 px (section 5.4).

    bin/train --preset=as_vae_g_imagenet
    """
    return _on("as_vae_g", "imagenet_resized/64x64", dequantise=True)
