"""`bin/reconstruct`."""

import dataclasses
from typing import Any

from tfpagan.cli.flags import Command, Option, path
from tfpagan.cli.model_flags import BACKGROUND, MODEL, SCALE, background, model, require, scale
from tfpagan.errors import UserError


def run(options: dict[str, Any], settings: dict[str, Any]) -> int:
    """G(E(x)) for every image of a folder, and grids of pairs."""
    require(options, "input", "output")
    behind, factor = background(options), scale(options)
    folder, output = path(options["input"]), path(options["output"])
    from tfpagan.cli import files

    found = files.files_under(folder)
    if output.resolve().is_relative_to(folder.resolve()):
        raise UserError(f"--output={output} lies in --input={folder}; take another")
    names = [file.relative_to(folder).with_suffix(".png") for file in found]
    firsts = dict(zip(reversed(names), reversed(found), strict=True))
    if again := [file for name, file in zip(names, found, strict=True) if firsts[name] != file]:
        raise UserError(f"{again[0]} would be written over another image of that name; rename one")
    trained = model(options)
    images = files.read_all(found, trained, fit=options["fit"], background=behind)
    files.write_reconstructions(trained, images, names, output, scale=factor)
    print(f"{output / 'reconstructions'}\n{output / 'pairs'}")
    return 0


COMMAND = Command(
    program="reconstruct",
    help="Reconstructions G(E(x)) of the images of a folder, and grids of pairs: x in odd columns, G(E(x)) in even ones.",
    options=(
        *MODEL,
        Option("input", "", "a folder of images"),
        Option("output", "", "a folder for reconstructions/, PNG files with the same names, and for pairs/"),
        dataclasses.replace(SCALE, help="enlarge the grids of pairs so many times, each pixel into a square"),
        Option("fit", False, "crop images of another size to their largest square and shrink them"),
        BACKGROUND,
    ),
    run=run,
)
