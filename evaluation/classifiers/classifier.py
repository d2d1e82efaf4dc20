"""Classifiers for metrics: networks from images to logits and features, checked when loaded, identified by a checksum."""

import dataclasses
import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tfpagan.evaluation.classifiers.preprocessing import for_classifier
from tfpagan.evaluation.errors import EvaluationError, first_line

Outputs = tuple[tf.Tensor, tf.Tensor]
INCEPTION_SHAPE = (299, 299, 3)


@dataclasses.dataclass(frozen=True)
class Classifier:
    """A network with the two outputs of tf-gan's Inception.

    Attributes:
      name: without spaces; part of the protocol of every number.
      checksum: of its weights and graph, 16 hexadecimal digits.
      shape: (height, width, channels) of its input.
      outputs: float32 [N, *shape] in [-1, 1] to logits [N, K] and features [N, D].
      dataset: what it was trained on, where `classifier.json` says so; "": not known.
      official: whether it is the Inception network of 2015, for which scores are called FID and Inception Score.
      bfloat16: whether TensorFlow is to compute its convolutions and products in bfloat16.
    """

    name: str
    checksum: str
    shape: tuple[int, int, int]
    outputs: Callable[[tf.Tensor], Outputs] = dataclasses.field(repr=False)
    dataset: str = ""
    official: bool = False
    bfloat16: bool = False

    def in_bfloat16(self) -> "Classifier":
        """The network in bfloat16: another one, whose scores are not official and do not compare with those in float32."""
        checksum = hashlib.sha256(f"{self.checksum} bfloat16".encode()).hexdigest()[:16]
        return dataclasses.replace(self, name=f"{self.name}-bfloat16", checksum=checksum, official=False, bfloat16=True)

    def require(self, channels: int) -> None:
        """Refuse images with a number of channels that the network does not support.

        Raises:
          EvaluationError: when it takes greyscale images and these are in colour.
        """
        if channels > self.shape[2]:
            raise EvaluationError(f"classifier {self.name} takes greyscale images, but these have {channels} channels")

    def __call__(self, images: tf.Tensor) -> Outputs:
        """uint8 images [N, H, W, C] to logits [N, K] and features [N, D]."""
        return self.outputs(for_classifier(images, self.shape))


def from_saved_model(folder: Path, name: str = "") -> Classifier:
    """A classifier from a SavedModel folder that returns `logits` and `pool_3` for float32 images in [-1, 1].

    Raises:
      EvaluationError: when it is not a SavedModel or has other outputs.
    """
    if not (folder / "saved_model.pb").is_file():
        raise EvaluationError(f"{folder} holds no classifier: saved_model.pb is missing")
    try:
        loaded = tf.saved_model.load(str(folder))
    except Exception as e:  # TensorFlow has no common error for damaged folders
        raise EvaluationError(f"the SavedModel in {folder} cannot be read: {first_line(e)}") from None
    function, shape = _callable(loaded, folder)

    def outputs(x: tf.Tensor, keep: Any = loaded) -> Outputs:  # `loaded` keeps the variables alive
        found = function(x)
        return tuple(tf.reshape(found[key], [tf.shape(x)[0], -1]) for key in ("logits", "pool_3"))

    classifier = Classifier(name or folder.resolve().name, checksum(folder), shape, outputs, _dataset_of(folder))
    _try_out(classifier, function)
    return classifier


def _dataset_of(folder: Path) -> str:
    try:
        return str(json.loads((folder / "classifier.json").read_text())["dataset"])
    except (OSError, ValueError, TypeError, KeyError):
        return ""


def checksum(path: Path) -> str:
    """First 16 hexadecimal digits of the SHA-256 of a file, or of a folder's files and their names."""
    digest = hashlib.sha256()
    files = sorted(p for p in path.rglob("*") if p.is_file() and p.name != "classifier.json") if path.is_dir() else [path]
    for file in files:
        if path.is_dir():
            digest.update(f"{file.relative_to(path)}:{file.stat().st_size}\n".encode())
        with file.open("rb") as f:
            for block in iter(lambda: f.read(1 << 20), b""):
                digest.update(block)
    return digest.hexdigest()[:16]


def _callable(loaded: Any, folder: Path) -> tuple[Callable[[tf.Tensor], Mapping[str, tf.Tensor]], tuple[int, int, int]]:
    """The function to call, and the shape of its input images; where the model does not fix it, Inception's."""
    signature = loaded.signatures.get("serving_default") or loaded.signatures.get("default")
    inputs = list(signature.structured_input_signature[1].values()) if signature else []
    if len(inputs) > 1:
        raise EvaluationError(f"the SavedModel in {folder} takes {len(inputs)} inputs; a classifier takes only images")
    spec = inputs[0] if inputs else None
    static = spec.shape[1:] if spec is not None and spec.shape.rank == 4 else (None, None, None)
    height, width, channels = (given or default for given, default in zip(static, INCEPTION_SHAPE, strict=True))
    shape = (height, width, channels)
    if callable(loaded):
        return loaded, shape
    if signature is None:
        raise EvaluationError(f"the SavedModel in {folder} cannot be called and has no signature serving_default")
    (key,) = signature.structured_input_signature[1]
    return lambda x: signature(**{key: x}), shape


def _try_out(classifier: Classifier, function: Callable[[tf.Tensor], Any]) -> None:
    """Call the network on a few images, to refuse one that is not a classifier before a long pass."""
    wanted = "a classifier returns logits [N, K] and pool_3 [N, D] for float32 images [N, H, W, C], any N, C 1 or 3"
    rows = 3
    x = tf.zeros([rows, *classifier.shape])
    try:
        if classifier.shape[2] not in (1, 3):
            raise ValueError(f"C is {classifier.shape[2]}")
        found = function(x)
    except Exception as e:  # an unknown network may raise anything
        first = " ".join(str(e).split())[:200]
        raise EvaluationError(f"{classifier.name} does not take images {x.shape.as_list()}: {first!r}; {wanted}") from None
    if not isinstance(found, Mapping) or not {"logits", "pool_3"} <= found.keys():
        given = ", ".join(sorted(found)) if isinstance(found, Mapping) else type(found).__name__
        raise EvaluationError(f"{classifier.name} returns {given}; {wanted}")
    logits, features = found["logits"], found["pool_3"]
    sizes = [int(np.prod(o.shape[1:])) if o.shape.rank and o.shape[0] == rows else 0 for o in (logits, features)]
    if sizes[0] < 2 or sizes[1] < 1 or not (logits.dtype.is_floating and features.dtype.is_floating):
        given = f"logits {logits.shape} {logits.dtype.name}, pool_3 {features.shape} {features.dtype.name} for {rows} images"
        raise EvaluationError(f"{classifier.name} returns {given}; {wanted}")
