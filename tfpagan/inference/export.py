"""The SavedModel that is served: written, read back without tfpagan, and published only if the answers agree."""

import errno
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

from tfpagan import config
from tfpagan.config import Config
from tfpagan.errors import UserError, why
from tfpagan.images import normalize
from tfpagan.inference import read_export
from tfpagan.inference.read_export import Arrays
from tfpagan.inference.restore import Inference
from tfpagan.inference.signatures import Served, Signature, as_png
from tfpagan.serving.exports import FACTS, WARMUP
from tfpagan.version import __version__

ROWS = 2  # images per request
TOLERANCE = {"none": 1e-5, "bfloat16": 2e-2, "float16": 2e-3}
"""By the dtype of activations, relative to the largest value: the same kernels in another graph may round differently."""


def publish(run: Inference, base: Path, *, name: str) -> Path:
    """Write the next version under `base`, atomically.

    Args:
      run: the networks to serve.
      base: the folder of versions, which a server reads.
      name: of the model, for the warm-up requests.

    Returns:
      The folder of the version.

    Raises:
      UserError: when the folder cannot be written, or the export's answers differ from the checkpoint's.
    """
    try:
        base.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".export-", dir=base) as scratch:
            part, served = Path(scratch) / "version", Served(run)
            signatures = served.signatures()
            questions = _questions(run, signatures)
            tf.saved_model.save(served.module(), str(part), signatures={name: s.traced() for name, s in signatures.items()})
            _write_extras(part, run, name, questions)
            expected = {name: _ask(signatures[name], asked) for name, asked in questions.items()}
            tolerance = TOLERANCE[run.config.training.mixed_precision]
            require_equal(expected, _ask_elsewhere(part, questions, Path(scratch)), tolerance)
            return _moved(part, base)
    except (OSError, tf.errors.OpError) as e:
        raise UserError(f"cannot export to {base}: {why(e)}") from None


def config_of(version: Path) -> Config | None:
    """The configuration of the run that was exported; None where it is not stored."""
    try:
        facts = json.loads((version / FACTS).read_text())
        return config.from_json(json.dumps(facts["configuration"]))
    except (OSError, ValueError, TypeError, KeyError, UserError):  # written by other software, or by another version of this
        return None


def require_equal(expected: Arrays, given: Arrays, tolerance: float) -> None:
    """Refuse answers that differ from the checkpoint's.

    Raises:
      UserError: naming the signature that differs, and by how much.
    """
    for signature, outputs in expected.items():
        for output, wanted in outputs.items():
            found = given[signature][output]
            if output.endswith("_bytes"):  # half a grey level on average: rounding may move a pixel by one
                off, limit = np.abs(_pixels(wanted) - _pixels(found)).mean(), max(0.5, 127.5 * tolerance)
            else:
                off, limit = np.abs(wanted - found).max(), tolerance * max(1.0, float(np.abs(wanted).max()))
            if not off <= limit:  # NaN is refused too
                raise UserError(f"the export is not published: {output} of its {signature} are {off:.3g} off the checkpoint's")


def _questions(run: Inference, signatures: Mapping[str, Signature]) -> Arrays:
    """Fixed inputs for every signature: noise, and codes from the prior."""
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, [ROWS, *run.image_shape]).astype(np.uint8)
    inputs = {
        "images": normalize(pixels).numpy(),
        "images_bytes": np.frombuffer(as_png(tf.constant(pixels[0])).numpy(), np.uint8),
        "latents": random.normal(size=[ROWS, run.config.networks.latent_dim]).astype(np.float32),
        "seed": np.array(1, np.int32),
        "num": np.array(ROWS, np.int32),
    }
    questions = {name: {spec.name: inputs[spec.name] for spec in s.inputs} for name, s in signatures.items()}
    for asked in questions.values():
        if {"images_bytes", "latents"} <= asked.keys():
            asked["latents"] = asked["latents"][:1]  # of one file
    return questions


def _ask(signature: Signature, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    with tf.device("CPU:0"):  # as in the other process: GPU kernels round differently
        outputs = signature.function(*(read_export.as_tensor(spec.name, inputs[spec.name]) for spec in signature.inputs))
    return {name: read_export.as_array(name, tensor) for name, tensor in outputs.items()}


def _ask_elsewhere(export: Path, questions: Arrays, scratch: Path) -> Arrays:
    """The export's answers in a new process with TensorFlow and without tfpagan."""
    asked, answered = scratch / "questions.npz", scratch / "answers.npz"
    read_export.write(asked, questions)
    command = [sys.executable, "-I", read_export.__file__, str(export), str(asked), str(answered)]
    environment = {
        **os.environ,
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "CUDA_VISIBLE_DEVICES": "-1",
    }  # this process may hold all GPU memory
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise UserError(f"the export is not published: it cannot be used by TensorFlow alone: {last}")
    return read_export.read(answered)


def _write_extras(folder: Path, run: Inference, name: str, questions: Arrays) -> None:
    """Facts about the run, and warm-up requests for TensorFlow Serving, one per signature."""
    (folder / WARMUP.parent).mkdir()
    facts = {"tfpagan": __version__, "step": run.step, "configuration": json.loads(run.config.to_json())}
    (folder / FACTS).write_text(json.dumps(facts, indent=2) + "\n")
    with tf.io.TFRecordWriter(str(folder / WARMUP)) as writer:
        for signature, inputs in questions.items():
            request = predict_pb2.PredictRequest()
            request.model_spec.name, request.model_spec.signature_name = name, signature
            for key, value in inputs.items():
                request.inputs[key].CopyFrom(tf.make_tensor_proto(read_export.as_tensor(key, value)))
            log = prediction_log_pb2.PredictionLog(predict_log=prediction_log_pb2.PredictLog(request=request))
            writer.write(log.SerializeToString())


def _moved(part: Path, base: Path) -> Path:
    """Rename to the next free number; if another export takes it first, to the one after."""
    while True:
        taken = [int(p.name) for p in base.iterdir() if p.name.isdecimal()]
        target = base / str(max(taken, default=0) + 1)
        try:
            part.rename(target)
        except OSError as e:
            if e.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
        else:
            return target


def _pixels(file: np.ndarray) -> np.ndarray:
    return tf.io.decode_image(file.tobytes()).numpy().astype(np.int64)
