"""The normalising flow: its inverse, its determinant, and tensorflow_probability's couplings as the oracle."""

import numpy as np
import pytest
import tensorflow as tf

from tfpagan.networks.flow import LARGEST_LOG_SCALE, Flow
from tfpagan.networks.initializers import Initializers


def flow(dims: int, length: int) -> Flow:
    """One that is far from the identity."""
    made = Flow(dims, length, Initializers(0, "flow"))
    made(tf.zeros([1, dims]))
    random = np.random.default_rng(0)
    for v in made.trainable_variables:
        v.assign(random.normal(0, 2 / np.sqrt(length), v.shape))
    return made


def codes(dims: int) -> tf.Tensor:
    return tf.constant(np.random.default_rng(1).normal(size=[4, dims]), tf.float32)


def test_it_begins_as_the_identity() -> None:
    z, log_det = Flow(5, 80, Initializers(0, "flow"))(codes(5))
    np.testing.assert_array_equal(z, codes(5))
    np.testing.assert_array_equal(log_det, np.zeros(4))


@pytest.mark.parametrize(("dims", "length"), [(2, 1), (5, 4), (6, 80)])
def test_the_inverse_undoes_it_and_has_the_opposite_determinant(dims: int, length: int) -> None:
    made, z0 = flow(dims, length), codes(dims)
    z, log_det = made(z0)
    back, inverse_log_det = made.inverse(z)
    np.testing.assert_allclose(back, z0, atol=1e-4)
    np.testing.assert_allclose(inverse_log_det, -log_det, atol=1e-4)
    assert np.abs(z - z0).max() > 0.1


def test_eighty_couplings_that_moved_alike_do_not_overflow() -> None:
    """Adam moves every weight of every coupling by its step size at once."""
    made = Flow(128, 80, Initializers(0, "flow"))
    z0 = tf.constant(np.random.default_rng(1).normal(size=[4, 128]), tf.float32)
    made(z0)
    for v in made.trainable_variables:
        v.assign(v + 0.02)
    for z, log_det in (made(z0), made.inverse(z0)):
        assert np.abs(z).max() < 1e4
        assert np.isfinite(log_det).all()


def test_the_determinant_is_that_of_the_jacobian() -> None:
    made, z0 = flow(5, 4), codes(5)
    with tf.GradientTape() as tape:
        tape.watch(z0)
        z, log_det = made(z0)
    jacobian = tape.batch_jacobian(z, z0).numpy().astype(np.float64)
    np.testing.assert_allclose(log_det, np.log(np.abs(np.linalg.det(jacobian))), rtol=1e-4, atol=1e-5)


def test_it_is_tensorflow_probabilitys_real_nvp() -> None:
    import tensorflow_probability as tfp

    made, z0 = flow(5, 3), codes(5)

    def coupling(i: int):  # type: ignore[no-untyped-def]
        def shift_and_log_scale(kept: tf.Tensor, _: int) -> tuple[tf.Tensor, tf.Tensor]:
            shift, raw = tf.split(made.outputs[i](made.hidden[i](kept)), 2, 1)
            return shift / 1.5, LARGEST_LOG_SCALE * tf.tanh(raw)  # three couplings, 1.5 for a half

        return shift_and_log_scale

    couplings = [tfp.bijectors.RealNVP(num_masked=(2, -3)[i % 2], shift_and_log_scale_fn=coupling(i)) for i in range(3)]
    oracle, (z, log_det) = tfp.bijectors.Chain(couplings[::-1]), made(z0)
    np.testing.assert_allclose(z, oracle.forward(z0), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(log_det, oracle.forward_log_det_jacobian(z0, event_ndims=1), rtol=1e-5, atol=1e-5)
