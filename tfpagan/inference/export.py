"""The SavedModel that is served: written, read back without tfpagan, and published only if the answers agree."""

import dataclasses
import errno
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

from tfpagan import config
from tfpagan.config import Config
from tfpagan.data.cache import remove_abandoned
from tfpagan.errors import UserError, require_plain_path, why
from tfpagan.images import normalize
from tfpagan.inference import read_export
from tfpagan.inference.read_export import Arrays
from tfpagan.inference.restore import Inference
from tfpagan.inference.signatures import Served, Signature, as_png
from tfpagan.serving.exports import FACTS, WARMUP
from tfpagan.version import __version__

UNFINISHED = ".export-"
ROWS = 2  # images per request
NOISE = 4.0
"""An export's answers may be this many times farther from the checkpoint's than its own graph is, in the same process."""
FLOOR = 1e-5  # of a difference, relative to the largest value: other processes may optimise a graph in other ways
MOST_NOISE = {"none": 1e-4, "bfloat16": 2e-2, "float16": 2e-3}
"""By the dtype of activations, relative to the largest value: beyond it the graph itself is wrong."""


def publish(run: Inference, base: Path, *, name: str) -> Path:
    """Write the next version under `base`, atomically.

    Args:
      run: the networks to serve.
      base: the folder of versions, which a server reads.
      name: of the model, for the warm-up requests.

    Returns:
      The folder of the version.

    Raises:
      UserError: when the folder cannot be written, or the export's weights or answers differ from the checkpoint's.
    """
    require_plain_path("output", base)
    try:
        base.mkdir(parents=True, exist_ok=True)
        with unfinished(base) as scratch:
            part, served = scratch / "version", Served(run)
            signatures = served.signatures()
            questions, module = questions_to(run, signatures), served.module()
            traced = {name: signature.traced for name, signature in signatures.items()}
            tf.saved_model.save(module, str(part), signatures=traced)
            _write_extras(part, run, name, questions)
            given = ask_elsewhere(part, questions, scratch)
            require_same_weights(module.weights, given.pop(read_export.WEIGHTS))
            require_same_answers(signatures, questions, given, MOST_NOISE[run.config.training.mixed_precision])
            return moved(part, base)
    except (OSError, tf.errors.OpError) as e:
        raise UserError(f"cannot export to {base}: {why(e)}") from None


@contextmanager
def unfinished(base: Path) -> Iterator[Path]:
    """A folder beside the versions in which one is made."""
    remove_abandoned(base, UNFINISHED)
    with tempfile.TemporaryDirectory(prefix=UNFINISHED, dir=base) as folder:
        yield Path(folder)


def config_of(version: Path) -> Config | None:
    """The configuration of the run that was exported; None where it is not stored."""
    try:
        facts = json.loads((version / FACTS).read_text())
        return config.from_json(json.dumps(facts["configuration"]))
    except (OSError, ValueError, TypeError, KeyError, UserError):  # written by other software, or by another version of this
        return None


def require_same_weights(weights: Sequence[tf.Variable], checksums: Mapping[str, np.ndarray]) -> None:
    """Refuse an export whose weights are not the checkpoint's, bit for bit.

    Raises:
      UserError: naming the first that differs.
    """
    for i, weight in enumerate(weights):
        if not np.array_equal(checksums.get(str(i), np.zeros(0)), read_export.checksum(weight)):
            raise UserError(f"the export is not published: its {weight.name} is not the checkpoint's")


def require_same_answers(signatures: Mapping[str, Signature], questions: Arrays, given: Arrays, most_noise: float) -> None:
    """Refuse answers to the questions that are not the checkpoint's; raises and arguments as `require_equal`."""
    expected = {name: _ask(signatures[name], signatures[name], asked) for name, asked in questions.items()}
    graphs = {name: signatures[name].traced.get_concrete_function() for name in questions}
    again = {name: _ask(graphs[name], signatures[name], asked) for name, asked in questions.items()}
    require_equal(expected, again, given, most_noise)


def require_equal(expected: Arrays, again: Arrays, given: Arrays, most_noise: float) -> None:
    """Refuse answers that differ from the checkpoint's by more than rounding does.

    How much that is depends on the depth and the width of the networks, and is measured: the graph that was exported rounds
    differently from the operations one by one, also in the process that wrote it.

    Args:
      expected: the checkpoint's answers, computed operation by operation.
      again: the same, computed by the graph that was exported.
      given: the export's, in another process.
      most_noise: of `again`, relative to the largest value.

    Raises:
      UserError: naming the signature that differs, and by how much.
    """
    for signature, outputs in expected.items():
        for output, wanted in outputs.items():
            found, same = given[signature][output], again[signature][output]
            if output.endswith("_bytes"):  # half a grey level on average: rounding may move a pixel by one
                wanted, found, same = (_pixels(file) for file in (wanted, found, same))
                off, noise = (float(np.abs(wanted - other).mean()) for other in (found, same))
                floor, most = 0.5, max(0.5, 127.5 * most_noise)
            else:
                off, noise = (float(np.abs(wanted - other).max()) for other in (found, same))
                scale = max(1.0, float(np.abs(wanted).max()))
                floor, most = FLOOR * scale, most_noise * scale
            off, limit = (off, NOISE * noise + floor) if noise <= most else (noise, most)  # NaN is refused either way
            if not off <= limit:
                raise UserError(f"the export is not published: {output} of its {signature} are {off:.3g} off the checkpoint's")


def questions_to(run: Inference, signatures: Mapping[str, Signature]) -> Arrays:
    """Fixed inputs for every signature: noise, and codes from a normal distribution."""
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


def _ask(function: Callable[..., Any], signature: Signature, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    with tf.device("CPU:0"):  # as in the other process: GPU kernels round differently
        outputs = function(*(read_export.as_tensor(spec.name, inputs[spec.name]) for spec in signature.inputs))
    return {name: read_export.as_array(name, tensor) for name, tensor in outputs.items()}


def ask_elsewhere(export: Path, questions: Arrays, scratch: Path) -> Arrays:
    """The export's answers in a new process without tfpagan.

    Raises:
      UserError: when it cannot be read there.
    """
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
        raise UserError(f"the export is not published: it cannot be used without tfpagan: {last}")
    return read_export.read(answered)


def _write_extras(folder: Path, run: Inference, name: str, questions: Arrays) -> None:
    """Facts about the run, and warm-up requests for TensorFlow Serving, one per signature."""
    (folder / WARMUP.parent).mkdir()
    write_facts(folder / FACTS, run)
    with tf.io.TFRecordWriter(str(folder / WARMUP)) as writer:
        for signature, inputs in questions.items():
            request = predict_pb2.PredictRequest()
            request.model_spec.name, request.model_spec.signature_name = name, signature
            for key, value in inputs.items():
                request.inputs[key].CopyFrom(tf.make_tensor_proto(read_export.as_tensor(key, value)))
            log = prediction_log_pb2.PredictionLog(predict_log=prediction_log_pb2.PredictLog(request=request))
            writer.write(log.SerializeToString())


def write_facts(file: Path, run: Inference) -> None:
    """Version, step and configuration, as JSON."""
    facts = {"tfpagan": __version__, "step": run.step, "configuration": json.loads(_public(run.config).to_json())}
    file.write_text(json.dumps(facts, indent=2) + "\n")


def _public(config: Config) -> Config:
    """The configuration without paths of this machine; of folders of images and of classifiers, their names."""
    kind, colon, rest = config.data.dataset.partition(":")
    dataset = f"{kind}:{Path(rest).name}" if colon and "/" in rest else config.data.dataset
    data = dataclasses.replace(config.data, dataset=dataset, data_dir="", cache_dir="")
    training = dataclasses.replace(config.training, eval_classifier=Path(config.training.eval_classifier).name)
    objective = config.objective
    if perceptual := getattr(objective, "perceptual_classifier", ""):
        objective = dataclasses.replace(objective, **{"perceptual_classifier": Path(perceptual).name})
    return dataclasses.replace(config, data=data, training=training, objective=objective)


def moved(part: Path, base: Path) -> Path:
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
