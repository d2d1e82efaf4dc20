"""The answers of an export without tfpagan. Run as a script, in its own process:

    python -I read_export.py EXPORT QUESTIONS.npz ANSWERS.npz

EXPORT is a SavedModel, or a folder of SIGNATURE.tflite or SIGNATURE.onnx files; the latter are read without TensorFlow. The
questions are arrays under `signature/input`, the answers under `signature/output`; checksums of the weights of a SavedModel are
under `__weights__/NUMBER`. As a module it does not import tfpagan either.
"""

import hashlib
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import tensorflow as tf

Arrays = dict[str, dict[str, np.ndarray]]
"""By signature and by name of the input or output; contents of files as uint8 arrays."""


WEIGHTS = "__weights__"
"""In place of a signature: checksums of the weights by their number."""


def checksum(weight: "tf.Variable") -> np.ndarray:
    """SHA-256 of the values of a variable."""
    return np.frombuffer(hashlib.sha256(weight.numpy().tobytes()).digest(), np.uint8)


def as_tensor(name: str, value: np.ndarray) -> "tf.Tensor":
    """An input; names ending in `_bytes` hold one file, as uint8."""
    import tensorflow as tf

    return tf.constant([value.tobytes()]) if name.endswith("_bytes") else tf.constant(value)


def as_array(name: str, tensor: "tf.Tensor") -> np.ndarray:
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
    import tensorflow as tf

    loaded = tf.saved_model.load(str(export))
    given = {WEIGHTS: {str(i): checksum(weight) for i, weight in enumerate(loaded.weights)}}
    for signature, inputs in questions.items():
        outputs = loaded.signatures[signature](**{name: as_tensor(name, value) for name, value in inputs.items()})
        given[signature] = {name: as_array(name, tensor) for name, tensor in outputs.items()}
    return given


def tflite_answers(folder: Path, questions: Mapping[str, Mapping[str, np.ndarray]]) -> Arrays:
    """The same of SIGNATURE.tflite files, without checksums."""
    import tensorflow as tf

    given: Arrays = {}
    for signature, inputs in questions.items():
        runner = tf.lite.Interpreter(str(folder / f"{signature}.tflite")).get_signature_runner()
        given[signature] = runner(**inputs)
    return given


def onnx_answers(folder: Path, questions: Mapping[str, Mapping[str, np.ndarray]]) -> Arrays:
    """The same of SIGNATURE.onnx files."""
    import onnxruntime

    given: Arrays = {}
    for signature, inputs in questions.items():
        session = onnxruntime.InferenceSession(str(folder / f"{signature}.onnx"), providers=["CPUExecutionProvider"])
        names = [output.name for output in session.get_outputs()]
        given[signature] = dict(zip(names, session.run(names, dict(inputs)), strict=True))
    return given


def main(export: str, questions: str, to: str) -> None:
    """Answer the questions of a file in a file."""
    sys.modules["tfpagan"] = sys.modules["evaluation"] = None  # type: ignore[assignment]  # importing them fails from here on
    folder, asked = Path(export), read(questions)
    if (folder / "saved_model.pb").exists():
        given = answers(folder, asked)
    elif any(folder.glob("*.tflite")):
        given = tflite_answers(folder, asked)
    else:
        sys.modules["tensorflow"] = None  # type: ignore[assignment]
        given = onnx_answers(folder, asked)
    write(to, given)


if __name__ == "__main__":
    main(*sys.argv[1:])
