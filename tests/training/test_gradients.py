"""The ways to compute a step: what fused may do and where it is refused, slopes at the ends, games and whom they move."""

import dataclasses
from collections.abc import Iterator

import numpy as np
import pytest
import tensorflow as tf
from helpers import reference, tiny
from helpers.gradients import assert_fakes_are_their_adversaries_own, assert_same_gradients, compute

from tfpagan import networks
from tfpagan.errors import UserError
from tfpagan.forward.forward_pass import Pass
from tfpagan.losses import adversarial
from tfpagan.objectives import Game, Objective
from tfpagan.objectives.pagan import PAGAN
from tfpagan.training import step
from tfpagan.training.gradients import Backward, Gradients

CASES: dict[str, Objective] = {
    "pagan": PAGAN(),
    "pagan_l1": PAGAN(reconstruction="l1", l1_weight=3.0),
}
Networks = dict[str, tf.keras.Model]


def push_fake_logits(built: Networks, to: float) -> None:
    """Shift the last bias of every discriminator so that its logits lie around `to`."""
    for role, network in built.items():
        if role.startswith("disc_"):
            network.to_logit.bias.assign([to])


@pytest.mark.slow
# Each of both: a(x) is data, so that their combinations are no further cases.
@pytest.mark.parametrize(
    ("pair", "augmentation"),
    [("width", a) for a in ("pad_crop", "blur", "contrast", "none")] + [("channels", "pad_crop"), ("siamese", "blur")],
)
@pytest.mark.parametrize("case", CASES)
def test_fused_and_simultaneous_are_the_reference(case: str, pair: str, augmentation: str) -> None:
    objective = CASES[case]
    built = tiny.build_networks(objective, dataclasses.replace(tiny.CONFIG, pair=pair))
    oracle = compute("reference", objective, built, augmentation)
    assert_same_gradients(compute("simultaneous", objective, built, augmentation), oracle)
    assert_same_gradients(compute("fused", objective, built, augmentation), oracle)


@pytest.mark.slow
@pytest.mark.parametrize("to", [-100.0, 100.0])
@pytest.mark.parametrize("case", CASES)
def test_the_modes_agree_for_logits_at_the_ends(case: str, to: float) -> None:
    objective = CASES[case]
    built = tiny.build_networks(objective)
    push_fake_logits(built, to)
    oracle = compute("reference", objective, built)
    assert float(oracle.logits["disc_x/fake"]) == pytest.approx(to, abs=20)
    for mode in ("simultaneous", "fused"):
        assert_same_gradients(compute(mode, objective, built), oracle)


def test_fused_slopes_are_the_losses_own_down_to_logits_of_minus_100() -> None:
    """Discriminator: sigmoid(l), to 1e-12 wherever it is. Faker: -sigmoid(-l), as slope times ratio."""
    fake = np.array([-100.0, -30.0, -18.6, -14.0, -1.0, 0.0, 5.0, 100.0], np.float32)
    result = Gradients(losses=dict.fromkeys(("disc_x", "generator"), tf.constant(0.0)))
    game = Game("disc_x", real=tf.zeros(8), fake=tf.zeros(8), adversaries=("generator",))
    slopes, ratios = Backward(PAGAN(), {})._play(game, tf.concat([-fake, fake], 0), result)
    sigmoid = 1 / (1 + np.exp(-fake.astype(np.float64)))
    np.testing.assert_allclose(slopes[8:] * 8, sigmoid, rtol=1e-6, atol=1.1e-12)
    np.testing.assert_allclose(slopes[8:] * ratios * 8, sigmoid - 1, rtol=1e-6, atol=1e-12)


def test_fakers_still_learn_when_a_discriminator_is_sure_of_them() -> None:
    """At l = -100 the slope of softplus(l) is 4e-44 and that of softplus(-l) is -1: the naive ratio overflows."""
    built = tiny.build_networks(PAGAN())
    norms = []
    for logits in (0.0, -100.0):
        push_fake_logits(built, logits)
        norms.append(tf.linalg.global_norm(compute("fused", PAGAN(), built).of["generator"]))
    assert float(norms[1] / norms[0]) == pytest.approx(2.0, rel=0.15)  # sigmoid(-l): 1 at -100, about 1/2 near 0


def test_pagan_losses_are_algorithm_1_in_numpy() -> None:
    built = tiny.build_networks(PAGAN())
    p = tiny.new_pass(built)
    logits = {
        (disc, side): built[disc](which).numpy()
        for disc, sides in {
            "disc_x": {"real": p.x, "fake": p.x_gen},
            "disc_z": {"real": p.z, "fake": p.z_enc},
            "disc_xx": {"real": (p.x, p.x_aug), "fake": (p.x, p.x_rec)},
        }.items()
        for side, which in sides.items()
    }
    costs = {key: reference.minus_log_sigmoid(logit).mean() for key, logit in logits.items()}
    sure = {key: reference.minus_log_sigmoid(-logit).mean() for key, logit in logits.items()}
    expected = {disc: costs[disc, "real"] + sure[disc, "fake"] for disc in ("disc_x", "disc_z", "disc_xx")} | {
        "generator": costs["disc_x", "fake"] + costs["disc_xx", "fake"],
        "encoder": costs["disc_z", "fake"] + costs["disc_xx", "fake"],
    }
    for player, loss in compute("fused", PAGAN(), built).losses.items():
        assert float(loss) == pytest.approx(expected[player], rel=1e-5), player


def test_pagan_l1_replaces_the_pair_game_by_the_l1_distance() -> None:
    objective = PAGAN(reconstruction="l1", l1_weight=3.0)
    built = tiny.build_networks(objective)
    assert "disc_xx" not in built
    p = tiny.new_pass(built)
    l1 = 3.0 * np.abs(p.x - p.x_rec).mean()
    losses = compute("fused", objective, built).losses
    fooled_x = reference.minus_log_sigmoid(built["disc_x"](p.x_gen).numpy()).mean()
    fooled_z = reference.minus_log_sigmoid(built["disc_z"](p.z_enc).numpy()).mean()
    assert float(losses["generator"]) == pytest.approx(fooled_x + l1, rel=1e-5)
    assert float(losses["encoder"]) == pytest.approx(fooled_z + l1, rel=1e-5)


@dataclasses.dataclass(frozen=True)
class WithoutOneGame(PAGAN):
    """PAGAN with one game left out, to see whose gradient that changes."""

    without: str = "disc_x"

    def games(self, p: Pass) -> Iterator[Game]:
        return (game for game in super().games(p) if game.disc != self.without)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("game", "touched"),
    [("disc_x", {"generator"}), ("disc_z", {"encoder"}), ("disc_xx", {"generator", "encoder"})],
)
@pytest.mark.parametrize("mode", ["reference", "simultaneous", "fused"])
def test_a_game_moves_its_adversaries_and_nobody_else(mode: str, game: str, touched: set[str]) -> None:
    built = tiny.build_networks(PAGAN())
    rest = tuple(player for player in PAGAN().players if player != game)
    whole = compute(mode, PAGAN(), built)
    left = getattr(Backward(WithoutOneGame(without=game), built), mode)(lambda: tiny.new_pass(built), rest)
    for player in rest:
        pairs = zip(whole.of[player], left.of[player], strict=True)
        changed = any(np.abs(a - b).max() > 1e-5 * np.abs(a).max() + 1e-7 for a, b in pairs)
        assert changed == (player in touched), player


@dataclasses.dataclass(frozen=True)
class RecInImageGame(PAGAN):
    """As alpha-GAN: the reconstruction, which depends on the encoder, is the generator's fake alone."""

    def games(self, p: Pass) -> Iterator[Game]:
        yield Game("disc_x", real=p.x, fake=p.x_rec, adversaries=("generator",))
        yield Game("disc_z", real=p.z, fake=p.z_enc, adversaries=("encoder",))


@dataclasses.dataclass(frozen=True)
class Declared(RecInImageGame):
    """The same, with a declaration that is honest."""

    @property
    def why_not_fused(self) -> str:
        return "a fake depends on a network that is not among its adversaries"


def test_fused_is_refused_where_a_fake_has_another_maker() -> None:
    built = tiny.build_networks(PAGAN())
    with pytest.raises(UserError, match=r"depends on a network that is not among its adversaries.*--gradients=simultaneous"):
        step.choose("fused", Declared(), built)
    assert step.choose("auto", Declared(), built) == "simultaneous"


def test_a_wrong_declaration_of_fusable_is_caught_by_the_conformance_suite() -> None:
    built = tiny.build_networks(PAGAN())
    assert_fakes_are_their_adversaries_own(PAGAN(), built)
    with pytest.raises(AssertionError, match="encoder is no adversary"):
        assert_fakes_are_their_adversaries_own(RecInImageGame(), built)


def test_fused_is_refused_for_a_discriminator_with_batch_norm() -> None:
    built = tiny.build_networks(PAGAN())
    built["disc_x"] = networks.build("encoder", tiny.CONFIG, tiny.SHAPE)
    with pytest.raises(UserError, match="disc_x has batch normalisation"):
        step.choose("fused", PAGAN(), built)


class TwoPhasePAGAN(PAGAN):
    """Discriminators first, then the others."""

    @property
    def phases(self) -> tuple[tuple[str, ...], ...]:
        return ("disc_x", "disc_z", "disc_xx"), ("generator", "encoder")


def test_fused_is_refused_where_players_move_one_after_another() -> None:
    built = tiny.build_networks(PAGAN())
    with pytest.raises(UserError, match="do not all move from the same parameters"):
        step.choose("fused", TwoPhasePAGAN(), built)
    assert step.choose("auto", TwoPhasePAGAN(), built) == "simultaneous"


def test_fused_is_refused_in_float16_and_auto_avoids_it() -> None:
    built = tiny.build_networks(PAGAN())
    with pytest.raises(UserError, match="float16"):
        step.choose("fused", PAGAN(), built, "float16")
    assert step.choose("auto", PAGAN(), built, "float16") == "simultaneous"
    assert step.choose("auto", PAGAN(), built, "bfloat16") == "fused"


def test_fused_is_refused_where_samples_share_batch_statistics_with_reconstructions() -> None:
    built = tiny.build_networks(PAGAN())
    with pytest.raises(UserError, match="with --joint_batch_norm samples depend on the encoder too"):
        step.choose("fused", PAGAN(), built, joint_batch_norm=True)
    assert step.choose("auto", PAGAN(), built, joint_batch_norm=True) == "simultaneous"


@dataclasses.dataclass(frozen=True)
class HingePAGAN(PAGAN):
    """With the hinge loss, whose slope on fakes below -1 is exactly zero."""

    def games(self, p: Pass) -> Iterator[Game]:
        hinge = adversarial.Loss(lambda t: tf.nn.relu(1 - t), lambda t: tf.nn.relu(1 + t), lambda t: -t, fusable=False)
        return (dataclasses.replace(game, loss=hinge) for game in super().games(p))


def test_a_loss_that_is_flat_somewhere_is_caught_in_fused_and_right_in_simultaneous() -> None:
    built = tiny.build_networks(PAGAN())
    with pytest.raises(AssertionError, match="flat"):
        compute("fused", HingePAGAN(), built)
    assert_same_gradients(compute("simultaneous", HingePAGAN(), built), compute("reference", HingePAGAN(), built))


@pytest.mark.slow
def test_the_graph_of_fused_holds_every_convolution_with_its_two_gradients_and_no_more() -> None:
    """Seven in the encoder, in D(x) and in D(x, y); four in the generator, for G(z) and for G(E(x))."""
    built = tiny.build_networks(PAGAN())
    graph = tf.function(lambda: compute("fused", PAGAN(), built).of).get_concrete_function().graph.as_graph_def()
    nodes = [node for part in (graph, *graph.library.function) for node in (part.node if part is graph else part.node_def)]
    assert sum("Conv2D" in node.op for node in nodes) == 3 * (7 + 7 + 7 + 2 * 4)
