"""`bin/export`."""

from typing import Any

from tfpagan.cli.flags import Command, Option, path
from tfpagan.cli.model_flags import CHECKPOINT, require
from tfpagan.errors import UserError

FORMATS = ("saved_model", "tflite", "onnx")


def run(options: dict[str, Any], settings: dict[str, Any]) -> int:
    """Write the next version of a run's export, and print its folder."""
    require(options, "model_dir")
    kind, names = options["format"], [name.strip() for name in options["signatures"].split(",") if name.strip()]
    if kind not in FORMATS:
        raise UserError(f"--format={kind} is not legal: it must be {', '.join(FORMATS[:-1])} or {FORMATS[-1]}")
    if kind == "saved_model" and names:
        raise UserError(
            f"--signatures={options['signatures']} is for --format=tflite and onnx: a SavedModel has all signatures"
        )
    if kind != "saved_model" and options["name"]:
        raise UserError(f"--name={options['name']} is for --format=saved_model: the others have no warm-up requests")
    model_dir = path(options["model_dir"])
    from tfpagan.run_folder import folder as run_folder

    run_folder.require(model_dir)
    from tfpagan.inference import convert, export, restore

    checkpoint = {"step": options["step"], "best": options["best"], "skip_damaged": False}
    base = path(options["output"]) if options["output"] else model_dir / ("export" if kind == "saved_model" else kind)
    if kind == "saved_model":
        run = restore.restored(model_dir, **checkpoint)
        print(export.publish(run, base, name=options["name"] or model_dir.resolve().name))
    else:
        print(convert.publish(restore.restored(model_dir, **checkpoint, float32=True), base, kind, names))
    return 0


COMMAND = Command(
    program="export",
    help="Write encoder and generator of a run as a SavedModel, TFLite or ONNX, checked in a separate process.",
    options=(
        Option("model_dir", "", "the run"),
        *CHECKPOINT,
        Option(
            "format",
            "saved_model",
            "saved_model, for TensorFlow Serving; tflite or onnx: a file for each signature",
            choices=FORMATS,
        ),
        Option("signatures", "", "comma-separated, for tflite and onnx; default: encode, decode and reconstruct, or colourise"),
        Option("output", "", "the folder of versions; default: in the run folder export/, tflite/ or onnx/"),
        Option("name", "", "name of the model in warm-up requests; default: the name of the run folder"),
    ),
    run=run,
)
