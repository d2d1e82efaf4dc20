"""Settings without an effect are told, and no others."""

import pytest

from tfpagan.config import Config, presets
from tfpagan.config.unused import CHOICES, ROLES, unused
from tfpagan.objectives import OBJECTIVES
from tfpagan.settings import registries
from tfpagan.settings.sections import NetworkConfig
from tfpagan.settings.setting import settings_of


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ("objective=vae joint=channels", ": this run has no discriminator of images with codes"),
        ("objective=vae disc_learning_rate=0.001", ": this run has no discriminator"),
        ("objective=dcgan max_variance=1.0", ": this run has no encoder"),
        ("objective=dcgan code_layers=8", ": this run has no discriminator of codes"),
        ("objective=ali pair=channels", ": this run has no discriminator of pairs"),
        ("objective=age max_variance=1.0", " with --posterior=sphere"),
        ("objective=age disc_augmentation=color", ": this run has no discriminator of images"),
        ("augmentation=none pad_fraction=0.2", " with --augmentation=none"),
        ("objective=pagan l1_weight=5.0", " with --reconstruction=adversarial"),
        ("reconstruction=l1 pair=channels", ": this run has no discriminator of pairs"),
        ("objective=pagan blur_sigma_max=3.0", " with --augmentation=pad_crop"),
    ],
)
def test_a_setting_without_an_effect_is_told_with_the_reason(given: str, reason: str) -> None:
    kinds = {name: type(value) for name, value in Config().flat().items()}
    words = [word.split("=") for word in given.split()]
    config = Config().with_changes({name: kinds[name](value) for name, value in words})
    name, value = words[-1]
    assert unused(config, [name for name, _ in words]) == [f"--{name}={value} has no effect{reason}"]


@pytest.mark.parametrize(
    "given",
    [
        {"pair": "channels", "pad_fraction": 0.2, "max_variance": 1.0, "joint_batch_norm": True, "disc_norm": "batch"},
        {"objective": "ali", "joint": "channels", "encoder_learning_rate": 1e-4},
        {"objective": "as_vae", "joint": "channels", "posterior": "flow", "flow_length": 2, "likelihood_scale": 0.1},
        {"reconstruction": "adversarial+l1", "l1_weight": 5.0, "augmentation": "blur", "blur_sigma_max": 3.0},
        {"objective": "vae", "disc_norm": "none", "augmentation": "none", "pair": "width"},  # what is not there is off
    ],
)
def test_what_has_an_effect_is_not_told(given: dict[str, object]) -> None:
    assert unused(Config().with_changes(given), given) == []


def test_what_was_not_given_is_not_told() -> None:
    assert unused(Config().with_changes({"objective": "vae", "pair": "channels"}), ["objective"]) == []


def test_the_reasons_are_of_settings_and_values_that_exist() -> None:
    legal = {setting.name: setting.legal.choices for setting in settings_of(NetworkConfig)}
    legal |= {setting.name: setting.legal.choices for setting in settings_of(OBJECTIVES.get("pagan"))}
    legal["augmentation"] = registries.AUGMENTATIONS
    known = Config().flat()
    for names, _, _ in ROLES:
        assert set(names) <= set(known)
    for names, other, values in CHOICES:
        assert {*names, other} <= set(known)
        assert set(values) < set(legal[other])  # with one at least it has an effect


@pytest.mark.parametrize("name", presets.PRESETS)
def test_no_preset_sets_what_has_no_effect(name: str) -> None:
    config = presets.get(name)
    plain = Config().with_changes({"objective": config.objective.name}).flat()
    assert unused(config, [key for key, value in config.flat().items() if value != plain.get(key)]) == []
