"""Settings and configurations: legal values, unknown names, JSON there and back, what a resumed run may change."""

import dataclasses
import json

import pytest

from tfpagan import config as configs
from tfpagan.config import Config, presets
from tfpagan.errors import UserError
from tfpagan.objectives import OBJECTIVES
from tfpagan.objectives.pagan import PAGAN
from tfpagan.settings import sections, setting


def test_the_defaults_are_the_papers_constants() -> None:
    c = Config()
    assert (c.networks.channels, c.networks.latent_dim, c.networks.pair) == (512, 128, "width")
    assert (c.training.train_steps, c.training.batch_size, c.training.learning_rate) == (100_000, 64, 2e-4)
    assert (c.training.adam_beta1, c.training.adam_beta2) == (0.5, 0.999)
    assert (c.augmentation.augmentation, c.augmentation.pad_fraction) == ("pad_crop", 0.1)
    assert c.objective == PAGAN(reconstruction="adversarial")


@pytest.mark.parametrize("name", presets.PRESETS)
def test_every_preset_survives_json(name: str) -> None:
    config = presets.get(name)
    assert configs.from_json(config.to_json()) == config


@pytest.mark.parametrize("name", ["pagan_cifar10", "pagan_mnist", "pagan_celeb_a", "pagan_pad01_cifar10"])
def test_the_papers_presets_change_the_data_only(name: str) -> None:
    assert dataclasses.replace(presets.get(name), data=Config().data) == Config()


@pytest.mark.parametrize("name", presets.PRESETS)
def test_every_preset_says_its_command(name: str) -> None:
    assert f"bin/train --preset={name}" in (presets.PRESETS.get(name).__doc__ or "")


@pytest.mark.parametrize("name", presets.PRESETS)
def test_every_preset_is_named_for_its_system_and_data_set(name: str) -> None:
    config = presets.get(name)
    assert name.startswith(config.objective.name)
    assert name.removesuffix("_cpu").endswith(config.data.dataset.split("/")[0].split("_resized")[0].split("_cropped")[0]) or (
        config.data.dataset == "folder:tiny-imagenet-200"
    )


@pytest.mark.parametrize("data", ["cifar10", "mnist", "celeb_a"])
def test_pagan_plus_sees_as_many_images_as_pagan(data: str) -> None:
    pagan, plus = (presets.get(f"{system}_{data}").training for system in ("pagan", "pagan_plus"))
    assert plus.batch_size < pagan.batch_size
    assert plus.train_steps * plus.batch_size == pagan.train_steps * pagan.batch_size


def test_table_4_is_the_padding_of_the_image() -> None:
    padded = {name: presets.get(name).augmentation.pad_fraction for name in presets.PRESETS if name.startswith("pagan_pad")}
    assert list(padded.values()) == [0.0, 0.05, 0.1, 0.15, 0.2]
    assert all(presets.get(name).augmentation.augmentation == "pad_crop" for name in padded)


ADAM = {"learning_rate": 2e-4, "adam_beta1": 0.5, "adam_beta2": 0.999, "batch_size": 64}
ALPHA = ADAM | {"adam_beta2": 0.9}
COLOR_MNIST = {"architecture": "color_mnist", "channels": 64, "latent_dim": 50, "train_steps": 100_000}
PUBLISHED: dict[str, dict[str, object]] = {
    "pagan_cifar10": ADAM | {"channels": 512, "latent_dim": 128, "train_steps": 100_000, "pad_fraction": 0.1},
    "wpagan_cifar10": {
        "pair": "channels",
        "gradient_penalty": 10.0,
        "interpolation": "shared",
        "critic_steps": 10,
        "disc_norm": "spectral",  # as PAGAN's: 'other parameters were unchanged'
        "initializer": "normal",
    },
    "vae_cifar10": {"architecture": "resnet", "likelihood": "gaussian", "kl_weight": 1.0},
    "alpha_gan_cifar10": ALPHA | {"learning_rate": 5e-4, "code_layers": "750,750,750", "disc_norm": "batch"},
    "alpha_gan_color_mnist": ALPHA | {"learning_rate": 5e-4, "autoencoder_steps": 2} | COLOR_MNIST,
    "dcgan_color_mnist": ALPHA | {"generator_steps": 2, "disc_dropout": 0.2} | COLOR_MNIST,
    "dcgan_celeb_a": ALPHA | {"generator_steps": 2, "image_size": 64, "train_steps": 200_000},
    "wgan_gp_cifar10": ALPHA | {"learning_rate": 1e-4, "critic_steps": 5, "gradient_penalty": 10.0, "train_steps": 200_000},
    "age_celeb_a": {
        "posterior": "sphere",
        "latent_dim": 64,
        "generator_steps": 2,
        "latent_weight": 1000.0,
        "data_weight": 10.0,
    },
    "age_svhn": {"latent_dim": 64},
    "age_cifar10": {"latent_dim": 128},
    "age_tiny_imagenet": {"latent_dim": 128, "image_size": 64},
    "age_mnist": {"latent_dim": 10},
    "conditional_age_cars196": {"latent_dim": 3, "image_size": 64},
    "as_vae_mnist": {"learning_rate": 1e-4, "initializer": "xavier", "posterior": "flow", "flow_length": 80},
    "as_vae_r_cifar10": {"learning_rate": 1e-4, "initializer": "xavier", "posterior": "gaussian", "likelihood": "gaussian"},
}


def test_the_baselines_move_as_often_as_in_alpha_gans_paper() -> None:
    for name, moves in {"alpha_gan": {"generator": 2, "encoder": 2, "disc_x": 1, "disc_z": 1},
                        "dcgan": {"generator": 2, "disc_x": 1}, "wgan_gp": {"generator": 1, "disc_x": 5}}.items():  # fmt: skip
        phases = presets.get(f"{name}_cifar10").objective.phases
        assert {player: sum(player in phase for phase in phases) for player in moves} == moves


@pytest.mark.parametrize("name", PUBLISHED)
def test_presets_have_the_papers_constants(name: str) -> None:
    config = presets.get(name).flat()
    assert {key: config[key] for key in PUBLISHED[name]} == PUBLISHED[name]


def test_age_has_two_generator_steps_and_codes_on_the_sphere() -> None:
    age = presets.get("age_cifar10")
    assert age.objective.phases == (("encoder",), ("generator",), ("generator",))
    assert (age.networks.posterior, age.networks.latent_dim, age.objective.data_weight) == ("sphere", 128, 10.0)


def test_settings_of_an_objective_go_to_the_objective() -> None:
    config = Config().with_changes({"reconstruction": "l1", "l1_weight": 2.5})
    assert config.objective == PAGAN(reconstruction="l1", l1_weight=2.5)
    assert configs.from_json(config.to_json()) == config


def test_the_players_follow_from_the_reconstruction() -> None:
    assert PAGAN().players == ("generator", "encoder", "disc_x", "disc_z", "disc_xx")
    assert PAGAN(reconstruction="l1").players == ("generator", "encoder", "disc_x", "disc_z")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"chanels": 64}, "unknown setting 'chanels'; did you mean channels"),
        ({"channels": 12}, "--channels=12 is not legal: it must be at least 8 and at most 8192 and a multiple of 8"),
        ({"channels": "64"}, "--channels='64' is not of type int"),
        ({"batch_size": 0}, "--batch_size=0 is not legal: it must be at least 2"),
        ({"deterministic": 1}, "--deterministic=1 is not of type bool"),
        ({"pair": "height"}, "--pair=height is not legal: it must be one of width, channels, siamese"),
        ({"ema_decay": 1.0}, "--ema_decay=1.0 is not legal: it must be at least 0.0 and below 1.0"),
        ({"learning_rate": float("nan")}, "--learning_rate=nan is not legal: it must be above 0.0 and finite"),
        ({"learning_rate": float("inf")}, "--learning_rate=inf is not legal"),
        ({"blur_sigma_min": 3.0}, "--blur_sigma_min=3.0 is above --blur_sigma_max=2.0"),
        ({"objective": "began"}, "unknown objective 'began'; did you mean pagan"),
        ({"reconstruction": "perceptual"}, "--reconstruction=perceptual needs --perceptual_classifier"),
        ({"reconstruction": "l3"}, "--reconstruction=l3 is not legal: it must be one of adversarial, l1, l2, perceptual, adv"),
    ],
)
def test_what_is_not_legal_is_refused_in_one_line(changes: dict, message: str) -> None:
    with pytest.raises(UserError) as refusal:
        Config().with_changes(changes)
    assert message in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_an_unknown_key_in_json_is_an_error() -> None:
    sections = json.loads(Config().to_json())
    sections["networks"]["depth"] = 3
    with pytest.raises(UserError, match="unknown setting of networks 'depth'"):
        configs.from_json(json.dumps(sections))
    with pytest.raises(UserError, match=r"unknown section of config\.json 'colour'"):
        configs.from_json('{"colour": {}}')
    for text in ("{", "[" * 100_000, '{"images": {"channels": 1e400}}', '{"data": {}, "data": {}}'):
        with pytest.raises(UserError, match="not a JSON object"):
            configs.from_json(text)


def test_a_setting_that_json_does_not_name_has_its_default() -> None:
    assert configs.from_json('{"networks": {"channels": 64}}') == Config().with_changes({"channels": 64})


def test_an_unknown_name_gets_the_nearest_or_all_or_most_of_many() -> None:
    assert setting.unknown("pagam", ["vae", "pagan"], "system") == "unknown system 'pagam'; did you mean pagan?"
    assert setting.unknown("x", ["vae", "age"], "system") == "unknown system 'x'; known: age, vae"
    many = setting.unknown("x", [f"set{i:02}" for i in range(70)], "data set")
    assert many.endswith("set58, set59 and 10 more")


def test_the_difference_names_what_a_resumed_run_may_not_change() -> None:
    old = Config()
    new = old.with_changes({"channels": 64, "train_steps": 7, "data_dir": "/elsewhere", "reconstruction": "l1"})
    assert configs.difference(old, new) == ["channels: 512 -> 64", "reconstruction: adversarial -> l1"]
    assert configs.difference(old, old) == []


def test_no_two_sections_share_a_name_and_objectives_only_with_one_meaning() -> None:
    """A flag is one thing: what two objectives share has one type, one help and the same legal values."""
    common = [field.name for kind in sections.SECTIONS.values() for field in dataclasses.fields(kind)]
    assert len(common) == len(set(common))
    of_objectives = [field for name in OBJECTIVES for field in dataclasses.fields(OBJECTIVES.get(name))]
    assert not {field.name for field in of_objectives} & set(common)
    for one in of_objectives:
        for other in of_objectives:
            assert one.name != other.name or (one.type, one.metadata) == (other.type, other.metadata), one.name


def test_an_objective_brings_the_settings_of_its_paper_and_takes_them_with_it() -> None:
    age = Config().with_changes({"objective": "age"})
    assert (age.networks.posterior, age.objective.name) == ("sphere", "age")
    assert age.with_changes({"objective": "age", "channels": 64}).networks.posterior == "sphere"
    alpha = age.with_changes({"objective": "alpha_gan", "learning_rate": 3e-4})
    assert (alpha.networks.posterior, alpha.networks.code_layers) == ("point", "750,750,750")
    assert (alpha.training.learning_rate, alpha.training.disc_learning_rate, alpha.training.adam_beta2) == (3e-4, 5e-4, 0.9)
    assert alpha.with_changes({"objective": "pagan"}) == Config()  # 3e-4 was no choice of pagan's


def test_what_an_objective_cannot_work_with_is_refused() -> None:
    with pytest.raises(
        UserError, match="--posterior=gaussian is not legal with --objective=age: it must be one of sphere, point"
    ):
        Config().with_changes({"objective": "age", "posterior": "gaussian"})
    with pytest.raises(UserError, match="--disc_norm=batch is not legal with --objective=wgan_gp: it must be one of none"):
        Config().with_changes({"objective": "wgan_gp", "disc_norm": "batch"})
    with pytest.raises(UserError, match="--posterior=point is not legal with --objective=vae: it must be gaussian"):
        Config().with_changes({"objective": "vae", "posterior": "point"})
    with pytest.raises(UserError, match="--likelihood=gaussian is not legal with --objective=pagan: it must be none"):
        Config().with_changes({"likelihood": "gaussian"})  # its scale would be a weight without a gradient
    with pytest.raises(UserError, match="--critic_steps is a setting of objective wgan_gp, wpagan, not of pagan"):
        Config().with_changes({"critic_steps": 3})


@pytest.mark.parametrize("name", OBJECTIVES)
def test_every_objectives_defaults_are_settings_that_it_can_work_with(name: str) -> None:
    config = Config().with_changes({"objective": name})
    assert {key: config.flat()[key] for key in config.objective.defaults} == config.objective.defaults
    assert configs.from_json(config.to_json()) == config


@pytest.mark.parametrize("layers", ["", "512,", "0", "512, 256", "a", "512;256"])
def test_widths_of_layers_are_whole_numbers(layers: str) -> None:
    with pytest.raises(UserError, match="comma-separated whole numbers from 1 to 99999"):
        Config().with_changes({"code_layers": layers})
