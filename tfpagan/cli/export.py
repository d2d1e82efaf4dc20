"""`bin/export`."""

from typing import Any

from tfpagan.cli.flags import Command, Option, path
from tfpagan.cli.model_flags import CHECKPOINT, require


def run(options: dict[str, Any], settings: dict[str, Any]) -> int:
    """Write the next version of a run's export, and print its folder."""
    require(options, "model_dir")
    model_dir = path(options["model_dir"])
    from tfpagan.run_folder import folder as run_folder

    run_folder.require(model_dir)
    from tfpagan.inference import export, restore

    run = restore.restored(model_dir, step=options["step"], best=options["best"], skip_damaged=False)
    base = path(options["output"]) if options["output"] else model_dir / "export"
    print(export.publish(run, base, name=options["name"] or model_dir.resolve().name))
    return 0


COMMAND = Command(
    program="export",
    help="Write encoder and generator of a run as a SavedModel for TensorFlow Serving, checked in a separate process.",
    options=(
        Option("model_dir", "", "the run"),
        *CHECKPOINT,
        Option("output", "", "the folder of versions; default: export/ in the run folder"),
        Option("name", "", "name of the model in warm-up requests; default: the name of the run folder"),
    ),
    run=run,
)
