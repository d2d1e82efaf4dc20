"""The critic beside the model: when it learns, on what, and the distance that it shows."""

import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from helpers import tiny

from tfpagan.config import Config
from tfpagan.data import Part
from tfpagan.errors import UserError
from tfpagan.training.independent_critic import CriticHook, IndependentCritic
from tfpagan.training.trainer import Trainer


def of(brightness: int, count: int = 20, shape: tuple[int, int, int] = tiny.SHAPE) -> np.ndarray:
    return np.full([count, *shape], brightness, np.uint8)


def critic_of(real: np.ndarray, **changes: object) -> tuple[Trainer, IndependentCritic]:
    sizes = {"image_size": 8, "channels": 8, "latent_dim": tiny.Z, "batch_size": 4, "critic_from": 0.5, "objective": "dcgan"}
    config = Config().with_changes(sizes | changes)
    trainer = Trainer(config=config, image_shape=tiny.SHAPE, strategy=tf.distribute.OneDeviceStrategy("/cpu:0"))
    return trainer, IndependentCritic(trainer, Part("validation", real, np.arange(2, len(real))))


def test_the_distance_is_that_of_all_test_images_and_as_many_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the mean brightness, of a generator that makes 0.2 everywhere, grey level 153: as 178 and 128 make together."""
    trainer, critic = critic_of(of(0))
    for v in trainer.networks["generator"].trainable_variables:
        v.assign(tf.zeros_like(v))
    trainer.networks["generator"].to_image.bias.assign([np.arctanh(0.2)])
    monkeypatch.setattr(critic._critic, "network", lambda x: tf.reduce_mean(x, [1, 2, 3]))
    test = np.concatenate([of(178, 65), of(128, 65)])  # 130: neither batches nor halves are even
    assert critic.distance(test) == pytest.approx(0.0, abs=1e-5)
    assert critic.distance(of(204, 1)) == pytest.approx(0.4, abs=1e-5)


def test_it_learns_to_tell_held_out_images_from_samples_and_leaves_the_model_alone() -> None:
    """The first two images, which are not held out, are black; held-out ones are white."""
    trainer, critic = critic_of(np.concatenate([of(0, 2), of(255, 18)]))
    before = [v.numpy() for v in trainer.networks["generator"].variables]
    first = critic.distance(of(255))
    critic.advance(tf.constant(30))
    assert critic.updates == 30
    assert critic.distance(of(255)) > max(0.0, first) + 0.05
    assert critic.distance(of(0)) < critic.distance(of(255)) - 0.05
    for v, value in zip(trainer.networks["generator"].variables, before, strict=True):
        np.testing.assert_array_equal(v, value)


def test_updates_are_numbered_so_that_pieces_make_the_same_critic() -> None:
    distances = []
    for pieces in ([5], [2, 3]):
        _, critic = critic_of(tiny.images(20))
        for piece in pieces:
            critic.advance(tf.constant(piece))
        distances.append(critic.distance(tiny.images(10)))
    assert distances[0] == pytest.approx(distances[1], rel=1e-4)


def test_it_has_as_many_updates_as_the_model_had_steps_since_it_began(tmp_path: Path) -> None:
    _, critic = critic_of(tiny.images(20))
    writer = tf.summary.create_file_writer(str(tmp_path / "train"))
    hook = CriticHook(tmp_path, writer, critic, tiny.images(3), begin=15, step=0, until=33)
    counted = []
    for step in (10, 20, 30, 33):
        hook.act(step)
        counted.append(critic.updates)
    assert counted == [0, 5, 15, 18]
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [(line["step"], line["critic/updates"]) for line in lines] == [(20, 5), (30, 15), (33, 18)]
    assert lines[-1]["critic/held_out"] == pytest.approx(critic.distance(tiny.images(3)))
    assert [file.name for file in sorted((tmp_path / "critic_curves").iterdir())] == [
        "step_00000020.png", "step_00000030.png", "step_00000033.png",
    ]  # fmt: skip


def test_in_a_run_that_is_given_more_steps_it_goes_on(tmp_path: Path) -> None:
    _, critic = critic_of(tiny.images(20))
    writer = tf.summary.create_file_writer(str(tmp_path / "train"))
    counted = []
    for begin, step, until in ((15, 0, 33), (15, 23, 33), (25, 33, 50)):  # new; resumed from step 23; given more steps
        hook = CriticHook(tmp_path, writer, critic, tiny.images(3), begin=begin, step=step, until=until)
        hook.act(step + 10 if step else 20)
        counted.append(critic.updates)
    assert counted == [5, 18, 28]


def test_codes_on_the_sphere_are_of_length_1(monkeypatch: pytest.MonkeyPatch) -> None:
    _, critic = critic_of(tiny.images(20), posterior="sphere", objective="age")
    seen: list[np.ndarray] = []

    def decoder(z: tf.Tensor) -> tf.Tensor:
        seen.append(z.numpy())
        return tf.zeros([len(z), *tiny.SHAPE])

    monkeypatch.setattr(critic, "_decoder", decoder)
    tf.config.run_functions_eagerly(True)
    try:
        critic.distance(tiny.images(3))
    finally:
        tf.config.run_functions_eagerly(False)
    np.testing.assert_allclose(np.linalg.norm(seen[0], axis=1), 1.0, rtol=1e-5)


def test_a_system_without_samples_has_no_critic() -> None:
    config = Config().with_changes({"objective": "conditional_age", "image_size": 8, "channels": 8, "critic_from": 0.5})
    trainer = Trainer(config=config, image_shape=(8, 8, 3), strategy=tf.distribute.OneDeviceStrategy("/cpu:0"))
    with pytest.raises(UserError, match="--critic_from is not legal with --objective=conditional_age, which has no samples"):
        IndependentCritic(trainer, Part("train", of(0, shape=(8, 8, 3)), np.arange(9)))
