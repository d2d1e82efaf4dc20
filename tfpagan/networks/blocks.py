"""Building blocks: spectrally normalised layers (ours), batch norm with the paper's constants, kinds of posterior."""

import math
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from tfpagan.latents import on_sphere
from tfpagan.networks.flow import Flow
from tfpagan.networks.initializers import Initializers
from tfpagan.settings.sections import NetworkConfig

LEAK = 0.2  # of leaky ReLU
SPECTRAL_EPSILON = 1e-12
FIRST_SCALE = 0.5  # of p(x | z), where it is learned: about the standard deviation of pixels in [-1, 1]


def _unit(vector: tf.Tensor) -> tf.Tensor:
    return vector * tf.math.rsqrt(tf.maximum(tf.reduce_sum(tf.square(vector)), SPECTRAL_EPSILON))


class _Spectral(tf.keras.layers.Layer):
    """A layer whose kernel is divided by its largest singular value (Miyato et al., 2018, section 2.1, Algorithm 1).

    The kernel [..., out] is read as a matrix [in, out]. `u` [out] and `v` [in] are unit vectors that approximate its
    first singular vectors; only `power_iteration` updates them, once per pass. The call uses W / sigma with sigma = v' W u. The
    gradient treats u and v as constants, but not sigma: it has the factor 1 / sigma and the projection term.
    """

    def __init__(self, units: int, init: Initializers):
        super().__init__(name=init.name)
        self.units = units
        self._init = init

    def _add_weights(self, kernel_shape: tuple[int, ...]) -> None:
        # The kernel stays float32 with mixed precision: sigma is computed from it, and only W / sigma is cast.
        self.kernel = self.add_weight("kernel", kernel_shape, tf.float32, self._init.kernel(), experimental_autocast=False)
        self.bias = self.add_weight("bias", [self.units], initializer="zeros")
        self.u = self._add_direction("u", self.units, lambda shape, dtype: _unit(self._init.normal("u")(shape, dtype)))
        self.v = self._add_direction("v", tf.TensorShape(kernel_shape[:-1]).num_elements(), "zeros")
        self.power_iteration()  # without it sigma would be a random number

    def _add_direction(self, name: str, size: int, initializer: Any) -> tf.Variable:
        # All replicas compute the same update from the same kernel: each keeps its own, and nothing is communicated.
        return self.add_weight(
            name,
            [size],
            tf.float32,
            initializer,
            trainable=False,
            experimental_autocast=False,
            synchronization=tf.VariableSynchronization.ON_READ,
            aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
        )

    def _matrix(self) -> tf.Tensor:
        return tf.reshape(self.kernel, [-1, self.units])  # [in, out]

    def power_iteration(self) -> None:
        """One round of v <- W u / |W u|, u <- W' v / |W' v|."""
        matrix = self._matrix()
        v = _unit(tf.linalg.matvec(matrix, self.u))
        self.v.assign(v)
        self.u.assign(_unit(tf.linalg.matvec(matrix, v, transpose_a=True)))

    def sigma(self) -> tf.Tensor:
        """The largest singular value, estimated by u and v; differentiable in the kernel, constant in u and v."""
        u, v = tf.stop_gradient(self.u.read_value()), tf.stop_gradient(self.v.read_value())
        return tf.tensordot(v, tf.linalg.matvec(self._matrix(), u), 1)

    def normalised_kernel(self) -> tf.Tensor:
        """W / sigma in the layer's compute dtype."""
        return tf.cast(self.kernel / self.sigma(), self.compute_dtype)


class SpectralDense(_Spectral):
    """Dense layer [N, in] -> [N, units] with a spectrally normalised kernel."""

    def build(self, input_shape: tf.TensorShape) -> None:
        self._add_weights((input_shape[-1], self.units))
        super().build(input_shape)

    def call(self, x: tf.Tensor) -> tf.Tensor:
        return tf.matmul(x, self.normalised_kernel()) + self.bias


class SpectralConv(_Spectral):
    """Convolution [N, H, W, C] -> [N, H / strides, W / strides, units], 'same' padding, spectrally normalised kernel."""

    def __init__(self, units: int, kernel_size: int, strides: int, init: Initializers):
        super().__init__(units, init)
        self.kernel_size, self.strides = kernel_size, strides

    def build(self, input_shape: tf.TensorShape) -> None:
        self._add_weights((self.kernel_size, self.kernel_size, input_shape[-1], self.units))
        super().build(input_shape)

    def call(self, x: tf.Tensor) -> tf.Tensor:
        return tf.nn.bias_add(tf.nn.conv2d(x, self.normalised_kernel(), self.strides, "SAME"), self.bias)


def batch_norm(init: Initializers, *, scale: bool, synchronized: bool) -> tf.keras.layers.BatchNormalization:
    """Batch normalisation with epsilon 2e-5 and decay 0.9 (chainer's constants, which the paper's code used)."""
    return tf.keras.layers.BatchNormalization(
        momentum=0.9, epsilon=2e-5, scale=scale, synchronized=synchronized, name=init.name
    )


def dense(units: int, norm: str, init: Initializers) -> tf.keras.layers.Layer:
    """A dense layer, spectrally normalised where the network is; batch norm is used between convolutions only."""
    return SpectralDense(units, init) if norm == "spectral" else plain_dense(units, True, init)


def plain_dense(units: int, bias: bool, init: Initializers) -> tf.keras.layers.Dense:
    """A dense layer."""
    return tf.keras.layers.Dense(units, use_bias=bias, kernel_initializer=init.kernel(), name=init.name)


def plain_conv(units: int, kernel: int, strides: int, bias: bool, init: Initializers) -> tf.keras.layers.Conv2D:
    """A convolution with 'same' padding."""
    return tf.keras.layers.Conv2D(
        units, kernel, strides, "same", use_bias=bias, kernel_initializer=init.kernel(), name=init.name
    )


def plain_deconv(units: int, kernel: int, strides: int, bias: bool, init: Initializers) -> tf.keras.layers.Conv2DTranspose:
    """A transposed convolution with 'same' padding."""
    return tf.keras.layers.Conv2DTranspose(
        units, kernel, strides, "same", use_bias=bias, kernel_initializer=init.kernel(), name=init.name
    )


def upsampled(x: tf.Tensor) -> tf.Tensor:
    """Nearest-neighbour upsampling, [N, H, W, C] to [N, 2 H, 2 W, C].

    Not by `tf.repeat`, which does the same, but loses the static sizes that other formats of an export need.
    """
    _, height, width, channels = x.shape
    x = tf.reshape(tf.tile(x[:, :, None], [1, 1, 2, 1, 1]), [-1, 2 * height, width, channels])
    return tf.reshape(tf.tile(x[:, :, :, None], [1, 1, 1, 2, 1]), [-1, 2 * height, 2 * width, channels])


def flat(x: tf.Tensor) -> tf.Tensor:
    """[N, h, w, c] -> [N, h w c]."""
    return tf.reshape(x, [-1, x.shape[1] * x.shape[2] * x.shape[3]])


POINT_LOG_VARIANCE = -60.0  # of a deterministic code: a standard deviation of 1e-13 vanishes in float32


@dataclass(frozen=True)
class Posterior:
    """q(z | x): its kind (`--posterior`), dimensions of z, length of the flow, where it has one, and `max_variance`."""

    kind: str
    dims: int
    flow_length: int
    max_variance: float

    @classmethod
    def of(cls, config: NetworkConfig) -> "Posterior":
        """The posterior of a configuration."""
        return cls(config.posterior, config.latent_dim, config.flow_length, config.max_variance)


class EncoderNetwork(tf.keras.Model):
    """An encoder: images [N, H, W, C] -> (mean, log-variance) of q(z | x), each [N, Z] float32; subclasses add the layers.

    A deterministic code, unconstrained or on the unit sphere, is the mean of a Gaussian with zero variance. With a flow F the
    code is F of a Gaussian: in training the moments are those before F; in inference the mean has passed through F.
    """

    def add_end(self, posterior: Posterior, norm: str, init: Initializers) -> None:
        """Adds the last layer, after those of the subclass: optimizer checkpoints depend on the order."""
        kind, dims = posterior.kind, posterior.dims
        self.posterior, self.max_variance = kind, posterior.max_variance
        self.moments = dense(dims * (1 if kind in ("point", "sphere") else 2), norm, init.layer("moments"))
        self.flow = Flow(dims, posterior.flow_length, init.layer("flow")) if kind == "flow" else None

    def hidden(self, x: tf.Tensor, training: bool) -> list[tf.Tensor]:
        """Activations of the layers before the last one, each [N, h, w, c]."""
        raise NotImplementedError

    def features(self, x: tf.Tensor) -> tf.Tensor:
        """Features for a classifier: the last three activations, flattened, and the mean code: [N, F]."""
        layers = self.hidden(x, False)
        mean, _ = self.end(layers)
        return tf.concat([tf.cast(flat(h), tf.float32) for h in layers[-3:]] + [mean], 1)

    def base(self, x: tf.Tensor, training: bool = False) -> tuple[tf.Tensor, tf.Tensor]:
        """The moments before the flow, if there is one."""
        return self.end(self.hidden(x, training))

    def end(self, layers: list[tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
        """The moments computed from the activations."""
        raw = tf.cast(self.moments(flat(layers[-1])), tf.float32)
        if self.posterior in ("point", "sphere"):
            point = on_sphere(raw) if self.posterior == "sphere" else raw
            return point, tf.fill(tf.shape(point), POINT_LOG_VARIANCE)
        mean, log_variance = tf.split(raw, 2, 1)
        return mean, bounded_log_variance(log_variance, self.max_variance) if self.max_variance else log_variance

    def call(self, x: tf.Tensor, training: bool = False) -> tuple[tf.Tensor, tf.Tensor]:
        mean, log_variance = self.base(x, training)
        return (self.flow(mean)[0] if self.flow and not training else mean), log_variance


def bounded_log_variance(log_variance: tf.Tensor, largest: float) -> tf.Tensor:
    """The logarithm of 1 / (1 / v + 1 / largest): v where it is small, never above the bound, smooth in between.

    It is how a Gaussian's variance changes when its density is multiplied by one of variance `largest`: precisions add up.

    >>> tf.exp(bounded_log_variance(tf.constant([0.0, 50.0]), 1.0)).numpy().tolist()
    [0.5, 1.0]
    """
    log_largest = math.log(largest)
    return log_largest - tf.math.softplus(log_largest - log_variance)


def log_scale(network: tf.keras.Model, scale: float | None) -> tf.Variable | tf.Tensor | None:
    """Logarithm of the scale of p(x | z), a scalar: a weight of the network where `scale` is 0; None without a likelihood."""
    if scale == 0.0:
        start = tf.keras.initializers.Constant(math.log(FIRST_SCALE))
        return network.add_weight("log_scale", [], tf.float32, start, experimental_autocast=False)
    return tf.constant(math.log(scale), tf.float32) if scale else None


def spectral_layers(model: tf.Module) -> list[_Spectral]:
    """The spectrally normalised layers of a network."""
    return [layer for layer in model.submodules if isinstance(layer, _Spectral)]
