"""`bin/evaluate`."""

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tfpagan import zoo
from tfpagan.cli import given_images, process, statistics_file
from tfpagan.cli.flags import Command, Option, path
from tfpagan.cli.given_images import Scored
from tfpagan.cli.model_flags import CHECKPOINT, CLASSIFIER, chosen_classifier, own_data
from tfpagan.errors import UserError
from tfpagan.evaluation import protocols
from tfpagan.evaluation.metrics import METRICS
from tfpagan.evaluation.metrics.ais import Annealing
from tfpagan.evaluation.metrics.wasserstein_critic import Critics
from tfpagan.evaluation.protocols import Protocol
from tfpagan.run_folder import folder as run_folder
from tfpagan.run_folder import images as run_images
from tfpagan.settings import setting as checks
from tfpagan.settings.sections import AugmentationConfig, DataConfig

if TYPE_CHECKING:
    from tensorflow.distribute import Strategy

    from tfpagan.data import Images, Part
    from tfpagan.evaluation.results import Scores
    from tfpagan.evaluation.subjects import Subject

MOST = 10_000_000


def run(options: dict[str, Any], settings: dict[str, Any]) -> int:
    """Score the given model or images, print the numbers with their protocol, and store them in the run folder."""
    kinds = [name for name in ("model_dir", "export", "fake", "reconstructor") if options[name]]
    if len(kinds) != 1:
        raise UserError("name one thing to score: --model_dir, --export, --real with --fake, or --reconstructor")
    alone = options["fake"] and not options["real"] and options["save_statistics"]
    if bool(options["real"]) != bool(options["fake"]) and not alone:
        raise UserError("--real and --fake go together: real images and the images to score, or statistics of either")
    for name, given in (("step", options["step"] is not None), ("best", options["best"])):
        if given and not options["model_dir"]:
            raise UserError(f"--{name} goes with --model_dir: it selects a checkpoint of a run")
    if options["inception"] and options["classifier"] != "inception":
        raise UserError("--inception and --classifier cannot be given together: only one classifier is used")
    if options["wait_for_workers"] < 0:
        raise UserError(f"--wait_for_workers={options['wait_for_workers']} is not legal: it must be at least 0")
    if options["batch_size"] < 1:
        raise UserError(f"--batch_size={options['batch_size']} is not legal: it must be at least 1")
    protocol = _protocol(options)
    if options["save_statistics"]:
        statistics_file.require(options["save_statistics"], options["real"])
    outcome = {"model_dir": _run, "export": _export, "fake": given_images.score, "reconstructor": _stand_in}[kinds[0]]
    if options["model_dir"]:
        run_folder.require(path(options["model_dir"]))  # before anything is created there
    from tfpagan.evaluation.scorer import named
    from tfpagan.scoring.files import ScoreFiles
    from tfpagan.training import agreement, devices

    folder, chief = options["output"] or options["model_dir"], devices.is_chief()
    files = ScoreFiles(path(folder)) if folder and chief else None  # fails here rather than after the evaluation
    with devices.losing_workers():
        strategy = devices.strategy(options["devices"], wait=options["wait_for_workers"])  # before TensorFlow computes anything
        agreement.require(strategy, agreement.of_flags(options | settings))
        scores, subject = outcome(protocol, options, settings, strategy)
    result = named(scores, **subject)
    if files:
        files.keep(result, scores)
    if chief:
        print(result.to_json() if options["json"] else result.table())
    for metric in scores.failed:
        key = next(key for key in result.reasons if key in scores.failed[metric])
        process.failed("evaluate", f"{metric} cannot be computed: {result.reasons[key]}", 1)
    return 1 if scores.failed else 0


def _protocol(options: dict[str, Any]) -> Protocol:
    """The named protocol, or a custom one from the flags; a flag that differs from the named protocol makes it custom."""
    if options["protocol"] and options["metrics"]:
        raise UserError("--protocol and --metrics cannot be given together: a protocol defines its metrics")
    counts = ("samples", "splits", "seed", "reconstructions", "shown_codes")
    changes = {name: options[name] for name in counts if options[name] is not None}
    for name, value in changes.items():
        if not 0 <= value <= MOST:
            raise UserError(f"--{name}={value} is not legal: it must be at least 0 and at most {MOST}")
    base = protocols.get(options["protocol"] or ("custom" if options["metrics"] else "quick5k"))
    changes |= {"code": options["code"]} if options["code"] else {}
    changes |= {"annealing": _annealing(base.annealing, options), "critics": _critics(base.critics, options)}
    if options["metrics"]:
        changes["metrics"] = tuple(name.strip() for name in options["metrics"].split(","))
    changed = {name: value for name, value in changes.items() if value != getattr(base, name)}
    return dataclasses.replace(base, **changed, name="custom") if changed else base


def _annealing(base: Annealing, options: dict[str, Any]) -> Annealing:
    sigma = base.sigma if options["ais_sigma"] is None else options["ais_sigma"]
    if not 0.0 <= sigma <= 10.0:
        raise UserError(f"--ais_sigma={sigma} is not legal: it must be at least 0 and at most 10")
    counts = _counts(options, {"images": "ais_images", "chains": "ais_chains", "distributions": "ais_distributions"})
    return dataclasses.replace(base, **counts, sigma=sigma)


def _critics(base: Critics, options: dict[str, Any]) -> Critics:
    return dataclasses.replace(
        base, **_counts(options, {"seeds": "critics", "steps": "critic_updates", "channels": "critic_channels"})
    )


def _counts(options: dict[str, Any], flags: Mapping[str, str]) -> dict[str, int]:
    """The counts that flags give, by what they are called elsewhere."""
    given = {name: options[flag] for name, flag in flags.items() if options[flag] is not None}
    for name, count in given.items():
        least = 2 if flags[name] == "ais_images" else 1  # of one image the mean has no error
        if not least <= count <= MOST:
            raise UserError(f"--{flags[name]}={count} is not legal: it must be at least {least} and at most {MOST}")
    return given


def _run(protocol: Protocol, options: dict[str, Any], settings: dict[str, Any], strategy: "Strategy") -> Scored:
    from tfpagan import data
    from tfpagan.inference import restore
    from tfpagan.scoring.adapters import of_run
    from tfpagan.training import agreement

    model_dir = path(options["model_dir"])
    run = restore.restored(model_dir, step=options["step"], best=options["best"])
    images = data.prepare(own_data(run.config, settings))
    run_images.require_same(model_dir, images)
    files = sorted((model_dir / ("best" if options["best"] else "ckpt")).glob(f"ckpt-{run.step}.*"))
    checkpoint = {"the checkpoint's step": run.step, "the checkpoint's checksum": lambda: agreement.contents(*files)}
    settings_of_run = {f"{flag} of --model_dir": value for flag, value in agreement.of_config(run.config).items()}
    agreement.require(strategy, settings_of_run | checkpoint)
    encoder, condition = run.networks.get("encoder"), run.config.objective.condition
    subject = of_run(run.networks["generator"], encoder, run.config.networks, str(model_dir), condition)
    count = run.config.training.validation_images
    validation = images.held_out(count) if count else None
    return _score(subject, protocol, options, images, strategy, validation), {"model": str(model_dir), "step": run.step}


def _export(protocol: Protocol, options: dict[str, Any], settings: dict[str, Any], strategy: "Strategy") -> Scored:
    from tfpagan.evaluation.subjects import of_saved_model
    from tfpagan.serving.exports import newest
    from tfpagan.training import agreement

    folder = newest(zoo.model(path(options["export"])))
    agreement.require(strategy, {"the export's checksum": lambda: agreement.contents(folder)})
    subject = of_saved_model(folder)
    return _on_data_set(subject, protocol, options, settings, strategy)


def _stand_in(protocol: Protocol, options: dict[str, Any], settings: dict[str, Any], strategy: "Strategy") -> Scored:
    kind, _, name = options["reconstructor"].partition(":")
    if kind != "augment":
        raise UserError(
            f"--reconstructor={options['reconstructor']} is not legal: it must be augment:NAME, such as augment:pad_crop"
        )
    augmentation = checks.replace(AugmentationConfig(), {"augmentation": name}, "augmentation")
    from tfpagan.scoring.adapters import of_augmentation

    return _on_data_set(of_augmentation(augmentation), protocol, options, settings, strategy)


def _on_data_set(
    subject: "Subject", protocol: Protocol, options: dict[str, Any], settings: dict[str, Any], strategy: "Strategy"
) -> Scored:
    if "dataset" not in settings:
        raise UserError("--dataset is missing: the data set to score on, such as --dataset=cifar10")
    from tfpagan import data

    images = data.prepare(checks.replace(DataConfig(), settings, "data"))
    return _score(subject, protocol, options, images, strategy), {"model": subject.name}


def _score(
    subject: "Subject",
    protocol: Protocol,
    options: dict[str, Any],
    images: "Images",
    strategy: "Strategy",
    validation: "Part | None" = None,
) -> "Scores":
    from tfpagan.scoring.prepare import scorer
    from tfpagan.training import agreement

    agreement.require(strategy, {"the data set's checksum": images.checksums})
    classifier, why = chosen_classifier(protocol, options, strategy)
    with statistics_file.kept(options["save_statistics"], classifier, why) as collect:
        made = scorer(
            protocol,
            images,
            strategy,
            classifier,
            why,
            validation=validation,
            batch_size=options["batch_size"],
            collect=collect,
        )
        return made.score(subject)


COMMAND = Command(
    program="evaluate",
    help="Score a run, an export, a folder of images, or an augmentation in place of a model.",
    options=(
        Option("model_dir", "", "the run to score"),
        *CHECKPOINT,
        Option(
            "export",
            "",
            "the SavedModel to score, with signatures decode and encode (or only reconstruct), or a folder of versions",
        ),
        Option("real", "", "real images: a folder, an .npz or .npy array, or an .npz of statistics (mu, sigma); with --fake"),
        Option(
            "fake",
            "",
            "images to score: a folder, an .npz or .npy array, or an .npz of statistics, of which there is the FID alone; "
            "rid and rmse pair its files with those of --real by name",
        ),
        Option(
            "save_statistics",
            "",
            "an .npz for statistics (mu, sigma, as in pytorch-fid) of the samples, or of --fake, which then needs no --real",
        ),
        Option("reconstructor", "", "augment:NAME scores a(x) instead of G(E(x)), as in PAGAN's Table 2"),
        Option("protocol", "", f"one of {', '.join(protocols.NAMED)} (default: quick5k)", choices=tuple(protocols.NAMED)),
        Option(
            "metrics",
            "",
            lambda: f"comma-separated metrics, instead of a protocol: {', '.join(METRICS)}",
            choices=tuple(METRICS),
        ),
        CLASSIFIER,
        Option("inception", "", "Inception as a folder, .tar.gz, .tgz or .pb; default: $TFPAGAN_INCEPTION, else from TF-Hub"),
        Option("samples", None, "number of samples; default: the protocol's", int),
        Option("reconstructions", None, "number of test images to reconstruct, 0: all; default: the protocol's", int),
        Option(
            "shown_codes", None, "codes in the pictures of panel, of test and then training images; default: test images", int
        ),
        Option("splits", None, "number of splits of the Inception Score and RID; default: the protocol's", int),
        Option("seed", None, "seed of samples, codes and shuffles; default: the protocol's", int),
        Option("ais_images", None, "ais: number of test images; default: the protocol's", int),
        Option("ais_chains", None, "ais: number of chains per image; default: the protocol's", int),
        Option("ais_distributions", None, "ais: number of distributions between prior and posterior; likewise", int),
        Option(
            "ais_sigma",
            None,
            "ais: standard deviation of the noise, for pixels in [0, 1]; default, 0: the best of several, on training images",
            float,
        ),
        Option("critics", None, "critic: number of critics, each trained from scratch; default: the protocol's", int),
        Option("critic_updates", None, "critic: updates of each; default: the protocol's", int),
        Option("critic_channels", None, "critic: channels of its first convolution; default: the protocol's", int),
        Option("code", "", "which code is decoded: mean or draw; default: the protocol's"),
        Option(
            "bfloat16", False, "compute the classifier in bfloat16, on CPUs that can: faster, another classifier by its scores"
        ),
        Option("batch_size", 64, "images per batch; affects only memory and speed"),
        Option("devices", "", "comma-separated, such as GPU:0,GPU:1 or CPU:0; default: all GPUs, else the CPU"),
        Option("wait_for_workers", 600, "seconds to wait for the other workers of TF_CONFIG; 0: for as long as it takes"),
        Option("output", "", "folder for scores.csv, metrics.jsonl and eval/; default: the run folder"),
        Option("json", False, "print as JSON"),
    ),
    run=run,
    settings="data",
)
