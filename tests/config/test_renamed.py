"""Runs of earlier versions: their config.json is read, their checkpoints are restored, and old flags are answered."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import tfpagan
from tfpagan import cli
from tfpagan.config import Config, from_json, renamed
from tfpagan.data.shapes import builder
from tfpagan.errors import UserError
from tfpagan.forward.condition import LIGHTNESS

STORED = Path(__file__).with_name("run_of_version_0_1")
"""bin/train --dataset=shapes --image_size=8 --channels=8 --latent_dim=4 --batch_size=4 --train_steps=2 --ema_decay=0.5
--step=fused --code=flow --flow_length=2 --code_layers=8,8 --deterministic; and codes and samples as that version gave them."""


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    return Path(shutil.copytree(STORED, tmp_path / "run"))


def test_a_run_of_version_0_1_encodes_and_samples_as_it_did(stored: Path) -> None:
    model = tfpagan.load(stored)
    with np.load(STORED / "expected.npz") as expected:
        np.testing.assert_allclose(model.encode(expected["images"]), expected["codes"], rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(model.sample(3, seed=1, dtype=np.float32), expected["samples"], rtol=1e-5, atol=1e-6)
    assert model.config is not None
    assert (model.config.training.gradients, model.config.networks.posterior) == ("fused", "flow")


@pytest.mark.slow
def test_a_run_of_version_0_1_goes_on(stored: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(builder, "SPLITS", {"train": 1000, "test": 500})  # of shapes: enough for three batches
    places = [f"--data_dir={tmp_path}", f"--cache_dir={tmp_path / 'cache'}"]
    assert cli.run("train", [f"--model_dir={stored}", "--train_steps=3", *places]) == 0
    written = json.loads((stored / "config.json").read_text())
    assert written["training"]["gradients"] == "fused"
    assert written["networks"]["posterior"] == "flow"
    assert written["images"] == {"channels": 3}
    assert "step" not in written["training"]


def test_what_a_generator_was_given_follows_from_the_objective() -> None:
    sections = json.loads(Config().with_changes({"objective": "conditional_age"}).to_json())
    sections["networks"]["condition"] = "lightness"
    sections["networks"]["code"] = sections["networks"].pop("posterior")
    config = from_json(json.dumps(sections))
    assert config.objective.condition is LIGHTNESS
    assert config.networks.posterior == "sphere"


def test_a_normal_code_is_a_gaussian_posterior() -> None:
    assert from_json(json.dumps({"networks": {"code": "normal"}})).networks.posterior == "gaussian"


def test_the_loss_of_adversaries_keeps_its_value() -> None:
    config = from_json(json.dumps({"objective": {"name": "f_pagan", "faker_loss": "minimax"}}))
    assert config.objective.adversary_loss == "minimax"  # type: ignore[attr-defined]


def test_both_comparisons_are_named() -> None:
    config = from_json(json.dumps({"objective": {"name": "pagan", "reconstruction": "both"}}))
    assert config.objective.reconstruction == "adversarial+l1"  # type: ignore[attr-defined]
    assert not renamed.answer("reconstruction")  # the flag is no former name


@pytest.mark.parametrize(("stored", "now"), [(True, "true"), (False, "false"), ("auto", "auto")])
def test_xla_as_it_was_chosen_stays(stored: bool | str, now: str) -> None:
    assert from_json(json.dumps({"training": {"xla": stored}})).training.xla == now


def test_discriminators_as_wide_as_the_others_have_the_multiplier_1() -> None:
    assert from_json(json.dumps({"networks": {"disc_channels": 0}})).networks.disc_channel_multiplier == 1
    with pytest.raises(UserError, match="--disc_channel_multiplier='64 channels' is not of type int"):
        from_json(json.dumps({"networks": {"disc_channels": 64}}))


@pytest.mark.parametrize(
    ("flag", "answer"),
    [
        ("--step=fused", "there is no --step: --gradients sets how gradients are computed"),
        ("--code=flow", "there is no --code: it is now --posterior, and its value normal is now gaussian"),
        ("--disc_channels=64", "there is no --disc_channels: it is now --disc_channel_multiplier, in multiples of --channels"),
        ("--condition=lightness", "there is no --condition: it follows from --objective"),
        ("--faker_loss=minimax", "there is no --faker_loss: it is now --adversary_loss"),
        ("--variance_floor=1e-4", "there is no --variance_floor: it is now --fake_variance_floor, in multiples of the prior's"),
    ],
)
def test_old_flags_say_their_new_name(flag: str, answer: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run("train", [flag]) == 1
    assert answer in capsys.readouterr().err
