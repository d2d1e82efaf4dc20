"""Subjects of an evaluation: a model's samples and reconstructions, an export, or given images."""

import dataclasses
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tfpagan.evaluation.errors import EvaluationError, first_line
from tfpagan.evaluation.images import GeneratedImages, Images, chosen
from tfpagan.evaluation.pairs import Pairs

Array = np.ndarray
ROWS = 3  # of a trial batch


@dataclasses.dataclass(frozen=True)
class Subject:
    """What is scored: functions, or None for those that it does not have.

    Attributes:
      name: for messages.
      samples: (count, seed) to that many samples.
      pairs: (test images, code, seed) to pairs with reconstructions.
      encode: float32 images [n, H, W, C] in [-1, 1] to mean and log-variance [n, Z].
      decode: codes [n, Z] to images in [-1, 1].
      prior: standard normal numbers [n, Z] to codes of the prior.
      bound: (uint8 images, random) to an upper bound of -log p(x) in nats [n], for a decoder with a likelihood.
      decode_tensor: `decode` as a differentiable function of tensors.
      latent_dim: Z.
      same: whether samples and reconstructions are the same images in the same order, so that one pass suffices.
    """

    name: str
    samples: Callable[[int, int], Images] | None = None
    pairs: Callable[[Images, str, int], Pairs] | None = None
    encode: Callable[[Array], tuple[Array, Array]] | None = None
    decode: Callable[[Array], Array] | None = None
    prior: Callable[[Array], Array] = lambda normal: normal
    bound: Callable[[Array, np.random.Generator], Array] | None = None
    decode_tensor: Callable[[tf.Tensor], tf.Tensor] | None = None
    latent_dim: int = 0
    same: bool = False


def of_networks(
    name: str,
    decode: Callable[[Array], Array],
    latent_dim: int,
    encode: Callable[[Array], tuple[Array, Array]] | None = None,
    draw: Callable[[Array, Array], Array] | None = None,
) -> Subject:
    """The subject of a decoder and, if there is one, an encoder.

    Args:
      name: for messages.
      decode: codes [n, Z] to images in [-1, 1].
      latent_dim: Z.
      encode: images to mean and log-variance.
      draw: images and standard normal numbers [n, Z] to draws from q(z | x); default: from the normal with `encode`'s moments.
    """

    def samples(count: int, seed: int) -> Images:
        return GeneratedImages(decode, latent_dim, count, seed=seed, name=f"samples of {name}")

    def drawn(images: Array, noise: Array) -> Array:
        assert encode is not None
        if draw is not None:
            return draw(images, noise)
        mean, log_variance = encode(images)
        return mean + np.exp(0.5 * log_variance) * noise

    def pairs(x: Images, code: str, seed: int) -> Pairs:
        assert encode is not None
        random = np.random.default_rng((seed, 1))

        def reconstruct(images: Array) -> Array:
            if code == "mean":
                return decode(encode(images)[0])
            return decode(drawn(images, random.standard_normal([len(images), latent_dim]).astype(np.float32)))

        return Pairs(x, reconstruct)

    return Subject(name, samples, pairs if encode else None, encode, decode, latent_dim=latent_dim)


def of_images(images: Images) -> Subject:
    """The subject of given images: samples, or reconstructions of the test images in the same order."""
    return Subject(
        images.name,
        samples=lambda count, seed: chosen(images, count, seed),
        pairs=lambda x, code, seed: Pairs(x, images),
        same=True,
    )


def of_saved_model(folder: Path) -> Subject:
    """A SavedModel with signatures `decode` (latents to images) and, optionally, `encode` (images to mean, log_variance).

    One with `reconstruct` (images to images) but without `decode` has only reconstructions.

    Raises:
      EvaluationError: when it is not such a SavedModel.
    """
    try:
        loaded = tf.saved_model.load(str(folder))
    except Exception as e:  # TensorFlow has no common error for damaged folders
        raise EvaluationError(f"{folder} is not a readable SavedModel: {first_line(e)}") from None
    signatures = loaded.signatures
    if "decode" not in signatures and "reconstruct" in signatures:
        return _of_reconstructions(folder, signatures["reconstruct"])
    if "decode" not in signatures:
        known = ", ".join(sorted(signatures)) or "none"
        raise EvaluationError(f"{folder} has no signature decode (latents to images); its signatures: {known}")
    latents, shape = _input(folder, "decode", signatures["decode"], ("images",))
    if shape[-1] is None:
        raise EvaluationError(f"{folder}: the signature decode does not fix the number of latent dimensions")
    decode = _called(signatures["decode"], latents)
    _try_out(folder, "decode", lambda: decode(np.zeros([ROWS, shape[-1]], np.float32))["images"], 4)
    if "encode" not in signatures:
        subject = of_networks(str(folder), lambda z: decode(z)["images"].numpy(), shape[-1])
        return dataclasses.replace(subject, decode_tensor=lambda z: decode(z)["images"])
    images, image_shape = _image_input(folder, "encode", signatures["encode"], ("mean", "log_variance"))
    encoder = _called(signatures["encode"], images)
    blank = np.zeros([ROWS, *image_shape[1:]], np.float32)
    for output in ("mean", "log_variance"):
        given = _try_out(folder, "encode", partial(lambda key: encoder(blank)[key], output), 2)
        if given[1] != shape[-1]:
            raise EvaluationError(f"{folder}: encode returns {output} of {given[1]} dimensions, but decode takes {shape[-1]}")

    def encode(x: Array) -> tuple[Array, Array]:
        _require_shape(folder, image_shape, x)
        outputs = encoder(x)
        return outputs["mean"].numpy(), outputs["log_variance"].numpy()

    subject = of_networks(str(folder), lambda z: decode(z)["images"].numpy(), shape[-1], encode)
    return dataclasses.replace(subject, decode_tensor=lambda z: decode(z)["images"])


def _of_reconstructions(folder: Path, signature: Any) -> Subject:
    images, shape = _image_input(folder, "reconstruct", signature, ("images",))
    call = _called(signature, images)
    _try_out(folder, "reconstruct", lambda: call(np.zeros([ROWS, *shape[1:]], np.float32))["images"], 4)

    def reconstruct(x: Array) -> Array:
        _require_shape(folder, shape, x)
        return call(x)["images"].numpy()

    def pairs(x: Images, code: str, seed: int) -> Pairs:
        if code != "mean":
            raise EvaluationError(f"{folder} reconstructs from mean codes only, not from draws")
        return Pairs(x, reconstruct)

    return Subject(str(folder), pairs=pairs)


def _require_shape(folder: Path, shape: tf.TensorShape, x: Array) -> None:
    if not shape.is_compatible_with(x.shape):
        raise EvaluationError(f"{folder} takes images {shape.as_list()[1:]}; these are {list(x.shape[1:])}")


def _try_out(folder: Path, name: str, call: Callable[[], tf.Tensor], rank: int) -> tf.TensorShape:
    """The shape of a signature's output for a few rows; refuses one that is not float32 of this rank and as many rows."""
    try:
        given = call()
    except Exception as e:  # an unknown network may raise anything
        raise EvaluationError(f"{folder}: the signature {name} cannot be called: {' '.join(str(e).split())[:200]}") from None
    if given.dtype != tf.float32 or given.shape.rank != rank or given.shape[0] != ROWS:
        found = f"{given.dtype.name} {given.shape.as_list()}"
        raise EvaluationError(
            f"{folder}: the signature {name} returns {found} for {ROWS} rows; expected float32 of rank {rank}"
        )
    return given.shape


def _input(folder: Path, name: str, signature: Any, outputs: tuple[str, ...]) -> tuple[str, tf.TensorShape]:
    """Name and shape of a signature's only input; refuses a signature with several inputs or without these outputs."""
    inputs = signature.structured_input_signature[1]
    if len(inputs) != 1 or not set(outputs) <= signature.structured_outputs.keys():
        given = f"takes {', '.join(inputs)} and returns {', '.join(signature.structured_outputs)}"
        raise EvaluationError(f"{folder}: the signature {name} {given}; expected one input, and outputs {', '.join(outputs)}")
    ((key, spec),) = inputs.items()
    return key, spec.shape


def _image_input(folder: Path, name: str, signature: Any, outputs: tuple[str, ...]) -> tuple[str, tf.TensorShape]:
    """The same for an input of images, whose size must be fixed."""
    key, shape = _input(folder, name, signature, outputs)
    if None in shape[1:]:
        raise EvaluationError(f"{folder}: the signature {name} does not fix the size of images: {shape}")
    return key, shape


def _called(signature: Any, argument: str) -> Callable[[Array], dict[str, tf.Tensor]]:
    return lambda x: signature(**{argument: tf.constant(x)})
