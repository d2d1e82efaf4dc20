"""`bin/colourise`."""

import dataclasses
from typing import TYPE_CHECKING, Any

from tfpagan.cli.flags import Command, Option, path
from tfpagan.cli.model_flags import BACKGROUND, CHECKPOINT, SCALE, background, model, require, scale
from tfpagan.errors import UserError

if TYPE_CHECKING:
    import numpy as np

    from tfpagan.inference.model import Model


def run(options: dict[str, Any], settings: dict[str, Any]) -> int:
    """A grid of several colourisations of images, or of images in the colours of others."""
    require(options, "output")
    output = path(options["output"])
    if output.suffix != ".png":
        raise UserError(f"--output={output} is not legal: it must end in .png")
    for name in ("rows", "count"):
        if not 1 <= options[name] <= 1000:
            raise UserError(f"--{name}={options[name]} is not legal: it must be at least 1 and at most 1000")
    if not 0 <= options["seed"] < 2**31:
        raise UserError(f"--seed={options['seed']} is not legal: it must be at least 0 and at most {2**31 - 1}")
    factor, trained = scale(options), model(options)
    if not trained.colourises:
        raise UserError(f"{options['model']} does not colourise: a run of --objective=conditional_age does")
    from tfpagan.cli import files

    images = _images(trained, options["input"], options["rows"], options, settings)
    if options["colours"]:
        codes = trained.encode(_images(trained, options["colours"], options["count"], options, settings))
    else:
        codes = trained.prior(options["count"], options["seed"])
    files.require_grid(output, len(images) * (2 + len(codes)), 2 + len(codes), trained.image_shape, factor)
    files.write(files.enlarged(files.coloured(trained, images, codes), factor), output, columns=2 + len(codes))
    print(output)
    return 0


def _images(trained: "Model", folder: str, most: int, options: dict[str, Any], settings: dict[str, Any]) -> "np.ndarray":
    """The first images of a folder; by default the first test images of the run's data set."""
    import numpy as np

    from tfpagan import data
    from tfpagan.cli import files

    if folder:
        found = files.files_under(path(folder))[:most]
        return np.concatenate(list(files.read_all(found, trained, fit=options["fit"], background=background(options))))
    if trained.config is None:
        raise UserError("--input is missing: a folder of images; this export does not say what it was trained on")
    return np.asarray(data.prepare(dataclasses.replace(trained.config.data, **settings)).test[:most])


COMMAND = Command(
    program="colourise",
    help="A grid of images: in grey, unchanged, then in several sampled colourisations or in the colours of other images.",
    options=(
        Option("model", "", "a run folder, or an export, of a system that colourises"),
        *CHECKPOINT,
        Option("input", "", "a folder of images; default: test images of the run's data set"),
        Option("colours", "", "a folder of images whose colours to transfer; default: colours are sampled"),
        Option("rows", 8, "how many images"),
        Option("count", 6, "how many colourisations of each"),
        Option("seed", 0, "seed of the colours"),
        Option("output", "", "a .png file"),
        SCALE,
        Option("fit", False, "crop images of another size to their largest square and shrink them"),
        BACKGROUND,
    ),
    run=run,
    settings="places",
)
