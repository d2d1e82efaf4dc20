"""The adversarial losses against their definitions."""

import numpy as np
import pytest
import tensorflow as tf
from helpers.reference import F_DIVERGENCES, minus_log_sigmoid
from scipy.integrate import trapezoid

from tfpagan.losses import adversarial, penalties

LOGITS = np.array([-30.0, -5.0, -1.0, 0.0, 0.5, 3.0, 30.0], np.float32)


def test_logistic_losses_are_algorithm_1() -> None:
    loss = adversarial.LOGISTIC
    np.testing.assert_allclose(loss.disc_real(LOGITS), minus_log_sigmoid(LOGITS), rtol=1e-6)  # -log D
    np.testing.assert_allclose(loss.disc_fake(LOGITS), minus_log_sigmoid(-LOGITS), rtol=1e-6)  # -log(1 - D)
    np.testing.assert_allclose(loss.adversary(LOGITS), minus_log_sigmoid(LOGITS), rtol=1e-6)  # -log D


def test_logistic_losses_at_zero_are_log_two() -> None:
    loss = adversarial.LOGISTIC
    for function in (loss.disc_real, loss.disc_fake, loss.adversary):
        assert float(function(tf.constant(0.0))) == pytest.approx(0.6931472, abs=1e-7)


def test_logistic_losses_do_not_overflow() -> None:
    far = tf.constant([-1000.0, 1000.0])
    np.testing.assert_array_equal(adversarial.LOGISTIC.disc_fake(far), [0.0, 1000.0])
    np.testing.assert_array_equal(adversarial.LOGISTIC.adversary(far), [1000.0, 0.0])


def test_a_weight_is_the_adversarys_alone() -> None:
    weighted, plain = adversarial.weighted(adversarial.WASSERSTEIN, 3.0), adversarial.WASSERSTEIN
    np.testing.assert_array_equal(weighted.adversary(LOGITS), -3 * LOGITS)
    np.testing.assert_array_equal(weighted.disc_real(LOGITS), plain.disc_real(LOGITS))
    np.testing.assert_array_equal(weighted.disc_fake(LOGITS), plain.disc_fake(LOGITS))
    assert weighted.fusable
    assert not weighted.minimax  # its slope is no longer minus that of `disc_fake`


def test_l1_is_the_mean_absolute_difference_of_each_sample() -> None:
    x = np.zeros([2, 2, 2, 1], np.float32)
    y = x.copy()
    y[0, 0, 0, 0], y[1] = 2.0, -0.5  # means over 4 pixels: 0.5 and 0.5
    y[1, 0, 0, 0] = -1.5  # 0.75
    np.testing.assert_allclose(penalties.l1(tf.constant(x), tf.constant(y)), [0.5, 0.75])


def test_l2_is_the_mean_squared_difference_of_each_sample() -> None:
    x = np.zeros([2, 2, 2, 1], np.float32)
    y = x.copy()
    y[0, 0, 0, 0], y[1] = 2.0, -0.5  # means over 4 pixels: 4 / 4 and 0.25
    y[1, 0, 0, 0] = -1.5  # (2.25 + 0.75) / 4
    np.testing.assert_allclose(penalties.l2(tf.constant(x), tf.constant(y)), [1.0, 0.75])


def test_the_cosine_distance_of_codes_on_the_sphere_is_the_squared_one_over_2_z() -> None:
    z, y = (rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in np.random.default_rng(0).normal(size=[2, 3, 5]))
    expected = penalties.squared_distance(tf.constant(z), tf.constant(y)) / 10.0
    np.testing.assert_allclose(penalties.cosine_distance(tf.constant(z), tf.constant(3.0 * y)), expected, rtol=1e-9)


def test_reverse_kl_fakers_pay_minus_the_logit() -> None:
    """-log D + log(1 - D) = -l (alpha-GAN, eq. 9); the discriminator's game is the logistic one."""
    d = 1 / (1 + np.exp(-LOGITS[1:-1].astype(np.float64)))
    np.testing.assert_allclose(adversarial.REVERSE_KL.adversary(LOGITS[1:-1]), -np.log(d) + np.log(1 - d), rtol=1e-6, atol=1e-6)
    np.testing.assert_array_equal(adversarial.REVERSE_KL.disc_fake(LOGITS), adversarial.LOGISTIC.disc_fake(LOGITS))


DIVERGENCES = list(adversarial.DIVERGENCES)


@pytest.mark.parametrize("minimax", [False, True])
@pytest.mark.parametrize("name", ["kl", "reverse_kl", "squared_hellinger"])
def test_of_bounded_outputs_exponentials_stay_finite(name: str, minimax: bool) -> None:
    free = adversarial.DIVERGENCES[name].loss(minimax=minimax)
    bounded = adversarial.bounded(free, 10.0)
    assert (bounded.fusable, bounded.minimax) == (False, minimax)
    far, near = tf.constant([-1e4, 1e4]), tf.constant([-20.0, -1.0, 0.0, 2.0])
    for part in ("disc_real", "disc_fake", "adversary"):
        values = getattr(bounded, part)
        np.testing.assert_allclose(values(far), getattr(free, part)(tf.constant([-10.0, 10.0])), rtol=1e-6)
        np.testing.assert_allclose(values(near), getattr(free, part)(10.0 * np.tanh(near.numpy() / 10.0)), rtol=1e-5)
    assert not np.isfinite(sum(getattr(free, part)(far).numpy() for part in ("disc_real", "disc_fake"))).all()


def test_the_divergences_are_those_of_the_appendix() -> None:
    assert list(F_DIVERGENCES) == DIVERGENCES


@pytest.mark.parametrize("name", DIVERGENCES)
def test_activation_and_conjugate_are_those_of_the_tables(name: str) -> None:
    given, (_, conjugate, activation) = adversarial.DIVERGENCES[name], F_DIVERGENCES[name]
    v = np.linspace(-4.0, 4.0, 33)
    np.testing.assert_allclose(given.activation(tf.constant(v)), activation(v), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(given.conjugate(tf.constant(v)), conjugate(activation(v)), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", DIVERGENCES)
def test_the_conjugate_is_fenchels(name: str) -> None:
    """f*(t) = sup over u > 0 of u t - f(u), on a fine grid of u; for t = g(v) where the supremum lies inside."""
    given, (f, _, _) = adversarial.DIVERGENCES[name], F_DIVERGENCES[name]
    u = np.exp(np.linspace(-9.0, 9.0, 400_001))
    for v in (-1.5, -0.3, 0.0, 0.8, 1.6):
        t = float(given.activation(tf.constant(v, tf.float64)))
        supremum = (u * t - f(u)).max()
        assert float(given.conjugate(tf.constant(v, tf.float64))) == pytest.approx(supremum, rel=2e-4, abs=2e-4), v


# Two normals: P = N(0.5, 1), Q = N(-0.3, 1.2^2), on a grid for integrals.
X = np.linspace(-12.0, 12.0, 200_001)
P = np.exp(-0.5 * (X - 0.5) ** 2) / np.sqrt(2 * np.pi)
Q = np.exp(-0.5 * ((X + 0.3) / 1.2) ** 2) / (1.2 * np.sqrt(2 * np.pi))


def bound(name: str, v: np.ndarray) -> float:
    """E_P g(v) - E_Q f*(g(v)), which the discriminator raises: minus its loss."""
    loss = adversarial.DIVERGENCES[name].loss(minimax=False)
    real, fake = loss.disc_real(tf.constant(v)).numpy(), loss.disc_fake(tf.constant(v)).numpy()
    return float(-trapezoid(P * real + Q * fake, X))


# v with g(v) = f'(p / q), the optimal critic, by the ratio u.
OPTIMAL = {
    "jensen_shannon": np.log,
    "kl": lambda u: 1 + np.log(u),
    "reverse_kl": np.log,
    "pearson": lambda u: 2 * (u - 1),
    "squared_hellinger": lambda u: 0.5 * np.log(u),
    "total_variation": lambda u: 100.0 * np.sign(u - 1),
}
# In closed form, for N(m, s^2) and N(n, r^2): KL is log(r / s) + (s^2 + (m - n)^2) / (2 r^2) - 1/2, and so on.
M, S, N_, R = 0.5, 1.0, -0.3, 1.2
CLOSED = {
    "kl": np.log(R / S) + (S**2 + (M - N_) ** 2) / (2 * R**2) - 0.5,
    "reverse_kl": np.log(S / R) + (R**2 + (M - N_) ** 2) / (2 * S**2) - 0.5,
    "squared_hellinger": 2 - 2 * np.sqrt(2 * S * R / (S**2 + R**2)) * np.exp(-0.25 * (M - N_) ** 2 / (S**2 + R**2)),
    "pearson": R**2 / (S * np.sqrt(2 * R**2 - S**2)) * np.exp((M - N_) ** 2 / (2 * R**2 - S**2)) - 1,
}


@pytest.mark.parametrize("name", DIVERGENCES)
def test_the_optimal_critic_of_two_normals_attains_the_divergence_and_no_other_does(name: str) -> None:
    f = F_DIVERGENCES[name][0]
    definition = float(trapezoid(Q * f(P / Q), X))
    best = OPTIMAL[name](P / Q)
    assert bound(name, best) == pytest.approx(definition, rel=1e-6)
    if name in CLOSED:
        assert definition == pytest.approx(CLOSED[name], rel=1e-5)
    for off in (0.3, -0.3, 0.3 * np.sin(3 * X)):
        assert bound(name, best + off if name != "total_variation" else 0.01 * best + off) < definition - 1e-4


def test_jensen_shannon_is_the_logistic_game_but_for_constants() -> None:
    js, logistic = adversarial.DIVERGENCES["jensen_shannon"].loss(minimax=False), adversarial.LOGISTIC
    for name in ("disc_real", "disc_fake", "adversary"):
        off = getattr(js, name)(tf.constant(LOGITS)) - getattr(logistic, name)(tf.constant(LOGITS))
        np.testing.assert_allclose(np.abs(off), np.log(2), rtol=1e-5)


@pytest.mark.parametrize("name", DIVERGENCES)
def test_fakers_of_the_minimax_game_pay_the_bound_itself(name: str) -> None:
    loss, v = adversarial.DIVERGENCES[name].loss(minimax=True), tf.constant(LOGITS[1:-1])
    np.testing.assert_array_equal(loss.adversary(v), -loss.disc_fake(v))
    assert loss.minimax
    assert adversarial.DIVERGENCES[name].loss(minimax=False).minimax == (name == "total_variation")


def test_wasserstein_losses_are_the_critics_difference() -> None:
    loss = adversarial.WASSERSTEIN
    assert [float(f(tf.constant(3.0))) for f in (loss.disc_real, loss.disc_fake, loss.adversary)] == [-3.0, 3.0, -3.0]
    assert loss.minimax


def test_squared_distance_is_summed_over_dimensions() -> None:
    z, y = tf.constant([[1.0, 2.0], [0.0, 0.0]]), tf.constant([[0.0, 0.0], [3.0, 4.0]])
    np.testing.assert_allclose(penalties.squared_distance(z, y), [5.0, 25.0])


def test_the_gradient_penalty_of_a_linear_critic_is_known() -> None:
    """c(x, y) = 3 x + 4 y summed: the gradient's norm is 5 sqrt(pixels) everywhere, whatever alpha."""
    x, y = (tf.random.normal([2, 2, 2, 1], seed=s) for s in (1, 2))
    alpha = tf.constant([[0.2], [0.9]])

    def critic(pair: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
        return tf.reduce_sum(3.0 * pair[0] + 4.0 * pair[1], [1, 2, 3])

    np.testing.assert_allclose(penalties.gradient_penalty(critic, (x, x), (x, y), alpha), [81.0, 81.0], rtol=1e-5)


def test_the_gradient_penalty_looks_between_real_and_fake() -> None:
    """c(x) = x^2 / 2 has the gradient x: at alpha real + (1 - alpha) fake; of pairs with an alpha for each part."""
    real, fake = tf.constant([[2.0], [2.0]]), tf.constant([[10.0], [10.0]])

    def critic(*parts: tf.Tensor) -> tf.Tensor:
        return tf.add_n([tf.reduce_sum(tf.square(part), 1) / 2 for part in tf.nest.flatten(parts)])

    alone = penalties.gradient_penalty(critic, real, fake, tf.constant([[1.0], [0.25]]))
    np.testing.assert_allclose(alone, [1.0, 49.0], rtol=1e-5)  # |2| - 1 = 1, |8| - 1 = 7
    shared = penalties.gradient_penalty(critic, (real, real), (fake, fake), tf.constant([[1.0], [0.25]]))
    np.testing.assert_allclose(shared, [(8**0.5 - 1) ** 2, (128**0.5 - 1) ** 2], rtol=1e-5)
    own = penalties.gradient_penalty(critic, (real, real), (fake, fake), tf.constant([[1.0, 0.25], [0.25, 0.25]]))
    np.testing.assert_allclose(own, [(68**0.5 - 1) ** 2, (128**0.5 - 1) ** 2], rtol=1e-5)


def test_the_gradient_penalty_trains_the_critic_and_not_what_it_looks_at() -> None:
    """c(x) = w x: the penalty is (|w| - 1)^2 and its slope 2 (w - 1)."""
    w, real, fake = tf.Variable(3.0), tf.Variable([[1.0]]), tf.Variable([[0.0]])
    with tf.GradientTape() as tape:
        value = tf.reduce_mean(
            penalties.gradient_penalty(lambda x: w * x[:, 0], real.value(), fake.value(), tf.constant([[0.5]]))
        )
    slopes = tape.gradient(value, [w, real, fake])
    assert float(value) == pytest.approx(4.0, rel=1e-5)
    assert float(slopes[0]) == pytest.approx(4.0, rel=1e-5)
    assert slopes[1:] == [None, None]
