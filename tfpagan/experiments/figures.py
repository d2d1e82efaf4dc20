"""The papers' figures that show runs: which runs, and which of their pictures; those of sweeps are in `sweeps.py`."""

import dataclasses
from collections.abc import Mapping

from tfpagan.experiments.experiment import Experiment
from tfpagan.experiments.table import Row, Table
from tfpagan.experiments.tables import TABLES

BOTH = ("samples", "reconstructions")
COLUMNS = ("IS", "FID", "RID", "RMSE", "CPU min")


def _of_table(title: str, table: str, pictures: tuple[str, ...], *rows: str) -> Table:
    """Rows of a table, with their pictures."""
    found = {row.name: row for row in TABLES[table].rows}
    return dataclasses.replace(
        TABLES[table], title=title, rows=tuple(found[name] for name in rows), pictures=pictures, drawn=()
    )


def _of_presets(title: str, pictures: tuple[str, ...], presets: Mapping[str, str]) -> Table:
    """Presets by the names of their rows, with their pictures."""
    rows = tuple(Row(name, Experiment(preset, preset, {})) for name, preset in presets.items())
    return Table(title, rows, COLUMNS, pictures=pictures)


def _codes(data: str) -> tuple[Row, Row]:
    """alpha-GAN with the code discriminator and with the empirical KL, both with 100 dimensions."""
    one = Experiment(f"alpha_gan_100_{data}", f"alpha_gan_{data}", {"latent_dim": 100})
    other = f"alpha_gan_empirical_kl_{data}"
    return Row(f"code discriminator on {data}", one), Row(f"empirical KL on {data}", Experiment(other, other, {}))


_COMPARED = ("DCGAN", "WGAN-GP", "AGE", "alpha-GAN")
_CODES = Table(
    "alpha-GAN Figures 10 to 12: the empirical KL in place of the code discriminator",
    (*_codes("celeb_a"), *_codes("cifar10")),
    ("IS", "FID", "codes", "CPU min"),
    "Figures 11 and 12 are of 64,000 codes, as here with --images=0",
    full_protocol="codes64k",
    pictures=("samples", "code_means", "code_covariance"),
)

_PAGAN_3 = dataclasses.replace(
    TABLES["pagan_2"],
    title="PAGAN Figure 3: RID against RMSE, CIFAR-10",
    rows=(
        *TABLES["pagan_2"].rows,
        *(Row(name, Experiment(f"{name}_cifar10", "pagan_cifar10", {}, f"augment:{name}")) for name in ("blur", "contrast")),
    ),
    paper_protocol="the figure shows an original, an augmented and a padded image, and says that at the same RMSE "
    f"augmentation has a much lower RID than other methods; the numbers are those of Table 2. "
    f"{TABLES['pagan_2'].paper_protocol}",
    drawn_by="RMSE",
    drawn=(*(row.name for row in TABLES["pagan_2"].rows), "blur", "contrast"),
    pictures=("augmentations", "reconstructions"),
)

_FIGURES: dict[str, Table] = {
    "pagan_2": _of_table("PAGAN Figure 2: samples and reconstructions, CIFAR-10", "pagan_1", BOTH, "PAGAN", "AGE"),
    "pagan_3": _PAGAN_3,
    "pagan_4": TABLES["pagan_4"],
    "pagan_5": _of_table("PAGAN Figure 5: a padding of 0.2, CIFAR-10", "pagan_4", BOTH, "0.2"),
    "pagan_6": _of_table(
        "PAGAN Figure 6: augmentations, CIFAR-10", "pagan_4", ("augmentations",), "0.1", "0.2", "blur", "contrast"
    ),
    "pagan_7": _of_table("PAGAN Figure 7: blur and contrast, CIFAR-10", "pagan_4", BOTH, "blur", "contrast"),
    "pagan_8": _of_table("PAGAN Figure 8: PAGAN-L1, CIFAR-10", "pagan_3", BOTH, "PAGAN-L1"),
    "pagan_9": _of_table("PAGAN Figure 9: PAGAN-NOAUG, CIFAR-10", "pagan_3", BOTH, "PAGAN-NOAUG"),
    "pagan_10": _of_presets("PAGAN Figure 10: MNIST", BOTH, {"PAGAN": "pagan_mnist"}),
    "pagan_11": _of_presets("PAGAN Figure 11: CelebA", BOTH, {"PAGAN": "pagan_celeb_a"}),
    "pagan_12": _of_table("PAGAN Figure 12: reconstructions of the VAE, CIFAR-10", "pagan_2", ("reconstructions",), "VAE"),
    "alpha_gan_3": _of_table("alpha-GAN Figure 3: samples, ColorMNIST", "alpha_gan_color_mnist", ("samples",), *_COMPARED),
    "alpha_gan_4": _of_table("alpha-GAN Figures 4 and 7: samples, CelebA", "alpha_gan_celeb_a", ("samples",), *_COMPARED),
    "alpha_gan_6": _of_table("alpha-GAN Figure 6: samples, CIFAR-10", "alpha_gan_cifar10", ("samples",), *_COMPARED),
    "alpha_gan_8": _of_table(
        "alpha-GAN Figure 8: reconstructions, CelebA", "alpha_gan_celeb_a", ("training_reconstructions",), "AGE", "alpha-GAN"
    ),
    "alpha_gan_9": _of_table(
        "alpha-GAN Figure 9: reconstructions, CIFAR-10", "alpha_gan_cifar10", ("training_reconstructions",), "AGE", "alpha-GAN"
    ),
    "alpha_gan_10": _CODES,
    "alpha_gan_13": _of_table(
        "alpha-GAN Figure 13: curves of the critic, CelebA", "alpha_gan_celeb_a", ("critic_curves",), "alpha-GAN"
    ),
    "age_2": _of_presets("AGE Figure 2: Tiny ImageNet and SVHN", BOTH, {"Tiny": "age_tiny_imagenet", "SVHN": "age_svhn"}),
    "age_3": dataclasses.replace(TABLES["age_celeb_a"], pictures=("reconstructions",)),
    "age_4": dataclasses.replace(
        _of_presets(
            "AGE Figures 4 and 10: colourisations, cars", ("colourisations", "transfers"), {"AGE": "conditional_age_cars196"}
        ),
        full_protocol="quick5k",  # there are 8,041 test images
    ),
    "age_5": _of_table(
        "AGE Figure 5: without reconstruction terms, CIFAR-10",
        "age_cifar10",
        ("samples",),
        *("DCGAN (5b)", "without reconstruction terms (5c)", "AGE"),
    ),
    "age_6": _of_table("AGE Figure 6: reconstructions, CIFAR-10", "age_cifar10", ("reconstructions",), "AGE", "ALI"),
    "age_7": _of_table("AGE Figures 7 and 8: CelebA", "age_celeb_a", ("samples", "interpolations"), "AGE"),
    "age_9": _of_table(
        "AGE Figure 9: the data loss in the generator, CIFAR-10",
        "age_cifar10",
        ("reconstructions",),
        *("AGE", "with the data loss in the generator too (9)"),
    ),
    "as_vae_1": _of_table("AS-VAE Figure 1: samples, MNIST", "as_vae_mnist", ("samples",), "AS-VAE", "AS-VAE-r", "AS-VAE-g"),
    "as_vae_3": _of_table(
        "AS-VAE Figure 3: samples and reconstructions, CIFAR-10", "as_vae_cifar10", BOTH, "AS-VAE", "ALI", "VAE"
    ),
    "as_vae_4": _of_table(
        "AS-VAE Figure 4: samples, ImageNet", "as_vae_imagenet", ("samples",), "AS-VAE", "DCGAN", "PixelCNN++"
    ),
}
"""By the paper and the number of its figure."""

TOGETHER = {"alpha_gan_7": "alpha_gan_4", "alpha_gan_11": "alpha_gan_10", "alpha_gan_12": "alpha_gan_10"}
TOGETHER |= {"age_8": "age_7", "age_10": "age_4"}
FIGURES: Mapping[str, Table] = _FIGURES | {name: _FIGURES[other] for name, other in TOGETHER.items()}
"""By the value of `--figure`; figures that show the same runs are one page."""
