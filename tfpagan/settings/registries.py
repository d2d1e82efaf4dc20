"""Registries of architectures, augmentations and data sources; that of objectives is in `objectives/__init__.py`.

The types of their entries are defined in packages above this one: `networks.architecture.Architecture`,
`forward.augment.Build`, `data.source.Opener`.
"""

from typing import Any

from tfpagan.settings.registry import Registry

ARCHITECTURES = Registry[Any](
    "architecture",
    {
        "dcgan": "tfpagan.networks.convolutional:DCGAN",
        "resnet": "tfpagan.networks.residual:RESNET",
        "resnet_constant": "tfpagan.networks.residual:RESNET_CONSTANT",
        "dcgan_32px": "tfpagan.networks.convolutional:DCGAN_32PX",
        "dcgan_64px": "tfpagan.networks.convolutional:DCGAN_64PX",
        "color_mnist": "tfpagan.networks.convolutional:COLOR_MNIST",
    },
)
AUGMENTATIONS = Registry[Any](
    "augmentation",
    {
        "pad_crop": "tfpagan.forward.augment:build_pad_crop",
        "blur": "tfpagan.forward.augment:build_blur",
        "contrast": "tfpagan.forward.augment:build_contrast",
        "none": "tfpagan.forward.augment:build_none",
    },
)
SOURCES = Registry[Any](
    "data source",
    {
        "folder": "tfpagan.data.prepare:open_folder",
        "npz": "tfpagan.data.prepare:open_npz",
        "color_mnist": "tfpagan.data.prepare:open_color_mnist",
    },
)
