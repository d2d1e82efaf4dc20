"""`bin/sample`."""

from typing import Any

from tfpagan.cli.flags import Command, Option, path
from tfpagan.cli.model_flags import MODEL, SCALE, model, require, scale
from tfpagan.errors import UserError


def run(options: dict[str, Any], settings: dict[str, Any]) -> int:
    """Decode samples from the prior into a grid, an npz, or single files."""
    if options["columns"] < 0:
        raise UserError(f"--columns={options['columns']} is not legal: it must be at least 0")
    require(options, "output")
    output, factor = path(options["output"]), scale(options)
    if output.suffix == ".npz" and factor > 1:
        raise UserError(f"--scale={factor} is not legal with --output={output}: an array holds the samples as they are")
    decoder = model(options)
    from tfpagan.cli import files

    codes = decoder.prior(options["count"], options["seed"])
    if output.suffix == ".png":
        files.require_grid(output, len(codes), options["columns"], decoder.image_shape, factor)
    files.write(files.enlarged(files.decoded(decoder, codes), factor), output, columns=options["columns"])
    print(output)
    return 0


COMMAND = Command(
    program="sample",
    help="Samples of a trained model, as a grid, single files or npz; the same for the same seed, whatever their count.",
    options=(
        *MODEL,
        Option("count", 64, "how many"),
        Option("seed", 0, "seed of the codes"),
        Option("output", "samples.png", "a .png for one grid, a .npz for an array, else a folder of single files"),
        Option("columns", 0, "columns of the grid; default: as many as rows"),
        SCALE,
    ),
    run=run,
)
