"""Presets (`bin/train --preset=NAME`): one function per published experiment, and small runs for a laptop.

Each docstring gives the command and the paper's scores, where it reports any.
"""

from collections.abc import Callable

from tfpagan.config import Config
from tfpagan.config.presets import age, alpha_gan, as_vae, laptop, pagan, pagan_plus
from tfpagan.settings.registry import Registry

PRESETS = Registry[Callable[[], Config]](
    "preset",
    {
        "pagan_cifar10": pagan.pagan_cifar10,
        "pagan_mnist": pagan.pagan_mnist,
        "pagan_celeb_a": pagan.pagan_celeb_a,
        "pagan_l1_cifar10": pagan.pagan_l1_cifar10,
        "pagan_noaug_cifar10": pagan.pagan_noaug_cifar10,
        "pagan_pad0_cifar10": pagan.pagan_pad0_cifar10,
        "pagan_pad005_cifar10": pagan.pagan_pad005_cifar10,
        "pagan_pad01_cifar10": pagan.pagan_pad01_cifar10,
        "pagan_pad015_cifar10": pagan.pagan_pad015_cifar10,
        "pagan_pad02_cifar10": pagan.pagan_pad02_cifar10,
        "pagan_blur_cifar10": pagan.pagan_blur_cifar10,
        "pagan_contrast_cifar10": pagan.pagan_contrast_cifar10,
        "pagan_plus_cifar10": pagan_plus.pagan_plus_cifar10,
        "pagan_plus_mnist": pagan_plus.pagan_plus_mnist,
        "pagan_plus_celeb_a": pagan_plus.pagan_plus_celeb_a,
        "f_pagan_cifar10": pagan.f_pagan_cifar10,
        "wpagan_cifar10": pagan.wpagan_cifar10,
        "vae_cifar10": pagan.vae_cifar10,
        "ali_cifar10": pagan.ali_cifar10,
        "alice_cifar10": pagan.alice_cifar10,
        "alpha_gan_color_mnist": alpha_gan.alpha_gan_color_mnist,
        "alpha_gan_celeb_a": alpha_gan.alpha_gan_celeb_a,
        "alpha_gan_cifar10": alpha_gan.alpha_gan_cifar10,
        "alpha_gan_empirical_kl_celeb_a": alpha_gan.alpha_gan_empirical_kl_celeb_a,
        "alpha_gan_empirical_kl_cifar10": alpha_gan.alpha_gan_empirical_kl_cifar10,
        "dcgan_color_mnist": alpha_gan.dcgan_color_mnist,
        "dcgan_celeb_a": alpha_gan.dcgan_celeb_a,
        "dcgan_cifar10": alpha_gan.dcgan_cifar10,
        "wgan_gp_color_mnist": alpha_gan.wgan_gp_color_mnist,
        "wgan_gp_celeb_a": alpha_gan.wgan_gp_celeb_a,
        "wgan_gp_cifar10": alpha_gan.wgan_gp_cifar10,
        "age_of_alpha_gan_color_mnist": alpha_gan.age_of_alpha_gan_color_mnist,
        "age_of_alpha_gan_celeb_a": alpha_gan.age_of_alpha_gan_celeb_a,
        "age_of_alpha_gan_cifar10": alpha_gan.age_of_alpha_gan_cifar10,
        "age_celeb_a": age.age_celeb_a,
        "age_svhn": age.age_svhn,
        "age_cifar10": age.age_cifar10,
        "age_tiny_imagenet": age.age_tiny_imagenet,
        "age_mnist": age.age_mnist,
        "conditional_age_cars196": age.conditional_age_cars196,
        "as_vae_mnist": as_vae.as_vae_mnist,
        "as_vae_cifar10": as_vae.as_vae_cifar10,
        "as_vae_imagenet": as_vae.as_vae_imagenet,
        "as_vae_r_mnist": as_vae.as_vae_r_mnist,
        "as_vae_r_cifar10": as_vae.as_vae_r_cifar10,
        "as_vae_r_imagenet": as_vae.as_vae_r_imagenet,
        "as_vae_g_mnist": as_vae.as_vae_g_mnist,
        "as_vae_g_cifar10": as_vae.as_vae_g_cifar10,
        "as_vae_g_imagenet": as_vae.as_vae_g_imagenet,
        "pagan_shapes_cpu": laptop.pagan_shapes_cpu,
        "pagan_quick_mnist_cpu": laptop.pagan_quick_mnist_cpu,
        "pagan_mnist_cpu": laptop.pagan_mnist_cpu,
        "pagan_cifar10_cpu": laptop.pagan_cifar10_cpu,
    },
)


def get(name: str) -> Config:
    """The configuration of a preset.

    Raises:
      UserError: on an unknown name.
    """
    return PRESETS.get(name)()
