"""The signatures of an export: encoder and generator as functions of tensors, with variants for PNG and JPEG bytes.

| signature | inputs | outputs |
| --- | --- | --- |
| `serving_default`, `reconstruct` | `images` | `images` |
| `encode` | `images` | `latents`, `mean`, `log_variance` |
| `decode` | `latents` | `images` |
| `sample` | `seed`, `num` | `images` |
| `..._bytes`, `..._jpeg_bytes` | `images_bytes` in place of `images` | `images_bytes`: PNG, or JPEG |

`images` are float32 [N, H, W, C] in [-1, 1], `latents` float32 [N, Z], `images_bytes` [N] the contents of PNG or JPEG files,
`seed` and `num` int32 scalars. The `latents` of an image are its mean code. Names ending in `_bytes` are base64 in TensorFlow
Serving's REST format. A system without an encoder has only `decode` and `sample`, and `decode` is its default. A colourisation
system has `colourise` in place of these two: it takes `latents` besides the images.
"""

import dataclasses
import functools
from collections.abc import Callable

import tensorflow as tf

from tfpagan.inference.restore import Inference
from tfpagan.latents import prior

JPEG_QUALITY = 95
Outputs = dict[str, tf.Tensor]


@dataclasses.dataclass(frozen=True)
class Signature:
    """A function of tensors, and its inputs."""

    function: Callable[..., Outputs]
    inputs: tuple[tf.TensorSpec, ...]

    def __call__(self, *tensors: tf.Tensor) -> Outputs:
        """Operation by operation, or inside another signature's graph as one call: networks are then traced and stored once."""
        return self.function(*tensors) if tf.executing_eagerly() else self.traced(*tensors)

    @functools.cached_property
    def traced(self) -> tf.types.experimental.GenericFunction:
        """As a tf.function, for a SavedModel."""
        return tf.function(self.function, input_signature=self.inputs, autograph=False)  # no signature branches on a tensor


class Served:
    """The networks of a run with their signatures."""

    def __init__(self, run: Inference):
        self.generator, self.encoder = run.networks["generator"], run.networks.get("encoder")
        condition = run.config.objective.condition
        self.decoder, self.recolourer = condition.decoder(self.generator), condition.recolourer(self.generator)
        self.image_shape, self.latent_dim = run.image_shape, run.config.networks.latent_dim

    def module(self) -> tf.Module:
        """The owner of the weights in a SavedModel: variables only, without Keras objects or training state."""
        module = tf.Module(name="served")
        module.weights = [v for network in (self.generator, self.encoder) if network is not None for v in network.variables]
        return module

    def signatures(self) -> dict[str, Signature]:
        """The signatures by name."""
        images = tf.TensorSpec([None, *self.image_shape], tf.float32, "images")
        latents = tf.TensorSpec([None, self.latent_dim], tf.float32, "latents")
        seed, num = tf.TensorSpec([], tf.int32, "seed"), tf.TensorSpec([], tf.int32, "num")
        encode = Signature(self.encode, (images,)) if self.encoder is not None else None
        makers: dict[str, Signature] = {}  # those that return images
        if self.recolourer is not None:
            colourise = makers["colourise"] = Signature(self.colourise, (images, latents))
            if encode is not None:
                makers["reconstruct"] = Signature(lambda x: colourise(x, encode(x)["latents"]), (images,))
        if self.decoder is not None:
            decode = makers["decode"] = Signature(self.decode, (latents,))
            makers["sample"] = Signature(lambda seed, num: decode(prior(seed, num, self.latent_dim)), (seed, num))
            if encode is not None:
                makers["reconstruct"] = Signature(lambda x: decode(encode(x)["latents"]), (images,))
        found = {"encode": encode, "encode_bytes": self._taking_files(encode)} if encode is not None else {}
        for ending, encoded in (("bytes", as_png), ("jpeg_bytes", as_jpeg)):
            found |= {f"{name}_{ending}": _giving_bytes(self._taking_files(s), encoded) for name, s in makers.items()}
        return makers | found | {"serving_default": makers["reconstruct" if encode is not None else "decode"]}

    def _taking_files(self, signature: Signature) -> Signature:
        """Takes PNG or JPEG files in place of images, if it takes images."""
        if signature.inputs[0].name != "images":
            return signature
        files = tf.TensorSpec([None], tf.string, "images_bytes")
        inputs = (files, *signature.inputs[1:])
        return Signature(lambda first, *rest: signature(self._from_files(first), *rest), inputs)

    def colourise(self, images: tf.Tensor, latents: tf.Tensor) -> Outputs:
        """G(z given L of x): the images, coloured by the codes."""
        assert self.recolourer is not None
        return {"images": self.recolourer(latents, images)}

    def encode(self, images: tf.Tensor) -> Outputs:
        """E: the moments of q(z | x); the mean is the code."""
        assert self.encoder is not None
        mean, log_variance = self.encoder(images)
        return {"latents": tf.identity(mean), "mean": mean, "log_variance": log_variance}

    def decode(self, latents: tf.Tensor) -> Outputs:
        """G(z)."""
        assert self.decoder is not None
        return {"images": self.decoder(latents)}

    def _from_files(self, files: tf.Tensor) -> tf.Tensor:
        def pixels(file: tf.Tensor) -> tf.Tensor:
            image = tf.io.decode_image(file, self.image_shape[2], expand_animations=False)
            sized = tf.ensure_shape(image, self.image_shape)  # its error names both sizes
            return tf.cast(sized, tf.float32) / 127.5 - 1.0

        return tf.map_fn(pixels, files, fn_output_signature=tf.TensorSpec(self.image_shape, tf.float32))


def as_png(image: tf.Tensor) -> tf.Tensor:
    """The contents of a PNG file of a uint8 image [H, W, C]."""
    return tf.io.encode_png(image)


def as_jpeg(image: tf.Tensor) -> tf.Tensor:
    """The contents of a JPEG file of a uint8 image [H, W, C]."""
    return tf.io.encode_jpeg(image, quality=JPEG_QUALITY)


def _giving_bytes(signature: Signature, encode: Callable[[tf.Tensor], tf.Tensor]) -> Signature:
    def encoded(*args: tf.Tensor) -> Outputs:
        images = signature(*args)["images"]
        pixels = tf.cast(tf.clip_by_value(tf.round((images + 1.0) * 127.5), 0.0, 255.0), tf.uint8)
        return {"images_bytes": tf.map_fn(encode, pixels, fn_output_signature=tf.string)}

    return Signature(encoded, signature.inputs)
