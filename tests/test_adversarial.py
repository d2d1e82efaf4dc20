"""The adversarial losses against their definitions."""

import numpy as np
import pytest
import tensorflow as tf
from reference import minus_log_sigmoid

from tfpagan import adversarial, penalties

LOGITS = np.array([-30.0, -5.0, -1.0, 0.0, 0.5, 3.0, 30.0], np.float32)


def test_logistic_losses_are_algorithm_1() -> None:
    loss = adversarial.LOGISTIC
    np.testing.assert_allclose(loss.disc_real(LOGITS), minus_log_sigmoid(LOGITS), rtol=1e-6)  # -log D
    np.testing.assert_allclose(loss.disc_fake(LOGITS), minus_log_sigmoid(-LOGITS), rtol=1e-6)  # -log(1 - D)
    np.testing.assert_allclose(loss.faker(LOGITS), minus_log_sigmoid(LOGITS), rtol=1e-6)  # -log D


def test_logistic_losses_at_zero_are_log_two() -> None:
    loss = adversarial.LOGISTIC
    for function in (loss.disc_real, loss.disc_fake, loss.faker):
        assert float(function(tf.constant(0.0))) == pytest.approx(0.6931472, abs=1e-7)


def test_logistic_losses_do_not_overflow() -> None:
    far = tf.constant([-1000.0, 1000.0])
    np.testing.assert_array_equal(adversarial.LOGISTIC.disc_fake(far), [0.0, 1000.0])
    np.testing.assert_array_equal(adversarial.LOGISTIC.faker(far), [1000.0, 0.0])


def test_l1_is_the_mean_absolute_difference_of_each_sample() -> None:
    x = np.zeros([2, 2, 2, 1], np.float32)
    y = x.copy()
    y[0, 0, 0, 0], y[1] = 2.0, -0.5  # means over 4 pixels: 0.5 and 0.5
    y[1, 0, 0, 0] = -1.5  # 0.75
    np.testing.assert_allclose(penalties.l1(tf.constant(x), tf.constant(y)), [0.5, 0.75])
