"""`bin/encode`."""

from typing import TYPE_CHECKING, Any

from tfpagan.cli.flags import PLACES, Command, Option, path
from tfpagan.cli.model_flags import MODEL, model
from tfpagan.errors import UserError
from tfpagan.run_folder import images as run_images
from tfpagan.settings import setting as checks
from tfpagan.settings.sections import DataConfig

if TYPE_CHECKING:
    from tfpagan.inference.model import Model


def run(options: dict[str, Any], settings: dict[str, Any]) -> int:
    """Means and log-variances of q(z | x) of a data set or a folder, as npz."""
    if bool(options["input"]) == ("dataset" in settings):
        raise UserError("name one thing to encode: --input, a folder of images, or --dataset")
    output = path(options["output"])
    if output.suffix != ".npz":
        raise UserError(f"--output={output} is not legal: it must end in .npz")
    if options["split"] not in ("train", "test"):
        raise UserError(f"--split={options['split']} is not legal: it must be train or test")
    _require_used(options, settings)
    trained = model(options)
    from tfpagan.cli import files

    if options["input"]:
        found = files.files_under(path(options["input"]))
        batches = files.read_all(found, trained, fit=options["fit"], background=settings.get("background", ""))
        files.write_codes(trained, batches, output, files=[str(file) for file in found])
    else:
        _data_set(trained, options["model"], options["split"], settings, output)
    print(output)
    return 0


def _require_used(options: dict[str, Any], settings: dict[str, Any]) -> None:
    """Refuse flags of a data set beside --input, those of a folder beside --dataset, and illegal values."""
    checks.replace(DataConfig(), settings, "data")
    if options["input"]:
        of_data = [*settings.keys() - {"background"}, *(["split"] if options["split"] != "test" else [])]
        if of_data:
            raise UserError(f"--{min(of_data)} goes with --dataset; images of --input are taken as they are, or with --fit")
    elif options["fit"]:
        raise UserError("--fit goes with --input; --crop says how images of --dataset are cut")


def _data_set(trained: "Model", model: str, split: str, settings: dict[str, Any], output: Any) -> None:
    import numpy as np

    from tfpagan import data
    from tfpagan.cli import files

    size = trained.image_shape[0]
    if settings.get("image_size", 0) not in (0, size):
        raise UserError(f"--image_size={settings['image_size']} is not legal: the model takes images of {size} px")
    own = trained.config.data if trained.config else DataConfig()
    cut = own if _is_own(settings["dataset"], own.dataset) else DataConfig()  # as in training, if these are the run's images
    config = checks.replace(cut, settings | {"image_size": size}, "data")
    if data.describe(config).channels != (channels := trained.image_shape[2]):
        given, legal = ("in colour", "in grey") if channels == 1 else ("in grey", "in colour")
        raise UserError(f"the images of --dataset={settings['dataset']} are {given}; the model takes images {legal}")
    images = data.prepare(config)
    if cut is own and settings.keys() <= {"dataset", "image_size", *PLACES}:
        run_images.require_same(path(model), images)  # else images that it was trained on could be among those of test
    pixels = images.train if split == "train" else images.test
    labels = images.train_labels if split == "train" else images.test_labels
    known = {} if labels is None else {"labels": labels, "label_names": np.array(images.label_names)}
    files.write_codes(trained, files.in_parts(pixels), output, **known)


def _is_own(given: str, own: str) -> bool:
    """Whether a data set is a model's own; an export knows only the name of a folder."""
    kind, _, rest = given.partition(":")
    return given == own or (bool(rest) and f"{kind}:{path(rest).resolve().name}" == own)


COMMAND = Command(
    program="encode",
    help="The codes of a data set, cropped as in training, or of a folder, as npz: mean, log_variance [N, Z], labels or files.",
    options=(
        *MODEL,
        Option("input", "", "a folder of images, instead of --dataset"),
        Option("split", "test", "split of the data set: train or test"),
        Option("output", "codes.npz", "file to write"),
        Option("fit", False, "crop images of a folder to their largest square and shrink them"),
    ),
    run=run,
    settings="data",
)
