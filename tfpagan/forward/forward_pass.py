"""The tensors of one forward pass, each computed once, when first read."""

import math
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar, overload

import tensorflow as tf

from tfpagan.errors import UserError
from tfpagan.forward.augment import UNIFORMS, Augmentation
from tfpagan.forward.condition import NONE, Condition
from tfpagan.forward.noise import Noise
from tfpagan.latents import on_sphere
from tfpagan.losses import densities
from tfpagan.settings.sections import NetworkConfig

T = TypeVar("T")


class _Once(Generic[T]):
    """A property computed when first read.

    functools.cached_property holds a lock while it computes (until Python 3.12); replicas are traced in separate threads that
    wait for each other at synchronised batch norm, and would deadlock.
    """

    def __init__(self, compute: Callable[[Any], T]):
        self._compute, self.__doc__ = compute, compute.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, instance: None, owner: type) -> "_Once[T]": ...
    @overload
    def __get__(self, instance: object, owner: type) -> T: ...
    def __get__(self, instance: object | None, owner: type) -> "_Once[T] | T":
        if instance is None:
            return self
        value = vars(instance)[self._name] = self._compute(instance)
        return value  # found in the instance from now on


class Pass:
    """One forward pass through the networks.

    Args:
      networks: by role.
      x: images [N, H, W, C] float32 in [-1, 1]; `Pass.x` and what derives from it are as the networks take them.
      noise: of this step.
      augmentation: a(x), from `augment.build`.
      config: of the networks: dimensions of the code, kind of posterior, the decoder's likelihood.
      condition: what the generator is given besides a code.
      dequantise: whether each pixel gets a uniform draw from its grey level, 1 / 127.5 wide (AS-VAE section 5.1).
      features: images in [-1, 1] to a frozen classifier's features [N, D], where the objective names one.
    """

    def __init__(
        self,
        networks: Mapping[str, tf.keras.Model],
        x: tf.Tensor,
        noise: Noise,
        augmentation: Augmentation,
        config: NetworkConfig,
        condition: Condition = NONE,
        dequantise: bool = False,
        features: Callable[[tf.Tensor], tf.Tensor] | None = None,
    ):
        self._features = features
        self._networks, self._noise, self._augmentation = networks, noise, augmentation
        self._config, self._condition = config, condition
        self.x = condition.to_model(self._dequantised(x) if dequantise else x)

    @_Once
    def z(self) -> tf.Tensor:
        """Codes from the prior [N, Z]: N(0, I), or uniform on the sphere."""
        return self._prior("z")

    @property
    def prior_variance(self) -> float:
        """Variance of the prior in each dimension: 1, or 1 / Z on the sphere."""
        return 1.0 / self._config.latent_dim if self._config.posterior == "sphere" else 1.0

    @_Once
    def z_other(self) -> tf.Tensor:
        """Codes from the prior [N, Z], independent of `z`."""
        return self._prior("z_other")

    @_Once
    def x_gen(self) -> tf.Tensor:
        """Samples G(z) [N, H, W, C]."""
        return self._together[0] if self._is_joint else self._generated(self.z)

    @_Once
    def x_draw(self) -> tf.Tensor:
        """Draws from p(x | z) [N, H, W, C], centred at `x_gen`; the gradient flows through them."""
        noise = self._noise.uniform("x_draw", math.prod(self.x.shape[1:]))
        return densities.draw(self._config.likelihood, self.x_gen, self.log_scale, tf.reshape(noise, tf.shape(self.x)))

    @_Once
    def code(self) -> tuple[tf.Tensor, tf.Tensor]:
        """Mean and log-variance of q(z | x), each [N, Z]."""
        return self._networks["encoder"](self.x, training=True)

    @_Once
    def z_enc(self) -> tf.Tensor:
        """A draw from q(z | x) [N, Z]; the gradient flows through it to mean and variance."""
        return self._posterior(self.code, "z_enc")

    @_Once
    def z_enc_other(self) -> tf.Tensor:
        """The draws `z_enc` [N, Z], each paired with the next image: codes from q(z), independent of x."""
        return self._noise.own_rows(tf.roll(self.whole_batch(self.z_enc), 1, 0))

    @_Once
    def x_rec(self) -> tf.Tensor:
        """Reconstructions G(E(x)) [N, H, W, C]."""
        return self._together[1] if self._is_joint else self._generated(self.z_enc)

    @_Once
    def _together(self) -> tuple[tf.Tensor, tf.Tensor]:
        """G(z) and G(E(x)) from one call, so that its batch norms have common statistics."""
        x_gen, x_rec = tf.split(self._generated(tf.concat([self.z, self.z_enc], 0)), 2)
        return x_gen, x_rec

    @property
    def _is_joint(self) -> bool:
        return self._config.joint_batch_norm and "encoder" in self._networks

    @_Once
    def code_gen(self) -> tuple[tf.Tensor, tf.Tensor]:
        """Mean and log-variance of q(z | G(z)), each [N, Z]."""
        return self._networks["encoder"](self.x_gen, training=True)

    @_Once
    def z_rec(self) -> tf.Tensor:
        """Codes of samples, a draw from q(z | G(z)) [N, Z]."""
        return self._posterior(self.code_gen, "z_rec")

    @_Once
    def code_draw(self) -> tuple[tf.Tensor, tf.Tensor]:
        """Mean and log-variance of q(z | `x_draw`), each [N, Z]."""
        return self._networks["encoder"](self.x_draw, training=True)

    @_Once
    def x_aug(self) -> tf.Tensor:
        """Augmented images a(x) [N, H, W, C]."""
        return self._augmentation(self.x, self._noise.uniform("x_aug", UNIFORMS))

    @property
    def log_scale(self) -> tf.Tensor:
        """Logarithm of the scale of p(x | z), for images in [-1, 1]; a scalar."""
        return self._networks["generator"].log_scale

    def log_likelihood(self, x: tf.Tensor, centre: tf.Tensor) -> tf.Tensor:
        """log p(x | z) in nats [N], for a decoder centred at `centre`."""
        return densities.log_likelihood(self._config.likelihood, x, centre, self.log_scale)

    def log_posterior(self, z: tf.Tensor, moments: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
        """log q(z | x) in nats [N], of codes under the moments of images."""
        mean, log_variance = moments
        flow = self._networks["encoder"].flow
        before, log_det = flow.inverse(z) if flow else (z, 0.0)
        return densities.normal(before, mean, 0.5 * log_variance) + log_det

    def features(self, images: tf.Tensor) -> tf.Tensor:
        """Features [N, D] of images by the objective's classifier; the gradient flows to the images."""
        assert self._features is not None
        return self._features(images)

    def uniform(self, name: str, size: int) -> tf.Tensor:
        """Uniform numbers in (0, 1) of this step [N, size], for an objective's own draws."""
        return self._noise.uniform(name, size)

    def whole_batch(self, rows: tf.Tensor) -> tf.Tensor:
        """Rows [N / replicas, ...] of this replica to [N, ...] of all, for statistics of the whole batch."""
        if self._noise.replicas == 1:
            return rows
        try:
            whole = tf.distribute.get_replica_context().all_gather(rows, axis=0)  # differentiable
        except RuntimeError:
            raise UserError("the system reads the whole batch, and does not say so (reads_whole_batch): --xla=false") from None
        return tf.ensure_shape(whole, [self._noise.replicas * rows.shape[0], *rows.shape[1:]])

    def statistics(self) -> dict[str, tf.Tensor]:
        """Per sample [N], if the encoder was called: squared mean and variance, averaged over dimensions.

        For codes that follow the prior the two add up to 1; a collapsed encoder has 0 and 1.
        """
        if "code" not in vars(self):  # where _Once keeps what it computed
            return {}
        mean, log_variance = self.code
        return {"mean_square": tf.reduce_mean(mean**2, 1), "variance": tf.reduce_mean(tf.exp(log_variance), 1)}

    def _dequantised(self, x: tf.Tensor) -> tf.Tensor:
        inside = self._noise.uniform("dequantise", math.prod(x.shape[1:])) - 0.5
        return x + tf.reshape(inside, tf.shape(x)) / 127.5

    def _generated(self, z: tf.Tensor) -> tf.Tensor:
        given = tf.tile(self.x, [z.shape[0] // self.x.shape[0], 1, 1, 1])  # twice where two batches are generated together
        return self._networks["generator"](self._condition.generator_input(z, given), training=True)

    def _prior(self, name: str) -> tf.Tensor:
        normal = self._noise.normal(name, self._config.latent_dim)
        return on_sphere(normal) if self._config.posterior == "sphere" else normal

    def _posterior(self, moments: tuple[tf.Tensor, tf.Tensor], name: str) -> tf.Tensor:
        mean, log_variance = moments
        drawn = mean + tf.exp(0.5 * log_variance) * self._noise.normal(name, self._config.latent_dim)
        flow = self._networks["encoder"].flow
        return flow(drawn)[0] if flow else drawn
