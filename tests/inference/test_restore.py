"""The networks of a run from its checkpoint alone: the right weights, the right checkpoint, what cannot be read."""

import gc
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from helpers import tiny

from tfpagan.errors import UserError
from tfpagan.images import normalize
from tfpagan.inference.restore import restored
from tfpagan.networks.arrays import decoding, encoding
from tfpagan.run_folder.checkpoints import Checkpoints


@pytest.mark.slow
@pytest.mark.parametrize("ema_decay", [0.0, 0.5])
@pytest.mark.parametrize("channels", [1, 3])
def test_they_give_what_the_trainer_gave(tmp_path: Path, channels: int, ema_decay: float) -> None:
    shape = (8, 8, channels)
    trainer = tiny.write_run(tmp_path, shape, ema_decay=ema_decay, dataset="folder:/gone")
    run = restored(tmp_path)
    assert (run.image_shape, run.step, set(run.networks)) == (shape, 1, {"generator", "encoder"})
    z = np.random.default_rng(1).normal(size=[5, tiny.Z]).astype(np.float32)
    x = normalize(tiny.images(5, shape)).numpy()
    np.testing.assert_allclose(decoding(run.networks["generator"])(z), trainer.inference("generator")(z), rtol=1e-5)
    for given, expected in zip(encoding(run.networks["encoder"])(x), trainer.inference("encoder")(x), strict=True):
        np.testing.assert_allclose(given, expected, rtol=1e-5)
    if ema_decay:  # the average is another network than the one that is trained
        assert np.abs(trainer.networks["generator"](z) - trainer.inference("generator")(z)).max() > 1e-3


@pytest.mark.slow
def test_a_run_of_several_replicas_is_read_on_one(tmp_path: Path, two_replicas: tf.distribute.Strategy) -> None:
    trainer = tiny.write_run(tmp_path, strategy=two_replicas, objective="dcgan")
    batches = tiny.feed()
    trainer.advance(batches, 2)
    Checkpoints(trainer.checkpoint(), tmp_path / "ckpt", keep=3).save()
    run = restored(tmp_path)
    assert run.step == 3
    z = np.random.default_rng(1).normal(size=[5, tiny.Z]).astype(np.float32)
    np.testing.assert_allclose(decoding(run.networks["generator"])(z), trainer.inference("generator")(z), rtol=1e-5)


def first_weight(run: Path, **which: object) -> tuple[int, float]:
    found = restored(run, **which)  # type: ignore[arg-type]
    return found.step, float(tf.reshape(found.networks["generator"].trainable_variables[0], [-1])[0])


def test_a_checkpoint_is_chosen_by_its_step(tmp_path: Path) -> None:
    tiny.write_run(tmp_path, steps=(3, 10))
    assert first_weight(tmp_path) == first_weight(tmp_path, step=10) != first_weight(tmp_path, step=3)
    with pytest.raises(UserError, match="holds no checkpoint of step 4; there are 3, 10"):
        restored(tmp_path, step=4)


def test_the_best_is_read_from_its_own_folder(tmp_path: Path) -> None:
    tiny.write_run(tmp_path, steps=(3,))
    with pytest.raises(UserError, match="best holds no checkpoint; --best_metric keeps the best one there"):
        restored(tmp_path, best=True)
    tiny.write_run(tmp_path / "other", steps=(2,))
    (tmp_path / "other/ckpt").rename(tmp_path / "best")
    assert first_weight(tmp_path, best=True)[0] == 2


def test_a_damaged_checkpoint_gives_way_to_the_one_before_unless_it_was_asked_for(tmp_path: Path) -> None:
    tiny.write_run(tmp_path, steps=(3, 10))
    (data,) = tmp_path.glob("ckpt/ckpt-10.data*")
    data.write_bytes(data.read_bytes()[:100])
    assert restored(tmp_path).step == 3
    with pytest.raises(UserError, match=r"ckpt-10 in .* is damaged"):
        restored(tmp_path, step=10)


def test_a_configuration_of_other_networks_is_not_called_a_damage_and_is_told_in_two_lines(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    trainer = tiny.write_run(tmp_path)
    config = tmp_path / "config.json"
    config.write_text(trainer.config.with_changes({"channels": 16}).to_json())
    with pytest.raises(UserError, match=r"none of the checkpoints in .* can be read, or fits config\.json: ckpt-1"):
        restored(tmp_path)
    gc.collect()
    (line,) = [record.message for record in caplog.records if record.levelname == "WARNING"]
    assert "ckpt-1 in" in line
    assert "does not fit config.json (Received incompatible tensor" in line
    assert capfd.readouterr().err.count("\n") <= 1


def test_a_folder_without_a_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds no run with a checkpoint"):
        restored(tmp_path)
