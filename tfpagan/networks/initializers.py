"""Initial weights: Normal(0, 0.02) or Xavier's, each tensor determined by the run's seed and the tensor's name."""

import zlib
from dataclasses import dataclass, replace

import tensorflow as tf

STANDARD_DEVIATION = 0.02


@dataclass(frozen=True)
class Initializers:
    """Creates the initializers of one network, or of one layer in it.

    >>> init = Initializers(seed=0, path="generator")
    >>> init.layer("dense").name
    'dense'
    """

    seed: int
    path: str
    kind: str = "normal"

    @property
    def name(self) -> str:
        """The last part of the path, which is the layer's name."""
        return self.path.rsplit("/", 1)[-1]

    def layer(self, name: str) -> "Initializers":
        """The initializers of a layer inside."""
        return replace(self, path=f"{self.path}/{name}")

    def kernel(self) -> tf.keras.initializers.Initializer:
        """This layer's kernel initializer: Normal(0, 0.02), or Glorot and Bengio's (2010) uniform one."""
        if self.kind == "xavier":
            return tf.keras.initializers.GlorotUniform(self._seed("kernel"))
        return self.normal("kernel")

    def normal(self, weight: str) -> tf.keras.initializers.Initializer:
        """Normal(0, 0.02), for one weight of this layer."""
        return tf.keras.initializers.RandomNormal(0.0, STANDARD_DEVIATION, seed=self._seed(weight))

    def _seed(self, weight: str) -> int:
        return zlib.crc32(f"{self.seed}/{self.path}/{weight}".encode())
