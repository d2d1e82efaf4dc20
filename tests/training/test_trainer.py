"""The trainer: one trace, phases, averages, replicas, XLA, mixed precision, losses that are not finite."""

import dataclasses
import re
from collections.abc import Iterator, Mapping
from typing import Any
from unittest import mock

import numpy as np
import pytest
import tensorflow as tf
from helpers import tiny

from tfpagan import data, networks
from tfpagan.config import Config
from tfpagan.errors import UserError
from tfpagan.images import normalize
from tfpagan.objectives.ali import ALI
from tfpagan.objectives.pagan import PAGAN
from tfpagan.training import gradients
from tfpagan.training import trainer as trainers
from tfpagan.training.trainer import Trainer

SMALL = {"architecture": "color_mnist", "channels": 8, "latent_dim": tiny.Z, "batch_size": 4}  # fewer layers to trace


def config(changes: Mapping[str, Any] | None = None) -> Config:
    return Config().with_changes(SMALL | (dict(changes) if changes else {}))


def make(strategy: tf.distribute.Strategy, changes: Mapping[str, Any] | None = None) -> Trainer:
    return Trainer(config=config(changes), image_shape=tiny.SHAPE, strategy=strategy)


def variables(trainer: Trainer) -> dict[str, np.ndarray]:
    return {v.name: v.numpy() for network in trainer.networks.values() for v in network.variables}


@pytest.fixture(scope="module")
def traced(one_device: tf.distribute.Strategy) -> tuple[Trainer, Iterator[tf.Tensor]]:
    """A trainer that several tests advance: to trace it takes longer than they do."""
    return make(one_device), tiny.feed()


@pytest.mark.slow
def test_there_is_one_trace_however_many_steps_and_calls(traced: tuple[Trainer, Iterator[tf.Tensor]]) -> None:
    trainer, batches = traced
    step, position = int(trainer.step.numpy()), int(trainer.position.numpy())
    for steps in (1, 3, 2):
        assert trainer.advance(batches, steps).steps == steps
    assert trainer._loop.experimental_get_tracing_count() == 1
    assert trainer._one_step.experimental_get_tracing_count() == 1
    assert int(trainer.step.numpy()) == step + 6
    assert int(trainer.position.numpy()) == position + 24


@pytest.mark.slow
def test_every_player_moves_and_the_scalars_have_the_tags_of_the_interface(
    traced: tuple[Trainer, Iterator[tf.Tensor]],
) -> None:
    trainer, batches = traced
    before = variables(trainer)
    progress = trainer.advance(batches, 2)
    after = variables(trainer)
    still = [name for name, value in after.items() if value.size > 1 and np.array_equal(value, before[name])]
    assert still == []  # but for u of one entry, which is 1 or -1
    players = ["generator", "encoder", "disc_x", "disc_z", "disc_xx"]
    games = [f"logits/{disc}/{side}" for disc in players[2:] for side in ("real", "fake")]
    losses = [f"{group}/{player}" for group in ("loss", "grad_norm") for player in players]
    assert set(progress.totals) == {*losses, *games, "latent/mean_square", "latent/variance"}
    assert progress.not_finite == {}


def test_a_step_is_adam_on_the_players_gradients(one_device: tf.distribute.Strategy) -> None:
    """The first Adam step moves every weight by learning_rate * g / (|g| + epsilon), whatever its size."""
    trainer = make(one_device)
    before = variables(trainer)
    update_once(trainer)
    after = variables(trainer)
    kernel = trainer.networks["disc_x"].trunk.convs[3].kernel.name
    moved = np.abs(after[kernel] - before[kernel])
    assert np.median(moved) == pytest.approx(2e-4, rel=1e-2)
    assert moved.max() <= 2.001e-4


def test_every_player_has_the_learning_rate_that_is_given_for_it_or_the_common_one(one_device: tf.distribute.Strategy) -> None:
    own = {"generator_learning_rate": 1e-3, "disc_learning_rate": 3e-4, "learning_rate": 2e-5}
    rates = {role: float(o.learning_rate.numpy()) for role, o in make(one_device, own).optimizers.items()}
    discs = dict.fromkeys(("disc_x", "disc_z", "disc_xx"), 3e-4)
    assert rates == pytest.approx({"generator": 1e-3, "encoder": 2e-5, **discs})
    rates = {
        role: float(o.learning_rate.numpy()) for role, o in make(one_device, {"encoder_learning_rate": 4e-4}).optimizers.items()
    }
    assert rates == pytest.approx({"generator": 2e-4, "encoder": 4e-4, **dict.fromkeys(discs, 2e-4)})


@pytest.mark.parametrize(("precision", "norm"), [("none", 1e-4), ("float16", 1e-4), ("none", 1e9)])
def test_longer_gradients_than_the_norm_are_scaled_down_to_it(
    one_device: tf.distribute.Strategy, precision: str, norm: float
) -> None:
    """As Adam's first moments tell, which are (1 - beta1) times the first gradients; the scalars are the norms before."""
    trainer = make(one_device, {"objective": "ali", "clip_norm": norm, "mixed_precision": precision})
    norms = update_once(trainer)
    for role, optimizer in trainer.optimizers.items():
        inner = getattr(optimizer, "inner_optimizer", optimizer)
        length = 2.0 * float(tf.linalg.global_norm(inner._momentums))
        assert norms[f"grad_norm/{role}"] > 1e-3
        assert length == pytest.approx(min(norm, norms[f"grad_norm/{role}"]), rel=1e-4)


def test_learning_rates_fall_in_the_last_steps_alone(one_device: tf.distribute.Strategy) -> None:
    trainer, shares = make(one_device, {"train_steps": 10, "decay_fraction": 0.4}), []
    for step in range(10):
        trainer.step.assign(step)
        shares.append(float(trainer._decay()))
    assert shares == [1.0] * 7 + [0.75, 0.5, 0.25]
    assert make(one_device).optimizers["encoder"]._decay is None


def update_once(trainer: Trainer, *batches: np.ndarray) -> dict[str, float]:
    """One update of every phase without tracing: the same code, op by op."""
    scalars, phases = {}, trainer.objective.phases
    for i, players in enumerate(phases):
        images = tf.constant(batches[i] if batches else tiny.images(4))
        scalars |= trainer.update(players, images, trainer.step * len(phases) + i, 0)
    return {tag: float(value) for tag, value in scalars.items()}


@pytest.mark.slow
def test_the_loop_does_what_the_update_says(one_device: tf.distribute.Strategy) -> None:
    few = {"objective": "ali"}  # networks, of every kind of norm
    traced, plain = make(one_device, few), make(one_device, few)
    totals = traced.advance(tiny.feed(), 1).totals
    for tag, value in update_once(plain).items():
        assert totals[tag] == pytest.approx(value, rel=1e-4, abs=1e-6), tag


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["fused", "simultaneous"])
def test_the_modes_keep_the_same_statistics(one_device: tf.distribute.Strategy, mode: str) -> None:
    """The reference takes a pass per player, and its extra passes must leave no trace in moving averages, u and v."""
    given, oracle = make(one_device, {"gradients": mode}), make(one_device, {"gradients": "reference"})
    update_once(given), update_once(oracle)
    for name, value in variables(oracle).items():
        if "moving" in name or name.endswith(("/u:0", "/v:0")):
            np.testing.assert_allclose(variables(given)[name], value, rtol=1e-4, atol=1e-6, err_msg=name)


@pytest.mark.slow
def test_the_average_follows_with_its_decay(one_device: tf.distribute.Strategy) -> None:
    trainer = make(one_device, {"objective": "vae", "ema_decay": 0.75})
    assert set(trainer.averages) == {"generator", "encoder"}
    live, kept = trainer.networks["generator"], trainer.averages["generator"]
    expected = [v.numpy() for v in kept.trainable_variables]
    for v, e in zip(live.trainable_variables, expected, strict=True):
        np.testing.assert_array_equal(v, e)  # both begin at the same weights
    batches = tiny.feed()
    for _ in range(3):
        trainer.advance(batches, 1)
        expected = [0.75 * e + 0.25 * v.numpy() for e, v in zip(expected, live.trainable_variables, strict=True)]
    for v, e in zip(kept.trainable_variables, expected, strict=True):
        np.testing.assert_allclose(v, e, rtol=1e-5, atol=1e-7)
    looked_at = trainer.inference("generator")
    assert looked_at is kept


def statistics(network: tf.keras.Model) -> list[np.ndarray]:
    return [v.numpy() for v in networks.moving_averages(network)]


@pytest.mark.slow
def test_the_averages_have_batch_statistics_of_their_own(
    one_device: tf.distribute.Strategy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of the players are far off: averaged weights are smaller where the players' swing."""
    monkeypatch.setattr(trainers, "STATISTICS_EVERY_STEPS", 1)
    trainer = make(one_device, {"objective": "vae", "ema_decay": 0.9999999})
    live, kept = trainer.networks["encoder"], trainer.averages["encoder"]
    for v in kept.trainable_variables:
        v.assign(v * 0.5)
    trainer.advance(tiny.feed(), 150)
    own, borrowed = statistics(kept), statistics(live)
    kept(normalize(tiny.images(4)), training=True)  # the batch that they have seen all along changes nothing
    for before, after, players in zip(own, statistics(kept), borrowed, strict=True):
        np.testing.assert_allclose(after, before, rtol=1e-3, atol=1e-6)
        assert np.abs(players - before).mean() > 0.2 * np.abs(before).mean()


@pytest.mark.slow
def test_the_averages_see_every_tenth_step(one_device: tf.distribute.Strategy) -> None:
    trainer, batches = make(one_device, {"objective": "vae", "ema_decay": 0.75}), tiny.feed()

    def seen(steps: int) -> list[bool]:
        """Whether each of the batch norms' statistics has changed in these steps."""
        before = [s for network in trainer.averages.values() for s in statistics(network)]
        trainer.advance(batches, steps)
        after = [s for network in trainer.averages.values() for s in statistics(network)]
        return [not np.array_equal(b, a) for b, a in zip(before, after, strict=True)]

    assert not any(seen(9))
    assert all(seen(1))
    assert not any(seen(9))


@pytest.mark.slow
def test_two_replicas_train_as_one(
    one_device: tf.distribute.Strategy, two_replicas: tf.distribute.MirroredStrategy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trainers, "STATISTICS_EVERY_STEPS", 1)
    changes = {"objective": "dcgan", "disc_norm": "spectral", "sync_batch_norm": True, "ema_decay": 0.5}
    alone, together = make(one_device, changes), make(two_replicas, changes)
    one, two = alone.advance(tiny.feed(), 1).totals, together.advance(tiny.feed(), 1).totals
    for tag, value in one.items():
        assert two[tag] == pytest.approx(value, rel=1e-4, abs=1e-5), tag
    for name, value in variables(alone).items():
        if "moving" in name or name.endswith(("/u:0", "/v:0")):
            np.testing.assert_allclose(variables(together)[name], value, rtol=1e-4, atol=1e-5, err_msg=name)
    for role, average in alone.averages.items():
        for expected, given in zip(statistics(average), statistics(together.averages[role]), strict=True):
            np.testing.assert_allclose(given, expected, rtol=1e-4, atol=1e-5)
    for copies in (v for n in together.networks.values() for v in n.trainable_variables):
        first, second = together.strategy.experimental_local_results(copies)
        np.testing.assert_array_equal(first, second)


def test_a_batch_that_does_not_divide_is_refused(two_replicas: tf.distribute.MirroredStrategy) -> None:
    with pytest.raises(UserError, match="--batch_size=5 does not divide among 2 replicas"):
        make(two_replicas, {"batch_size": 5})


@pytest.mark.slow
@pytest.mark.parametrize(
    ("augmentation", "pair"),
    [("blur", "channels"), ("contrast", "siamese"), ("pad_crop", "width")],
)
def test_every_kind_of_pair_compiles_with_its_gradient(augmentation: str, pair: str) -> None:
    built = tiny.build_networks(PAGAN(), dataclasses.replace(tiny.CONFIG, pair=pair, architecture="color_mnist"))
    weights = built["disc_xx"].trainable_variables + built["generator"].trainable_variables

    def gradients() -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            p = tiny.new_pass(built, augmentation)
            logits = built["disc_xx"]((p.x, p.x_aug)) - built["disc_xx"]((p.x, p.x_rec))
        return tape.gradient(logits, weights)

    for given, expected in zip(tf.function(gradients, jit_compile=True)(), gradients(), strict=True):
        np.testing.assert_allclose(given, expected, rtol=1e-3, atol=1e-4)


def assert_did_as(plain: Trainer, totals: Mapping[str, float], trainer: Trainer) -> None:
    """That one compiled update gave the same scalars and statistics as one op by op."""
    for tag, value in update_once(plain).items():
        assert totals[tag] == pytest.approx(value, rel=1e-3, abs=1e-5), tag
    after = variables(trainer)
    for name, value in variables(plain).items():  # Adam's first step is the gradient's sign: compare what is smooth
        if "moving" in name or name.endswith(("/u:0", "/v:0")):
            np.testing.assert_allclose(after[name], value, rtol=1e-3, atol=1e-5, err_msg=name)


@pytest.mark.slow
def test_the_xla_flag_compiles_the_update_in_the_loop(one_device: tf.distribute.Strategy) -> None:
    few = {"objective": "dcgan", "disc_norm": "spectral", "generator_steps": 1}  # players: XLA takes its time for each
    trainer, plain = make(one_device, few | {"xla": "true"}), make(one_device, few)
    assert_did_as(plain, trainer.advance(tiny.feed(), 1).totals, trainer)
    called = trainer._one_step.get_concrete_function(tiny.feed()).graph.as_graph_def().library.function
    compiled = [f for f in called if f.attr["_XlaMustCompile"].b]
    assert len(compiled) == 2 * len(set(trainer.objective.phases))  # before and after the sum over replicas
    operations = {node.op for f in compiled for node in f.node_def}
    assert {"Conv2D", "Conv2DBackpropFilter", "AssignAddVariableOp"} <= operations | {
        node.op for f in called for node in f.node_def
    }


def test_where_xla_cannot_compile_it_says_what_does(
    one_device: tf.distribute.Strategy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where CUDA lacks a part; a GPU that is full, or an error of a step, stays what it is."""
    trainer = make(one_device, {"objective": "dcgan", "xla": "true"})
    for error, raised, message in (
        (
            tf.errors.InternalError(None, None, "libdevice not found at ./libdevice.10.bc"),
            UserError,
            "--xla=false does without it",
        ),
        (
            tf.errors.ResourceExhaustedError(None, None, "JIT compilation: out of memory"),
            tf.errors.ResourceExhaustedError,
            "out of",
        ),
        (tf.errors.InternalError(None, None, "another"), tf.errors.InternalError, "another"),
    ):
        monkeypatch.setattr(trainer, "_loop", mock.Mock(side_effect=error))
        with pytest.raises(raised, match=message):
            trainer.advance(tiny.feed(), 1)


@pytest.mark.slow
def test_images_that_stay_on_the_devices_are_trained_on_in_the_same_order(two_replicas: tf.distribute.MirroredStrategy) -> None:
    """Five steps over 14 of 20 images, across epochs: the same sums of losses to the last bit."""
    changes = {"objective": "dcgan", "disc_norm": "spectral", "generator_steps": 1, "ema_decay": 0.5, "train_steps": 5}
    images, places, order = tiny.images(20), np.arange(3, 17), {"batch_size": 4, "seed": 3, "start": 0}
    found = []
    for choice, batches in (
        ("false", data.batches(images, places=places, **order)),
        ("true", data.place_batches(places, **order)),
    ):
        one = config(changes | {"data_on_device": choice})
        trainer = Trainer(config=one, image_shape=tiny.SHAPE, strategy=two_replicas, images=images)
        assert trainer.keeps_images == (choice == "true")
        found.append((trainer.advance(iter(batches), 5).totals, variables(trainer)))
    (sums, weights), (sums_kept, weights_kept) = found
    assert sums_kept == sums
    for name, value in weights.items():
        np.testing.assert_array_equal(weights_kept[name], value, err_msg=name)
    with pytest.raises(UserError, match=r"expected places of images alone, int64 \(4,\)"):
        trainer.advance(tiny.feed(), 1)


@pytest.mark.slow
def test_bfloat16_trains_towards_the_same_losses(one_device: tf.distribute.Strategy) -> None:
    mixed, plain = make(one_device, {"mixed_precision": "bfloat16"}), make(one_device)
    given, expected = update_once(mixed), update_once(plain)
    for player in plain.networks:
        assert given[f"loss/{player}"] == pytest.approx(expected[f"loss/{player}"], rel=0.02), player
    assert mixed.mode == "fused"
    before = variables(mixed)
    update_once(mixed)
    moved = [n for n, v in variables(mixed).items() if "kernel" in n and not np.array_equal(v, before[n])]
    assert len(moved) == sum("kernel" in name for name in before)


@pytest.mark.slow
def test_float16_scales_losses_and_unscales_gradients(one_device: tf.distribute.Strategy) -> None:
    trainer = make(one_device, {"objective": "ali", "mixed_precision": "float16"})
    plain = make(one_device, {"objective": "ali", "gradients": "simultaneous"})
    optimizer = trainer.optimizers["generator"]
    assert isinstance(optimizer, tf.keras.mixed_precision.LossScaleOptimizer)
    assert float(optimizer.initial_scale) > 1000
    progress, expected = trainer.advance(tiny.feed(), 1), update_once(plain)
    assert progress.not_finite == {}
    for player in trainer.networks:
        assert progress.totals[f"loss/{player}"] == pytest.approx(expected[f"loss/{player}"], rel=0.02), player
        assert progress.totals[f"grad_norm/{player}"] == pytest.approx(expected[f"grad_norm/{player}"], rel=0.1), player


@pytest.mark.parametrize(
    ("batches", "message"),
    [
        (
            np.zeros([4, *tiny.SHAPE], np.float32),
            "batches of float32 (4, 8, 8, 1) cannot be trained on; expected images alone, uint8 (4,",
        ),
        (np.zeros([4, 8, 8, 3], np.uint8), "batches of uint8 (4, 8, 8, 3) cannot"),
        (np.zeros([3, *tiny.SHAPE], np.uint8), "batches of uint8 (3, 8, 8, 1) cannot"),
        (np.zeros(tiny.SHAPE, np.uint8), "batches of uint8 (8, 8, 1) cannot"),
        ({"image": tiny.images(4)}, "batches of dict of uint8 (4, 8, 8, 1) cannot"),
        ((tiny.images(4), np.zeros(4, np.int64)), "batches of uint8 (4, 8, 8, 1), int64 (4,) cannot"),
    ],
)
def test_batches_that_are_no_images_are_refused(one_device: tf.distribute.Strategy, batches: Any, message: str) -> None:
    given = iter(tf.data.Dataset.from_tensors(batches).repeat())
    trainer = make(one_device)
    for use in (lambda: trainer.advance(given, 1), lambda: trainer.trace(given)):
        with pytest.raises(UserError, match=re.escape(message)):
            use()
    with pytest.raises(UserError, match="batches of type list_iterator cannot be trained on"):
        trainer.advance(iter([tf.constant(tiny.images(4))]), 1)
    ragged = tf.data.Dataset.from_tensor_slices(tiny.images(10)).batch(4)  # the last of which is smaller
    with pytest.raises(UserError, match=r"batches of uint8 \(None, 8, 8, 1\) cannot be trained on"):
        trainer.advance(iter(ragged), 1)
    with pytest.raises(UserError, match="Dataset cannot be trained on; expected an iterator"):
        trainer.advance(ragged, 1)
    for steps in (0, -1, 1.5, "2", None, True):
        with pytest.raises(UserError, match=re.escape(f"{steps!r} steps cannot be run")):
            trainer.advance(tiny.feed(), steps)  # type: ignore[arg-type]
    assert int(trainer.step.numpy()) == 0


@pytest.mark.slow
def test_a_loss_that_is_not_finite_stops_the_loop_and_is_named(traced: tuple[Trainer, Iterator[tf.Tensor]]) -> None:
    trainer, batches = traced
    variables_and_state = [v for part in (*trainer.networks.values(), *trainer.optimizers.values()) for v in part.variables]
    before = [v.numpy() for v in variables_and_state]
    trainer.networks["disc_z"].to_logit.bias.assign([np.nan])
    progress = trainer.advance(batches, 50)
    assert progress.steps == 1
    assert set(progress.not_finite) == {"loss/disc_z", "loss/encoder"}
    assert any(name.startswith("disc_z") for name in trainer.not_finite())
    for v, value in zip(variables_and_state, before, strict=True):  # for the other tests
        v.assign(value)


class TwoPhase(ALI):
    """The discriminator first, then the others against the new discriminator."""

    @property
    def phases(self) -> tuple[tuple[str, ...], ...]:
        return ("disc_xz",), ("generator", "encoder")


@pytest.mark.slow
def test_phases_draw_a_batch_each_and_move_only_their_players(one_device: tf.distribute.Strategy) -> None:
    two_phase = dataclasses.replace(config({"gradients": "simultaneous"}), objective=TwoPhase())
    trainer, twice, looped = (Trainer(config=two_phase, image_shape=tiny.SHAPE, strategy=one_device) for _ in range(3))
    before = variables(trainer)
    first, second = tiny.images(4, seed=1), tiny.images(4, seed=2)
    expected = update_once(trainer, first, second)
    assert not any(np.array_equal(v, before[n]) for n, v in variables(trainer).items() if "kernel" in n)
    update_once(twice, first, first)
    for name, value in variables(twice).items():  # the second batch is for the generator and the encoder alone
        if "kernel" in name and (name.startswith("disc") or name.startswith("encoder")):
            assert np.array_equal(value, variables(trainer)[name]) == name.startswith("disc"), name
    batches = iter(tf.data.Dataset.from_tensor_slices([first, second]).repeat())
    for tag, value in looped.advance(batches, 1).totals.items():
        assert value == pytest.approx(expected[tag], rel=1e-4, abs=1e-6), tag
    assert int(looped.position.numpy()) == 8


@pytest.mark.slow
def test_phases_of_the_same_players_are_traced_once_and_draw_anew(one_device: tf.distribute.Strategy) -> None:
    changes = {"objective": "wgan_gp", "critic_steps": 3, "disc_norm": "spectral"}
    looped, plain = make(one_device, changes), make(one_device, changes)
    expected = [update_once(plain, *(tiny.images(4, seed=s) for s in range(4)))]
    plain.step.assign_add(1)
    expected.append(update_once(plain, *(tiny.images(4, seed=s) for s in range(4))))
    batches = iter(tf.data.Dataset.from_tensor_slices([tiny.images(4, seed=s) for s in range(4)]).repeat())
    for scalars in expected:
        for tag, value in looped.advance(batches, 1).totals.items():
            assert value == pytest.approx(scalars[tag], rel=1e-3, abs=1e-5), tag
    assert looped._phase.experimental_get_tracing_count() == 2  # the critic's and the generator's


def test_the_step_mode_is_chosen_before_anything_is_traced(one_device: tf.distribute.Strategy) -> None:
    assert make(one_device).mode == "fused"
    assert make(one_device, {"gradients": "reference"}).mode == "reference"
    with pytest.raises(UserError, match="--gradients=fused is not exact here"):
        make(one_device, {"gradients": "fused", "mixed_precision": "float16"})
    assert set(gradients.Backward.__dict__) >= {"fused", "simultaneous", "reference"}


@pytest.mark.slow
def test_a_classifier_of_the_loss_serves_two_replicas_as_one(
    one_device: tf.distribute.Strategy, two_replicas: tf.distribute.MirroredStrategy
) -> None:
    """With images dequantised, too: each replica draws the noise of its own rows."""
    changes = {
        "reconstruction": "perceptual",
        "perceptual_classifier": "shapes",
        "sync_batch_norm": True,
        "dequantise": True,
    }
    one, two = (make(strategy, changes).advance(tiny.feed(), 1).totals for strategy in (one_device, two_replicas))
    assert one["loss_term/perceptual"] > 0
    for tag, value in one.items():
        assert two[tag] == pytest.approx(value, rel=1e-4, abs=1e-5), tag
