"""`bin/interpolate`."""

import re
from typing import TYPE_CHECKING, Any

from tfpagan.cli.flags import Command, Option, path
from tfpagan.cli.model_flags import BACKGROUND, MODEL, SCALE, background, model, require, scale
from tfpagan.errors import UserError

if TYPE_CHECKING:
    import numpy as np

    from tfpagan.inference.model import Model


def run(options: dict[str, Any], settings: dict[str, Any]) -> int:
    """The interpolation between two codes, as a strip or an animation."""
    require(options, "start", "end")
    output = path(options["output"])
    if output.suffix not in (".png", ".gif"):
        raise UserError(f"--output={output} is not legal: it must end in .png or .gif")
    if not 0.1 <= (speed := options["frames_per_second"]) <= 100:
        raise UserError(f"--frames_per_second={speed} is not legal: it must be at least 0.1 and at most 100")
    factor, behind, trained = scale(options), background(options), model(options)
    from tfpagan.cli import files

    start, end = (_code(trained, options[name], fit=options["fit"], background=behind) for name in ("start", "end"))
    (codes,) = trained.between(start, end, options["count"], options["way"])
    images = files.enlarged(files.decoded(trained, codes), factor)  # none is made before it is asked for
    if output.suffix == ".gif":
        files.require_frames(output, len(codes), trained.image_shape, factor)
        files.write_gif(images, output, frames_per_second=options["frames_per_second"])
    else:
        files.require_grid(output, len(codes), len(codes), trained.image_shape, factor)
        files.write(images, output, columns=len(codes))
    print(output)
    return 0


def _code(trained: "Model", text: str, *, fit: bool, background: str) -> "np.ndarray":
    """A code [1, Z]: of an image, from a seed, or from a row of a bin/encode file."""
    from tfpagan.cli import files

    if text.endswith(".npz"):
        raise UserError(f"{text} is a file of many codes: {text}:0 names the first")
    kind, _, number = text.rpartition(":")
    if (kind == "seed" or kind.endswith(".npz")) and not re.fullmatch("[0-9]{1,20}", number):
        raise UserError(f"{text[:80]!r} is not legal: a whole number must follow the colon")
    if kind == "seed":
        return trained.prior(1, int(number))
    if kind.endswith(".npz"):
        return files.read_code(path(kind), int(number))
    return trained.encode(files.read(path(text), trained, fit=fit, background=background)[None])


COMMAND = Command(
    program="interpolate",
    help="The interpolation between two images or codes, as a strip (.png) or an animation (.gif).",
    options=(
        *MODEL,
        Option("start", "", "an image file; seed:N, a draw from the prior; or FILE.npz:ROW, a code from bin/encode"),
        Option("end", "", "as --start"),
        Option("count", 16, "how many images, both ends included"),
        Option("way", "spherical", "spherical or linear"),
        Option("output", "interpolation.png", "a .png or a .gif"),
        Option("frames_per_second", 10.0, "of a .gif, which plays forwards and backwards"),
        SCALE,
        Option("fit", False, "crop images of another size to their largest square and shrink them"),
        BACKGROUND,
    ),
    run=run,
)
