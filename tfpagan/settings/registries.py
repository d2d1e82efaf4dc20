"""What settings may name besides objectives: architectures, augmentations, sources of images."""

from typing import TYPE_CHECKING

from tfpagan.settings.registry import Registry

if TYPE_CHECKING:
    from tfpagan.data.source import Opener
    from tfpagan.forward.augment import Build
    from tfpagan.networks.architecture import Architecture

ARCHITECTURES: "Registry[Architecture]" = Registry(
    "architecture",
    {
        "dcgan": "tfpagan.networks.convolutional:DCGAN",
        "resnet": "tfpagan.networks.residual:RESNET",
        "color_mnist": "tfpagan.networks.convolutional:COLOR_MNIST",
    },
)
AUGMENTATIONS: "Registry[Build]" = Registry(
    "augmentation",
    {
        "pad_crop": "tfpagan.forward.augment:build_pad_crop",
        "blur": "tfpagan.forward.augment:build_blur",
        "contrast": "tfpagan.forward.augment:build_contrast",
        "none": "tfpagan.forward.augment:build_none",
    },
)
SOURCES: "Registry[Opener]" = Registry(
    "source of images",
    {
        "folder": "tfpagan.data.prepare:open_folder",
        "color_mnist": "tfpagan.data.prepare:open_color_mnist",
    },
)
