"""One version of an export, loaded with plain TensorFlow; checks inputs."""

import dataclasses
import logging
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow_serving.apis.get_model_metadata_pb2 import SignatureDefMap

from tfpagan.evaluation import image_files
from tfpagan.evaluation.image_files import ImageFileError
from tfpagan.serving.errors import RequestError

Arrays = dict[str, np.ndarray]
FILES = ("PNG", "JPEG")
LARGEST = 1.001
"""Largest absolute value of pixels in [-1, 1], with room for rounding."""
ROOM = 4
"""How many times the values of the largest request are parsed, to say what is wrong with them."""
NO_IMAGE = "images_bytes holds a file that is not a grey or RGB image in PNG or JPEG format"


@dataclasses.dataclass(frozen=True)
class Signature:
    """A function of an export.

    Attributes:
      inputs: dtypes and shapes by name.
      call: maps tensors by name to tensors by name.
    """

    inputs: Mapping[str, tf.TensorSpec]
    call: Any

    @property
    def batched(self) -> bool:
        """Whether every input has rows, so that requests can be joined."""
        return all(spec.shape.rank and spec.shape[0] is None for spec in self.inputs.values())


class Servable:
    """The signatures of a version.

    Args:
      folder: .../NUMBER with saved_model.pb.
      max_rows: most rows, or samples, of one request.

    Attributes:
      most_values: commas and brackets of a body, which is not parsed if it has more.

    Raises:
      What TensorFlow raises on a folder that it cannot read.
    """

    def __init__(self, folder: Path, *, max_rows: int):
        self.version, self.max_rows = int(folder.name), max_rows
        self._loaded = tf.saved_model.load(str(folder))  # owns the variables
        self.signatures: dict[str, Signature] = {
            name: Signature({spec.name: spec for spec in function.structured_input_signature[1].values()}, function)
            for name, function in self._loaded.signatures.items()
        }
        self.definitions = _definitions(folder)
        decode = self.signatures.get("decode") or self.signatures.get("colourise")
        if decode is None or "latents" not in decode.inputs:
            raise ValueError("it has no signature decode or colourise that takes latents")
        self.latent_dim = decode.inputs["latents"].shape[1]
        self.image_shape = tuple(decode.call.structured_outputs["images"].shape[1:])
        of_rows = [sum(math.prod(spec.shape[1:]) for spec in s.inputs.values()) for s in self.signatures.values()]
        self.most_values = ROOM * max_rows * max(of_rows)

    def inputs(self, signature: str) -> Mapping[str, tf.TensorSpec]:
        """The inputs of a signature.

        Raises:
          RequestError: when there is no signature of that name.
        """
        if signature not in self.signatures:
            raise RequestError(f"signature_name {signature[:80]!r} is unknown; known: {', '.join(sorted(self.signatures))}")
        return self.signatures[signature].inputs

    def check(self, signature: str, inputs: Mapping[str, Any]) -> Arrays:
        """The inputs as arrays of the dtypes and shapes that a signature takes.

        Args:
          signature: its name.
          inputs: nested lists of numbers, or of bytes, or arrays, by name of the input.

        Raises:
          RequestError: on an unknown signature, missing or unknown inputs, a wrong dtype or shape, values that are not finite,
            too many rows, or inputs with different numbers of rows.
        """
        specs = self.inputs(signature)
        if set(inputs) != set(specs):
            given = ", ".join(sorted(map(str, inputs)))[:200] or "none"
            raise RequestError(f"signature {signature} takes the inputs {', '.join(sorted(specs))}; given: {given}")
        for name, value in inputs.items():
            if isinstance(value, list) and len(value) > self.max_rows:  # not worth the memory of an array
                self._require_rows(name, len(value))
        arrays = {name: _as_array(name, value, specs[name]) for name, value in inputs.items()}
        for name, array in arrays.items():
            self._require_rows(name, int(array) if name == "num" and not array.ndim else len(array) if array.ndim else 1)
            if name == "seed" and int(array) < 0:
                raise RequestError(f"seed {int(array)} is not legal: it must be at least 0")
        if "images" in arrays:
            _check_range(arrays["images"])
        for file in arrays.get("images_bytes", ()):
            _check_file(file, self.image_shape)
        if len({len(array) for array in arrays.values() if array.ndim}) > 1:
            raise RequestError("the inputs differ in their number of rows")
        return arrays

    def _require_rows(self, name: str, rows: int) -> None:
        if not 1 <= rows <= self.max_rows:
            raise RequestError(f"{name} asks for {rows} images; this server answers 1 to {self.max_rows} at a time")

    def run(self, signature: str, arrays: Arrays) -> Arrays:
        """The outputs of a signature; strings as arrays of bytes.

        Raises:
          RequestError: when the contents are at fault, such as a file that is not an image or has another size.
        """
        try:
            outputs = self.signatures[signature].call(**{name: tf.constant(array) for name, array in arrays.items()})
        except tf.errors.InvalidArgumentError as e:
            raise RequestError(_what_was_wrong(e)) from None
        return {name: tensor.numpy() for name, tensor in outputs.items()}


def _check_range(images: np.ndarray) -> None:
    low, high = images.min(), images.max()
    if low < -LARGEST or high > LARGEST:
        raise RequestError(f"images must be in [-1, 1]; given: values from {low:g} to {high:g}")


def _check_file(file: bytes, shape: tuple[int, ...]) -> None:
    """Refuse a file whose pixels the export would not decode as the rest of this package does."""
    try:
        image_files.require_plain(file, (shape[0], shape[1]), FILES)
    except ImageFileError as e:
        raise RequestError(f"images_bytes holds a file that cannot be used: {e}") from None


def _as_array(name: str, value: Any, spec: tf.TensorSpec) -> np.ndarray:
    wanted = f"{name} must be {spec.dtype.name} of shape {spec.shape.as_list()}"
    if isinstance(value, np.ndarray):
        return _checked(value, spec, wanted)
    uneven = f"{wanted}; the given lists differ in length"
    try:
        array = np.array(value, dtype=object)
    except ValueError:
        raise RequestError(uneven) from None
    kinds = set(map(type, array.flat))
    if list in kinds:
        raise RequestError(uneven)
    if not spec.shape.is_compatible_with(array.shape):
        raise RequestError(f"{wanted}; given: {list(array.shape)}")
    if spec.dtype == tf.string:
        if not kinds <= {bytes}:
            raise RequestError(f'{wanted}, each {{"b64": "..."}}')
        return array
    # Not left to numpy, which would give all texts the length of the longest, and so fill the memory.
    array = np.array(value) if kinds <= {int, float} else array
    if array.dtype.kind not in ("iuf" if spec.dtype.is_floating else "iu"):
        raise RequestError(f"{wanted}; given: values of another type")
    with np.errstate(over="ignore"):
        typed = array.astype(spec.dtype.as_numpy_dtype)
    if not np.isfinite(typed).all() or (spec.dtype.is_integer and (typed != array).any()):
        raise RequestError(f"{wanted}; given: numbers out of its range")
    return typed


def _checked(array: np.ndarray, spec: tf.TensorSpec, wanted: str) -> np.ndarray:
    """An array that has a type already."""
    if array.dtype != spec.dtype.as_numpy_dtype or not spec.shape.is_compatible_with(array.shape):
        raise RequestError(f"{wanted}; given: {tf.as_dtype(array.dtype).name} {list(array.shape)}")
    if array.dtype != object and not np.isfinite(array).all():
        raise RequestError(f"{wanted}; given: numbers that are not finite")
    return array


def _what_was_wrong(e: tf.errors.InvalidArgumentError) -> str:
    logging.info("an input was refused by TensorFlow: %s", e.message)
    return NO_IMAGE


def _definitions(folder: Path) -> SignatureDefMap:
    """The signature definitions, as TensorFlow Serving's metadata has them."""
    model = saved_model_pb2.SavedModel.FromString((folder / "saved_model.pb").read_bytes())
    return SignatureDefMap(signature_def=model.meta_graphs[0].signature_def)
