"""The answers of an export without tfpagan. Run as a script, in its own process:

    python -I read_export.py EXPORT QUESTIONS.npz ANSWERS.npz

The questions are arrays under `signature/input`, the answers under `signature/output`; checksums of the weights are under
`__weights__/NUMBER`. As a module it does not import tfpagan either.
"""

import hashlib
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

Arrays = dict[str, dict[str, np.ndarray]]
"""By signature and by name of the input or output; contents of files as uint8 arrays."""


WEIGHTS = "__weights__"
"""In place of a signature: checksums of the weights by their number."""


def checksum(weight: tf.Variable) -> np.ndarray:
    """SHA-256 of the values of a variable."""
    return np.frombuffer(hashlib.sha256(weight.numpy().tobytes()).digest(), np.uint8)


def as_tensor(name: str, value: np.ndarray) -> tf.Tensor:
    """An input; names ending in `_bytes` hold one file, as uint8."""
    return tf.constant([value.tobytes()]) if name.endswith("_bytes") else tf.constant(value)


def as_array(name: str, tensor: tf.Tensor) -> np.ndarray:
    """An output; the first one, of files."""
    return np.frombuffer(tensor.numpy()[0], np.uint8) if name.endswith("_bytes") else tensor.numpy()


def write(file: str | Path, arrays: Mapping[str, Mapping[str, np.ndarray]]) -> None:
    """Write as npz."""
    flat: dict[str, Any] = {
        f"{signature}/{name}": value for signature, values in arrays.items() for name, value in values.items()
    }
    np.savez(file, **flat)


def read(file: str | Path) -> Arrays:
    """Read what `write` wrote."""
    arrays: Arrays = {}
    with np.load(file, allow_pickle=False) as stored:
        for key, value in stored.items():
            signature, name = key.split("/")
            arrays.setdefault(signature, {})[name] = value
    return arrays


def answers(export: str | Path, questions: Mapping[str, Mapping[str, np.ndarray]]) -> Arrays:
    """What every signature for which there are questions gives, and the checksums of the weights."""
    loaded = tf.saved_model.load(str(export))
    given = {WEIGHTS: {str(i): checksum(weight) for i, weight in enumerate(loaded.weights)}}
    for signature, inputs in questions.items():
        outputs = loaded.signatures[signature](**{name: as_tensor(name, value) for name, value in inputs.items()})
        given[signature] = {name: as_array(name, tensor) for name, tensor in outputs.items()}
    return given


def main(export: str, questions: str, to: str) -> None:
    """Answer the questions of a file in a file."""
    sys.modules["tfpagan"] = sys.modules["evaluation"] = None  # type: ignore[assignment]  # importing them fails from here on
    write(to, answers(export, read(questions)))


if __name__ == "__main__":
    main(*sys.argv[1:])
