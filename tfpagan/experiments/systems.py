"""Every system on one data set: its settings there, and why those are not its paper's."""

from collections.abc import Mapping
from typing import Any

from tfpagan.experiments.experiment import Experiment
from tfpagan.experiments.table import Deviation, Row, Table
from tfpagan.losses.adversarial import DIVERGENCES
from tfpagan.objectives import OBJECTIVES

COLUMNS = ("IS", "FID", "RID", "class kept", "RMSE", "codes", "images", "images/s", "CPU min")
VALIDATION_IMAGES = 1000

SYSTEMS: Mapping[str, Mapping[str, Any]] = {
    "pagan": {"objective": "pagan"},
    "pagan_width": {"objective": "pagan"},
    "pagan_l1": {"objective": "pagan", "reconstruction": "l1", "augmentation": "none"},
    "pagan_noaug": {"objective": "pagan", "augmentation": "none"},
    **{f"f_pagan_{name}": {"objective": "f_pagan", "divergence": name} for name in DIVERGENCES},
    **{name: {"objective": name} for name in OBJECTIVES if name not in ("pagan", "f_pagan")},
}
"""The rows, by the settings that make them."""

AUGMENTED = ("pagan", "pagan_width", "f_pagan_*", "wpagan")
EXPONENTIAL = ("f_pagan_kl", "f_pagan_reverse_kl", "f_pagan_squared_hellinger")
"""Their losses are exponentials of a logit."""
PAIRED = ("pagan", "pagan_noaug", "f_pagan_*", "alice")
FASTER = (*AUGMENTED, "pagan_l1", "pagan_noaug", "ali", "alice", "as_vae", "as_vae_r", "dcgan", "wgan_gp")

AT_SMALL_BUDGETS = (
    Deviation((), {"ema_decay": 0.99, "decay_fraction": 0.5}, "scores vary less from step to step"),
    Deviation(PAIRED, {"pair": "channels"}, "by width narrow networks begin to reconstruct later, as `pagan_width` shows"),
    Deviation(FASTER, {"learning_rate": 5e-4}, "the budget has few updates"),
    Deviation(("wpagan",), {"critic_steps": 2}, "with ten, generator and encoder have one update in eleven batches"),
    Deviation(
        EXPONENTIAL,
        {"max_logit": 10.0, "clip_norm": 1.0},
        "their exponentials may overflow within a few hundred steps, or stall Adam (docs/learning.md)",
    ),
    Deviation(("pagan_l1",), {"l1_weight": 50.0}, "the paper does not give the weight; the largest of alpha-GAN's sweep"),
    Deviation(
        ("as_vae_g",),
        {"disc_norm": "batch", "code_weight": 0.01, "learning_rate": 2e-4},
        "otherwise f2 wins, and samples are patterns that hide codes (docs/learning.md)",
    ),
)

DEVIATIONS: Mapping[str, tuple[Deviation, ...]] = {
    "mnist": (
        Deviation(
            (),
            {"architecture": "color_mnist", "disc_channel_multiplier": 2},
            "alpha-GAN's networks for digits; with few channels PAGAN's have too few maps near the image, and narrow "
            "discriminators do not tell pairs apart",
        ),
        *AT_SMALL_BUDGETS,
        Deviation(
            ("f_pagan_total_variation",),
            {"logit_penalty": 0.1},
            "its outputs drift to where they have no slope (docs/learning.md)",
        ),
        Deviation(AUGMENTED, {"pad_fraction": 0.05}, "pairs match sooner; one of Table 4's values"),
        Deviation(
            (*AUGMENTED, "pagan_noaug"),
            {"joint_batch_norm": True},
            "a common vector of all codes, which batch statistics of reconstructions alone hide, is then seen",
        ),
        Deviation(
            ("pagan",),
            {"image_game_weight": 10.0, "generator_learning_rate": 2e-3},
            "otherwise samples stay behind reconstructions (docs/learning.md)",
        ),
        Deviation(
            ("alpha_gan", "as_vae_g", "wgan_gp"),
            {"batch_size": 16},
            "four times as many updates of as many images give better samples (docs/learning.md)",
        ),
        Deviation(
            ("ali",),
            {"joint": "channels"},
            "with features joined at their end D(x, z) does not look at codes (docs/learning.md)",
        ),
        Deviation(
            ("alpha_gan",),
            {"latent_dim": 50, "encoder_l1_weight": 5.0, "generator_l1_weight": 5.0},
            "of the paper's sweeps; samples stay behind with larger ones (docs/learning.md)",
        ),
        Deviation(("dcgan",), {"disc_norm": "spectral"}, "better samples than with batch norm (docs/learning.md)"),
        Deviation(("wgan_gp",), {"critic_steps": 2}, "better samples than with the paper's five (docs/learning.md)"),
        Deviation(("as_vae", "as_vae_g", "as_vae_r"), {"likelihood": "bernoulli"}, "as for MNIST in `as_vae_mnist`"),
    ),
    "cifar10": (
        Deviation(
            ("pagan*", "f_pagan_*", "wpagan", "age", "ali*", "alpha_gan", "as_vae*", "dcgan", "vae", "wgan_gp"),
            {"architecture": "resnet"},
            "with few channels PAGAN's networks have too few maps near the image",
        ),
        *AT_SMALL_BUDGETS,
        Deviation(
            ("f_pagan_pearson",),
            {"logit_penalty": 0.1, "max_variance": 1.0},
            "otherwise the outputs of D(x) grow to where generator and encoder are lost (docs/learning.md)",
        ),
        Deviation(
            ("f_pagan_total_variation",),
            {"logit_penalty": 1.0, "max_variance": 1.0},
            "otherwise the encoder's variances overflow D(z) (docs/learning.md)",
        ),
        Deviation(
            ("conditional_age",),
            {"generator_data_weight": 10.0, "fake_variance_floor": 0.1},
            "with the paper's losses the colours are those of no image (docs/learning.md)",
        ),
    ),
}
"""By data set."""

BUDGETS: Mapping[str, Mapping[str, int]] = {
    "mnist": {"pagan": 4, "pagan_width": 4, "wpagan": 2, "alpha_gan": 4, "ali": 4, "as_vae_g": 4, "dcgan": 10, "wgan_gp": 4},
    "cifar10": {"wpagan": 2, "alpha_gan": 2, "age": 2, "conditional_age": 2, "as_vae_g": 2, "dcgan": 4, "wgan_gp": 4},
}
"""By data set, of the rows that need more images than the others to show what they learn, in multiples of theirs."""


def table(dataset: str) -> Table:
    """Every system on a data set of `DEVIATIONS`; the scored checkpoint is chosen on held-out training images."""
    without = ("conditional_age",) if dataset == "mnist" else ()  # it has no colours
    return Table(f"Every system on {dataset}", tuple(_row(name, dataset) for name in SYSTEMS if name not in without), COLUMNS)


def _row(name: str, dataset: str) -> Row:
    deviations = tuple(deviation for deviation in DEVIATIONS[dataset] if deviation.is_of(name))
    settings = {"dataset": dataset, "validation_images": VALIDATION_IMAGES, **SYSTEMS[name]}
    for deviation in deviations:
        settings |= deviation.settings
    reconstructs = "encoder" in OBJECTIVES.get(settings["objective"])().players
    experiment = Experiment(f"{name}_on_{dataset}", "", settings, best="class kept" if reconstructs else "FID")
    return Row(name, experiment, deviations=deviations, budget=BUDGETS[dataset].get(name, 1))
