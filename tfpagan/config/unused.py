"""Settings that were given and have no effect, such as `--pair` for a system that compares no pairs."""

from collections.abc import Collection

from tfpagan.config.config import Config
from tfpagan.objectives.pagan import PAGAN
from tfpagan.settings.setting import settings_of

OFF = ("none", 0)
"""Values that switch something off, which is no surprise where it does not exist."""

ROLES = (
    (("encoder_learning_rate", "encoder_norm", "joint_batch_norm", "max_variance"), ("encoder",), "no encoder"),
    (("disc_norm", "disc_learning_rate"), ("disc_x", "disc_z", "disc_xx", "disc_xz"), "no discriminator"),
    (
        ("disc_channel_multiplier", "disc_dropout", "disc_augmentation"),
        ("disc_x", "disc_xx", "disc_xz"),
        "no discriminator of images",
    ),
    (("code_layers", "code_disc_norm"), ("disc_z",), "no discriminator of codes"),
    (("pair", "augmentation"), ("disc_xx",), "no discriminator of pairs"),
    (("joint",), ("disc_xz",), "no discriminator of images with codes"),
)
"""Settings, the players that they are of, and what a run without these lacks."""

COMPARISONS = next(setting.legal.choices for setting in settings_of(PAGAN) if setting.name == "reconstruction")


def _without(word: str) -> tuple[str, ...]:
    return tuple(choice for choice in COMPARISONS if word not in choice.split("+"))


CHOICES = (
    (("pad_fraction",), "augmentation", ("none", "blur", "contrast")),
    (("blur_sigma_min", "blur_sigma_max"), "augmentation", ("none", "pad_crop", "contrast")),
    (("contrast_min", "contrast_max"), "augmentation", ("none", "pad_crop", "blur")),
    (("max_variance",), "posterior", ("point", "sphere")),
    (("flow_length",), "posterior", ("gaussian", "point", "sphere")),
    (("likelihood_scale",), "likelihood", ("none", "bernoulli")),
    (("l1_weight",), "reconstruction", _without("l1")),
    (("l2_weight",), "reconstruction", _without("l2")),
    (("perceptual_weight", "perceptual_classifier"), "reconstruction", _without("perceptual")),
)
"""Settings, another one, and the values of that with which they have no effect."""


def unused(config: Config, given: Collection[str]) -> list[str]:
    """A line for each given setting that changes nothing, with the reason.

    A warning, not an error: a sweep may give all its systems the same settings.

    >>> unused(Config().with_changes({"objective": "vae", "pair": "channels"}), ["objective", "pair"])
    ['--pair=channels has no effect: this run has no discriminator of pairs']
    """
    chosen, defaults = config.flat(), Config().flat()
    kinds = {"_".join(role.split("_")[:2]) for role in config.objective.players}
    found: dict[str, str] = {}
    for names, roles, without in ROLES:
        if not kinds.intersection(roles):
            found |= dict.fromkeys(names, f": this run has {without}")
    for names, other, values in CHOICES:
        if chosen.get(other) in values:
            found |= {name: f" with --{other}={chosen[other]}" for name in names if name not in found}
    changed = [name for name in given if name in found and chosen[name] not in (*OFF, defaults.get(name))]
    return [f"--{name}={chosen[name]} has no effect{found[name]}" for name in changed]
