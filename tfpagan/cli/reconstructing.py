"""`bin/reconstruct`."""

from typing import Any

from tfpagan.cli.flags import Command, Option, path
from tfpagan.cli.using import MODEL, model, require


def run(options: dict[str, Any], settings: dict[str, Any]) -> int:
    """G(E(x)) of every image of a folder, and grids of pairs."""
    require(options, "input", "output")
    trained = model(options)
    from tfpagan import pictures

    folder, output = path(options["input"]), path(options["output"])
    files = pictures.files_under(folder)
    names = [file.relative_to(folder).with_suffix(".png") for file in files]
    pictures.write_reconstructions(trained, pictures.read_all(files, trained.image_shape, fit=options["fit"]), names, output)
    print(f"{output / 'reconstructions'}\n{output / 'pairs'}")
    return 0


COMMAND = Command(
    program="reconstruct",
    help="Reconstructions G(E(x)) of the images of a folder, and grids of pairs: x in odd columns, G(E(x)) in even ones.",
    options=(
        *MODEL,
        Option("input", "", "a folder of images"),
        Option("output", "", "a folder, for reconstructions/ with the same names and pairs/"),
        Option("fit", False, "cut images of another size to their largest square and make them smaller"),
    ),
    run=run,
)
