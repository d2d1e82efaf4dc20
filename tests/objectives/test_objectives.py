"""Conformance of every system: losses by hand, gradients of every mode, players, replicas, checkpoint, export, one trace."""

import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from helpers import reference, tiny
from helpers.gradients import Networks, assert_fakes_are_their_adversaries_own, assert_same_gradients, compute

from tfpagan import networks
from tfpagan.config import Config
from tfpagan.forward.condition import LIGHTNESS
from tfpagan.forward.forward_pass import Pass
from tfpagan.forward.noise import Noise
from tfpagan.images import normalize
from tfpagan.inference import restore
from tfpagan.inference.signatures import Served
from tfpagan.objectives import OBJECTIVES
from tfpagan.objectives.pagan import PAGAN
from tfpagan.run_folder.checkpoints import Checkpoints
from tfpagan.training import step
from tfpagan.training.gradients import Backward, Gradients
from tfpagan.training.trainer import Trainer

# Every system in every form that its settings give it, with as few phases as it can have, for each is traced anew.
# `test_every_system_has_a_case_and_expected_values` holds it to that.
CASES: dict[str, dict[str, Any]] = {
    "pagan": {},
    "pagan_l1": {"reconstruction": "l1", "l1_weight": 3.0},
    "pagan_weighted": {"image_game_weight": 4.0},
    **{f"f_pagan_{d}": {"objective": "f_pagan", "divergence": d} for d in reference.F_DIVERGENCES},
    "f_pagan_bounded": {"objective": "f_pagan", "divergence": "kl", "max_logit": 0.7},
    "f_pagan_penalised": {"objective": "f_pagan", "divergence": "total_variation", "logit_penalty": 0.3},
    "f_pagan_minimax": {"objective": "f_pagan", "divergence": "pearson", "adversary_loss": "minimax"},
    "wpagan": {"objective": "wpagan", "critic_steps": 1},
    "wpagan_independent": {"objective": "wpagan", "interpolation": "independent", "disc_norm": "spectral"},
    "vae": {"objective": "vae"},
    "vae_laplace_dcgan": {"objective": "vae", "likelihood": "laplace", "architecture": "dcgan", "kl_weight": 0.5},
    "vae_bernoulli": {"objective": "vae", "likelihood": "bernoulli"},
    "alpha_gan": {"objective": "alpha_gan", "encoder_l1_weight": 5.0, "autoencoder_steps": 1},
    "alpha_gan_empirical_kl": {"objective": "alpha_gan", "code_match": "empirical_kl", "posterior": "gaussian"},
    "dcgan": {"objective": "dcgan", "generator_steps": 1},
    "wgan_gp": {"objective": "wgan_gp", "critic_steps": 1},
    "age": {"objective": "age", "generator_steps": 1, "fake_variance_floor": 0.3},
    "age_gaussian": {
        "objective": "age",
        "posterior": "point",
        "batch_divergence": "kozachenko_leonenko",
        "latent_distance": "cosine",
    },
    "conditional_age": {
        "objective": "conditional_age",
        "latent_dim": tiny.Z,
        "generator_steps": 1,
        "generator_data_weight": 7.0,
    },
    "as_vae": {"objective": "as_vae"},
    "as_vae_r": {"objective": "as_vae_r", "likelihood": "laplace"},
    "as_vae_g": {"objective": "as_vae_g", "code_weight": 0.3},
    "as_vae_flow": {"objective": "as_vae", "likelihood": "bernoulli", "posterior": "flow", "flow_length": 3},
    "ali": {"objective": "ali"},
    "ali_channels": {"objective": "ali", "joint": "channels"},
    "alice": {"objective": "alice"},
}
FIRST = {config["objective"]: name for name, config in reversed(CASES.items()) if "objective" in config} | {"pagan": "pagan"}
ONE_EACH = list(FIRST.values())


OWN_LAYERS = ("pagan", "conditional_age", "as_vae_flow")
"""At least one system of each architecture; the others have the fewest layers, which are traced sooner."""


def config_of(case: str, **changes: Any) -> Config:
    sizes = {"channels": 8, "latent_dim": tiny.Z, "batch_size": 4, "sync_batch_norm": True}
    fewer = {} if case in OWN_LAYERS else {"architecture": "color_mnist"}
    return Config().with_changes(fewer | CASES[case] | sizes | changes)


def built_for(case: str) -> tuple[Config, Networks]:
    config = config_of(case)
    return config, tiny.build_networks(config.objective, config.networks)


@functools.cache
def simultaneous(case: str) -> Gradients:
    """What several tests compare with: losses and gradients of all players from one pass."""
    config, built = built_for(case)
    return compute("simultaneous", config.objective, built, config=config.networks)


Expected = dict[str, float]


class Oracle:
    """The values of one pass, and what the papers' losses make of them."""

    def __init__(self, config: Config, built: Networks):
        self.objective: Any = config.objective
        self.config, self.built = config, built
        self.p = tiny.new_pass(built, config=config.networks, condition=config.objective.condition)

    def logit(self, disc: str, *judged: tf.Tensor) -> np.ndarray:
        return self.built[disc](judged if len(judged) > 1 else judged[0]).numpy().astype(np.float64)

    def log_scale(self) -> float:
        return float(self.p.log_scale)

    def games(self) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Real and fake logits of PAGAN's three games."""
        p = self.p
        judged = {"disc_x": ((p.x,), (p.x_gen,)), "disc_z": ((p.z,), (p.z_enc,)), "disc_xx": ((p.x, p.x_aug), (p.x, p.x_rec))}
        return {disc: (self.logit(disc, *real), self.logit(disc, *fake)) for disc, (real, fake) in judged.items()}


def real_cost(logit: np.ndarray) -> float:
    """-log D."""
    return float(reference.minus_log_sigmoid(logit).mean())


def fake_cost(logit: np.ndarray) -> float:
    """-log(1 - D)."""
    return float(reference.minus_log_sigmoid(-logit).mean())


def l2(x: tf.Tensor, y: tf.Tensor) -> float:
    return float(np.square(x.numpy() - y.numpy()).mean())


def l1(x: tf.Tensor, y: tf.Tensor) -> float:
    return float(np.abs(x.numpy() - y.numpy()).mean())


def shared_by_makers(discs: Mapping[str, float], adversary: Mapping[str, float], of_images: float = 1.0) -> Expected:
    """PAGAN's equations (14) and (16): the generator pays for D(x) and D(x, y), the encoder for D(z) and D(x, y)."""
    generator, encoder = of_images * adversary["disc_x"] + adversary["disc_xx"], adversary["disc_z"] + adversary["disc_xx"]
    return {**discs, "generator": generator, "encoder": encoder}


def pagan(o: Oracle) -> Expected:
    if o.objective.reconstruction == "l1":
        distance = o.objective.l1_weight * l1(o.p.x, o.p.x_rec)
        x, z = o.logit("disc_x", o.p.x_gen), o.logit("disc_z", o.p.z_enc)
        discs = {"disc_x": real_cost(o.logit("disc_x", o.p.x)) + fake_cost(x)}
        discs["disc_z"] = real_cost(o.logit("disc_z", o.p.z)) + fake_cost(z)
        return {**discs, "generator": real_cost(x) + distance, "encoder": real_cost(z) + distance}
    games = o.games()
    discs = {disc: real_cost(real) + fake_cost(fake) for disc, (real, fake) in games.items()}
    adversaries = {disc: real_cost(fake) for disc, (_, fake) in games.items()}
    return shared_by_makers(discs, adversaries, o.objective.image_game_weight)


def f_pagan(o: Oracle) -> Expected:
    _, conjugate, activation_of = reference.F_DIVERGENCES[o.objective.divergence]
    largest = o.objective.max_logit

    def activation(v: np.ndarray) -> np.ndarray:
        return activation_of(largest * np.tanh(v / largest) if largest else v)

    bound = {d: activation(r).mean() - conjugate(activation(f)).mean() for d, (r, f) in o.games().items()}
    paid = conjugate if o.objective.adversary_loss == "minimax" else (lambda t: t)
    adversaries = {d: -paid(activation(f)).mean() for d, (_, f) in o.games().items()}
    squares = {d: o.objective.logit_penalty * ((r**2).mean() + (f**2).mean()) for d, (r, f) in o.games().items()}
    return shared_by_makers({d: squares[d] - b for d, b in bound.items()}, adversaries)


def penalty(o: Oracle, disc: str, real: tuple[tf.Tensor, ...], fake: tuple[tf.Tensor, ...]) -> float:
    """Sample by sample, each with a tape of its own."""
    parts = 2 if getattr(o.objective, "interpolation", "shared") == "independent" else 1
    alpha, values = o.p.uniform(f"alpha_{disc}", parts).numpy(), []
    for n in range(tiny.N):
        shares = [alpha[n, i % parts] for i in range(len(real))]
        between = [tf.Variable(a * r[n : n + 1] + (1 - a) * f[n : n + 1]) for a, r, f in zip(shares, real, fake, strict=True)]
        with tf.GradientTape() as tape:
            logit = o.built[disc](tuple(b.value() for b in between) if len(between) > 1 else between[0].value())
        norm = np.sqrt(sum((g.numpy() ** 2).sum() for g in tape.gradient(logit, between)))
        values.append((norm - 1.0) ** 2)
    return 10.0 * float(np.mean(values))


def wpagan(o: Oracle) -> Expected:
    p = o.p
    pairs = {"disc_x": ((p.x,), (p.x_gen,)), "disc_z": ((p.z,), (p.z_enc,)), "disc_xx": ((p.x, p.x_aug), (p.x, p.x_rec))}
    discs = {d: fake.mean() - real.mean() + penalty(o, d, *pairs[d]) for d, (real, fake) in o.games().items()}
    return shared_by_makers(discs, {d: -fake.mean() for d, (_, fake) in o.games().items()})


def nll(o: Oracle, x: tf.Tensor, centre: tf.Tensor) -> float:
    x, centre = x.numpy().astype(np.float64), centre.numpy().astype(np.float64)
    kind, scale = o.config.networks.likelihood, np.exp(o.log_scale()) if o.p.log_scale is not None else 0.0
    if kind == "bernoulli":
        white, given = (x + 1) / 2, (centre + 1) / 2
        values = -(white * np.log(given) + (1 - white) * np.log(1 - given)).reshape(len(x), -1).sum(1)
    elif kind == "laplace":
        values = -np.log(np.exp(-np.abs(x - centre) / scale) / (2 * scale)).reshape(len(x), -1).sum(1)
    else:
        values = -reference.log_normal(x, centre, scale)
    return float(values.mean())


def vae(o: Oracle) -> Expected:
    mean, variance = o.p.code[0].numpy(), np.exp(o.p.code[1].numpy())
    kl = 0.5 * (variance + mean**2 - 1 - np.log(variance)).sum(1).mean()
    bound = nll(o, o.p.x, o.p.x_rec) + o.objective.kl_weight * float(kl)
    return {"generator": bound, "encoder": bound}


def alpha_gan(o: Oracle) -> Expected:
    real, gen, rec = (o.logit("disc_x", x) for x in (o.p.x, o.p.x_gen, o.p.x_rec))
    distance = l1(o.p.x, o.p.x_rec)
    expected = {
        "disc_x": 2 * real_cost(real) + fake_cost(gen) + fake_cost(rec),
        "generator": o.objective.generator_l1_weight * distance - gen.mean() - rec.mean(),
        "encoder": o.objective.encoder_l1_weight * distance,
    }
    if o.objective.code_match == "empirical_kl":
        expected["encoder"] += reference.kl_of_fitted_normal(o.p.z_enc.numpy())
        return expected
    code = o.logit("disc_z", o.p.z_enc)
    expected["encoder"] -= code.mean()
    return {**expected, "disc_z": real_cost(o.logit("disc_z", o.p.z)) + fake_cost(code)}


def dcgan(o: Oracle) -> Expected:
    real, fake = o.logit("disc_x", o.p.x), o.logit("disc_x", o.p.x_gen)
    return {"disc_x": real_cost(real) + fake_cost(fake), "generator": real_cost(fake)}


def wgan_gp(o: Oracle) -> Expected:
    real, fake = o.logit("disc_x", o.p.x), o.logit("disc_x", o.p.x_gen)
    return {"disc_x": fake.mean() - real.mean() + penalty(o, "disc_x", (o.p.x,), (o.p.x_gen,)), "generator": -fake.mean()}


def age(o: Oracle) -> Expected:
    def divergence(codes: tf.Tensor, floor: float = 0.0) -> float:
        codes = codes.numpy().astype(np.float64)
        if o.objective.batch_divergence == "fitted_normal":
            return reference.kl_of_fitted_normal(codes, floor)
        count, dims = codes.shape  # dims is 4: the unit ball has pi^2 / 2
        log_distances = 0.5 * np.log(reference.squared_distance_to_nearest(codes) + dims * floor)
        entropy = dims * log_distances.mean() + np.log(count - 1) + np.log(np.pi**2 / 2) + np.euler_gamma
        return float((-reference.log_normal(codes, np.zeros(dims), 1.0).mean() - entropy) / dims)

    p = o.p
    floor = o.objective.fake_variance_floor * (1 / tiny.Z if o.config.networks.posterior == "sphere" else 1)
    latent = ((p.z - p.z_rec).numpy() ** 2).sum(1).mean()
    if o.objective.latent_distance == "cosine":
        z, y = (codes.numpy().astype(np.float64) for codes in (p.z, p.z_rec))
        cosines = [a @ b / np.sqrt((a @ a) * (b @ b)) for a, b in zip(z, y, strict=True)]
        latent = (1 - np.mean(cosines)) / z.shape[1]
    generator = divergence(p.z_rec) + o.objective.latent_weight * latent
    return {
        "generator": generator + o.objective.generator_data_weight * l1(p.x, p.x_rec),
        "encoder": divergence(p.z_enc) - divergence(p.z_rec, floor) + o.objective.data_weight * l1(p.x, p.x_rec),
    }


def as_vae(o: Oracle) -> Expected:
    p, expected = o.p, dict.fromkeys(o.objective.players, 0.0)
    if "disc_xz_x" in o.objective.players:  # L_x = E [log p(x | z) + f1], and f1 by (5)
        joint = o.logit("disc_xz_x", p.x, p.z_enc)
        expected["disc_xz_x"] = fake_cost(joint) + real_cost(o.logit("disc_xz_x", p.x_draw, p.z_other))
        expected["encoder"] += nll(o, p.x, p.x_rec) - joint.mean()
        expected["generator"] += nll(o, p.x, p.x_rec)
    if "disc_xz_z" in o.objective.players:  # L_z = E [log q(z | x) + f2], and f2 by (6)
        joint = o.logit("disc_xz_z", p.x_draw, p.z)
        others = tf.concat([p.z_enc[-1:], p.z_enc[:-1]], 0)
        independent = o.logit("disc_xz_z", p.x, others)
        expected["disc_xz_z"] = fake_cost(joint) + real_cost(independent)
        mean, log_variance = (t.numpy() for t in p.code_draw)
        flow = o.built["encoder"].flow
        before, log_det = (p.z, 0.0) if flow is None else flow.inverse(p.z)
        log_q = reference.log_normal(before.numpy(), mean, np.exp(0.5 * log_variance)) + np.asarray(log_det)
        code = -o.objective.code_weight * float(log_q.mean())
        expected["encoder"] += code
        expected["generator"] += code - joint.mean()
    return expected


def ali(o: Oracle) -> Expected:
    real, fake = o.logit("disc_xz", o.p.x, o.p.z_enc), o.logit("disc_xz", o.p.x_gen, o.p.z)
    return {"disc_xz": real_cost(real) + fake_cost(fake), "generator": real_cost(fake), "encoder": fake_cost(real)}


def alice(o: Oracle) -> Expected:
    real, fake = o.logit("disc_xx", o.p.x, o.p.x), o.logit("disc_xx", o.p.x, o.p.x_rec)
    cycle = {"disc_xx": real_cost(real) + fake_cost(fake), "generator": real_cost(fake), "encoder": real_cost(fake)}
    return {player: value + ali(o).get(player, 0.0) for player, value in cycle.items()} | {"disc_xz": ali(o)["disc_xz"]}


def conditional_age(o: Oracle) -> Expected:
    """AGE's, with the distance of a and b alone: all three channels have 2/3 of it, for lightness is copied."""
    np.testing.assert_array_equal(o.p.x_rec[..., 0], o.p.x[..., 0])
    expected = age(o)
    half = 0.5 * l1(o.p.x, o.p.x_rec)
    return {
        "encoder": expected["encoder"] + o.objective.data_weight * half,
        "generator": expected["generator"] + o.objective.generator_data_weight * half,
    }


EXPECTED: dict[str, Callable[[Oracle], Expected]] = {
    **{
        f.__name__: f
        for f in (pagan, f_pagan, wpagan, vae, alpha_gan, dcgan, wgan_gp, age, conditional_age, as_vae, ali, alice)
    },
    "as_vae_r": as_vae,
    "as_vae_g": as_vae,
}


def test_every_system_has_a_case_and_expected_values() -> None:
    assert {config_of(case).objective.name for case in CASES} == set(OBJECTIVES)
    assert set(EXPECTED) == set(OBJECTIVES)


@pytest.mark.parametrize("case", CASES)
def test_the_losses_are_the_papers(case: str) -> None:
    config, built = built_for(case)
    expected = EXPECTED[config.objective.name](Oracle(config, built))
    losses = simultaneous(case).losses
    assert losses.keys() == expected.keys()
    for player, loss in losses.items():
        assert float(loss) == pytest.approx(expected[player], rel=2e-5, abs=1e-5), player


@pytest.mark.parametrize(("name", "distance_of"), [("l1", l1), ("l2", l2)])
def test_a_distance_beside_the_game_on_pairs_is_added_to_both_makers_losses(name: str, distance_of: Any) -> None:
    plain, built = simultaneous("pagan"), built_for("pagan")[1]
    changes = {"reconstruction": f"adversarial+{name}", f"{name}_weight": 3.0}
    both = compute("simultaneous", PAGAN(**changes), built)
    distance = 3.0 * distance_of(tiny.new_pass(built).x, tiny.new_pass(built).x_rec)
    assert distance > 0.1
    for player, loss in both.losses.items():
        added = distance if player in ("generator", "encoder") else 0.0
        assert float(loss) == pytest.approx(float(plain.losses[player]) + added, rel=1e-4), player


def test_a_perceptual_distance_is_of_features_of_the_same_images() -> None:
    objective = PAGAN(reconstruction="adversarial+perceptual", perceptual_weight=3.0, perceptual_classifier="shapes")
    assert (objective.classifier, PAGAN(perceptual_classifier="shapes").classifier) == ("shapes", "")
    p = tiny.new_pass(built_for("pagan")[1])
    weights = tf.constant(np.random.default_rng(0).normal(size=[int(np.prod(p.x.shape[1:])), 5]), tf.float32)
    p._features = lambda images: tf.reshape(images, [images.shape[0], -1]) @ weights
    (term,) = objective.loss_terms(p)
    off = (p.x - p.x_rec).numpy().reshape(len(p.x), -1) @ weights.numpy()
    np.testing.assert_allclose(term.values(), 3.0 * np.square(off).mean(1), rtol=1e-4)
    assert (term.name, term.players) == ("perceptual", ("generator", "encoder"))


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_every_step_mode_gives_the_gradients_of_the_reference(case: str) -> None:
    config, built = built_for(case)
    oracle = compute("reference", config.objective, built, config=config.networks)
    assert_same_gradients(simultaneous(case), oracle)
    if step.why_not_fused(config.objective, built) is None:
        assert_fakes_are_their_adversaries_own(config.objective, built, config.networks)
        assert_same_gradients(compute("fused", config.objective, built, config=config.networks), oracle)


@pytest.mark.parametrize("case", CASES)
def test_every_variable_of_every_player_has_a_gradient(case: str) -> None:
    gradients_of = simultaneous(case).of
    _, built = built_for(case)
    for player, gradients in gradients_of.items():
        for variable, gradient in zip(built[player].trainable_variables, gradients, strict=True):
            assert gradient is not None, variable.name
            assert np.isfinite(gradient).all(), variable.name
            assert np.abs(gradient).max() > 0 or "bias" in variable.name, variable.name


@pytest.mark.parametrize("case", CASES)
def test_every_player_moves_in_some_phase_and_owns_its_variables(case: str) -> None:
    config, built = built_for(case)
    assert {player for phase in config.objective.phases for player in phase} == set(config.objective.players)
    owners = [id(v) for network in built.values() for v in network.trainable_variables]
    assert len(owners) == len(set(owners))


@pytest.mark.slow
@pytest.mark.parametrize("case", ONE_EACH)
def test_a_phase_gives_its_players_the_gradients_that_they_have_in_the_whole(case: str) -> None:
    """What rests is not computed, and changes nothing for those who move."""
    whole = simultaneous(case)
    config, built = built_for(case)
    for phase in set(config.objective.phases):
        part = Backward(config.objective, built).simultaneous(
            lambda: tiny.new_pass(built, config=config.networks, condition=config.objective.condition), phase
        )
        assert set(part.of) == set(phase)
        only = Gradients({p: whole.of[p] for p in phase}, {p: whole.losses[p] for p in phase})
        assert_same_gradients(part, only)


@pytest.mark.slow
@pytest.mark.parametrize("case", [*ONE_EACH, "as_vae_flow"])
def test_activations_of_16_bits_give_about_the_same_losses(case: str) -> None:
    config, built = built_for(case)
    shape = tiny.shape_of(config.objective.condition)
    condition = config.objective.condition
    mixed = {
        role: networks.build(role, config.networks, shape, condition=condition, mixed_precision="bfloat16") for role in built
    }
    for role, network in built.items():
        for target, source in zip(mixed[role].variables, network.variables, strict=True):
            target.assign(source)
    expected = simultaneous(case)
    given = compute("simultaneous", config.objective, mixed, config=config.networks)
    for player, loss in given.losses.items():
        assert float(loss) == pytest.approx(float(expected.losses[player]), rel=0.1, abs=0.05), player
        assert all(np.isfinite(gradient).all() for gradient in given.of[player])


@pytest.mark.slow
@pytest.mark.parametrize("case", ONE_EACH)
def test_two_replicas_of_half_a_batch_are_one_of_the_whole(
    two_replicas: tf.distribute.MirroredStrategy, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And whether one waits for the other's rows is what the system says."""
    config, alone = built_for(case)
    objective, mode = config.objective, step.choose("auto", config.objective, alone)
    condition, shape = objective.condition, tiny.shape_of(objective.condition)
    with two_replicas.scope():
        mirrored = {role: networks.build(role, config.networks, shape, condition=condition) for role in objective.players}
    for role, network in alone.items():
        for target, source in zip(mirrored[role].variables, network.variables, strict=True):
            target.assign(source)

    whole_batch, waited = Pass.whole_batch, []
    monkeypatch.setattr(Pass, "whole_batch", lambda p, rows: (waited.append(True), whole_batch(p, rows))[1])
    halves = tiny.images(shape=shape).reshape(2, tiny.N // 2, *shape)

    def replica_step() -> list:
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        noise = Noise(0, tf.constant(3), tiny.N // 2, replica=replica, replicas=2)

        def new_pass() -> Pass:
            x = halves[int(replica)]
            return tiny.new_pass(mirrored, x=x, noise=noise, config=config.networks, condition=condition)

        result = getattr(Backward(objective, mirrored, replicas=2), mode)(new_pass, objective.players)
        return tf.nest.flatten((result.of, result.losses, result.logits, result.loss_terms))

    # Eagerly: to trace batch norms over replicas takes four times as long, and `test_trainer` and `test_workers` do.
    together = [two_replicas.reduce("SUM", value, axis=None) for value in two_replicas.run(replica_step)]
    assert bool(waited) == objective.reads_whole_batch
    oracle = compute(mode, objective, alone, config=config.networks)
    packed = tf.nest.pack_sequence_as((oracle.of, oracle.losses, oracle.logits, oracle.loss_terms), together)
    # Batch norm over replicas has its variance from sums of squares, and loses a digit by it.
    assert_same_gradients(Gradients(*packed), oracle, relative=2e-4)


SAVED = ("pagan", "dcgan", "age", "conditional_age")
"""One system of each set of signatures and kind of code, whose signatures are written and read again, which takes seconds."""


@pytest.mark.slow
@pytest.mark.parametrize("case", ONE_EACH)
def test_it_trains_in_one_trace_resumes_and_exports(case: str, one_device: tf.distribute.Strategy, tmp_path: Path) -> None:
    config = config_of(case, image_size=8, sync_batch_norm=False)
    shape = tiny.shape_of(config.objective.condition)
    trainer = Trainer(config=config, image_shape=shape, strategy=one_device)
    batches = tiny.feed(shape)
    for steps in (1, 2):
        assert trainer.advance(batches, steps).not_finite == {}
    assert trainer._one_step.experimental_get_tracing_count() == 1
    assert trainer._phase.experimental_get_tracing_count() == len(set(config.objective.phases))
    assert int(trainer.position.numpy()) == 3 * 4 * len(config.objective.phases)

    Checkpoints(trainer.checkpoint(), tmp_path / "ckpt", keep=1).save()
    (tmp_path / "config.json").write_text(config.to_json())
    everything = [v for part in (*trainer.networks.values(), *trainer.optimizers.values()) for v in part.variables]
    values = [v.numpy() for v in everything]
    for v in (*everything, trainer.step):
        v.assign(tf.zeros_like(v))
    assert Checkpoints(trainer.checkpoint(), tmp_path / "ckpt", keep=1).restore(tmp_path / "ckpt") == 3
    for v, value in zip(everything, values, strict=True):
        np.testing.assert_array_equal(v, value, err_msg=v.name)

    served = Served(restore.restored(tmp_path))
    signatures = {name: s.traced for name, s in served.signatures().items() if "bytes" not in name}
    assert ("encode" in signatures) == ("encoder" in config.objective.players)
    if case in SAVED:
        tf.saved_model.save(served.module(), str(tmp_path / "export"), signatures=signatures)
        signatures = tf.saved_model.load(str(tmp_path / "export")).signatures
    codes = np.random.default_rng(0).normal(size=[2, tiny.Z]).astype(np.float32)
    given = {"latents": tf.constant(codes)}
    if config.objective.condition is LIGHTNESS:
        given["images"] = normalize(tiny.images(2, shape))
    expected = trainer.inference("generator")(*given.values())
    made = signatures["colourise" if "images" in given else "decode"](**given)["images"]
    np.testing.assert_allclose(made, expected, atol=1e-5)
