"""Encoder and decoder as TFLite or ONNX files, one for each signature; published only if they answer as the checkpoint does."""

import contextlib
import logging as standard_logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import tensorflow as tf

from tfpagan import stderr
from tfpagan.errors import UserError, one_line, require_plain_path, why
from tfpagan.inference import export
from tfpagan.inference.restore import Inference
from tfpagan.inference.signatures import Outputs, Served, Signature
from tfpagan.serving.exports import FACTS

OPSET = 17
"""Of ONNX: that of 2022, which runtimes of any age read."""
CONVERTED = ("encode", "decode", "reconstruct", "colourise")
SUFFIX = "_out"
"""After the name of an output that is also that of an input, which an ONNX graph cannot have twice."""


def publish(run: Inference, base: Path, kind: str, names: Sequence[str] = ()) -> Path:
    """Write the next version under `base`, atomically.

    Args:
      run: the networks, in float32.
      base: the folder of versions.
      kind: tflite or onnx.
      names: of the signatures; default: those in `CONVERTED` that there are.

    Returns:
      The folder of the version, with SIGNATURE.tflite or SIGNATURE.onnx files.

    Raises:
      UserError: on a signature that there is not or that cannot be converted, without the packages that convert, when the
        folder cannot be written, or the files' answers differ from the checkpoint's.
    """
    require_plain_path("output", base)
    served = Served(run)
    signatures = _chosen(served.signatures(), kind, names)
    try:
        base.mkdir(parents=True, exist_ok=True)
        with export.unfinished(base) as scratch:
            part = scratch / "version"
            part.mkdir()
            for name, signature in signatures.items():
                (part / f"{name}.{kind}").write_bytes(_converted(name, signature, served, kind))
            export.write_facts(part / FACTS.name, run)
            questions = export.questions_to(run, signatures)
            answers = export.ask_elsewhere(part, questions, scratch)
            given = {
                name: {key.removesuffix(SUFFIX): value for key, value in outputs.items()} for name, outputs in answers.items()
            }
            export.require_same_answers(signatures, questions, given, export.MOST_NOISE["none"])
            return export.moved(part, base)
    except (OSError, tf.errors.OpError) as e:
        raise UserError(f"cannot export to {base}: {why(e)}") from None


def _chosen(known: Mapping[str, Signature], kind: str, names: Sequence[str]) -> dict[str, Signature]:
    """The signatures to convert."""
    able = [name for name in CONVERTED if name in known]
    for name in names:
        if name not in known:
            raise UserError(f"there is no signature {name!r}; {kind} can have {', '.join(able)}")
        if name not in able:
            reason = "it draws random numbers, which are others there: decode codes that you draw"
            if name.endswith("_bytes"):
                reason = "it reads or writes image files, for which there is no operation there: give and take pixels"
            if name == "serving_default":
                reason = f"it is another name, of {'reconstruct' if 'reconstruct' in able else 'decode'}"
            raise UserError(f"the signature {name} cannot be converted to {kind}: {reason}; {', '.join(able)} can")
    return {name: known[name] for name in names or able}


def _converted(name: str, signature: Signature, served: Served, kind: str) -> bytes:
    try:
        return CONVERTERS[kind](signature, served)
    except UserError:
        raise
    except Exception as e:  # a converter may raise anything on a network that it does not know
        raise UserError(f"the signature {name} cannot be converted to {kind}: {one_line(e)}") from None


def _tflite(signature: Signature, served: Served) -> bytes:
    converter = tf.lite.TFLiteConverter.from_concrete_functions([signature.traced.get_concrete_function()], served.module())
    with stderr.filtered(lambda line: False):  # it reports every step; errors are exceptions
        return converter.convert()


def _onnx(signature: Signature, served: Served) -> bytes:
    try:
        import onnxruntime  # noqa: F401  # in the process that asks
        import tf2onnx
    except ImportError as e:
        raise UserError(f"--format=onnx needs tf2onnx and onnxruntime ({e}): pip install 'tfpagan[onnx]'") from None
    inputs = [spec.name for spec in signature.inputs]

    def renamed(*tensors: tf.Tensor) -> Outputs:
        return {f"{name}{SUFFIX}" if name in inputs else name: value for name, value in signature.function(*tensors).items()}

    function = tf.function(renamed, input_signature=signature.inputs, autograph=False)
    with _quiet("tf2onnx"):
        model, _ = tf2onnx.convert.from_function(function, input_signature=list(signature.inputs), opset=OPSET)
    for tensor in (*model.graph.input, *model.graph.output):
        tensor.type.tensor_type.shape.dim[0].dim_param = "N"  # which tf2onnx gives another name in each
    return model.SerializeToString()


@contextlib.contextmanager
def _quiet(name: str) -> Iterator[None]:
    """Without what a package logs about every step of its work."""
    logger = standard_logging.getLogger(name)
    before, logger.level = logger.level, standard_logging.ERROR
    try:
        yield
    finally:
        logger.setLevel(before)


CONVERTERS: Mapping[str, Callable[[Signature, Served], bytes]] = {"tflite": _tflite, "onnx": _onnx}
