"""`bin/evaluate --real=... --fake=...`: images, or statistics of images, that no model of this package made."""

import dataclasses
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfpagan.cli import statistics_file
from tfpagan.cli.flags import path
from tfpagan.cli.model_flags import chosen_classifier
from tfpagan.errors import UserError
from tfpagan.evaluation.metrics import Over
from tfpagan.evaluation.protocols import Protocol
from tfpagan.settings import setting as checks
from tfpagan.settings.sections import DataConfig

if TYPE_CHECKING:
    from tensorflow.distribute import Strategy

    from tfpagan.evaluation.images import Images
    from tfpagan.evaluation.results import Scores

Scored = tuple["Scores", dict[str, Any]]


def score(protocol: Protocol, options: dict[str, Any], settings: dict[str, Any], strategy: "Strategy") -> Scored:
    """The scores of --fake, and what was scored."""
    if other := [name for name in settings if name not in ("cache_dir", "background")]:
        raise UserError(f"--{other[0]} cannot be given with --real and --fake: no other images are used")
    if options["reconstructions"] is not None:
        raise UserError("--reconstructions cannot be given with --real and --fake: every image is paired")
    from tfpagan.data.decode import BACKGROUNDS
    from tfpagan.evaluation.folders import real_and_fake

    data_settings = checks.replace(DataConfig(), settings, "data")
    real, fake = path(options["real"]) if options["real"] else None, path(options["fake"])
    images, fakes = real_and_fake(real, fake, background=BACKGROUNDS[data_settings.background])
    _require_alike(strategy, {"real": (real, images), "fake": (fake, fakes)})
    if fakes is None:
        scores = _of_statistics(protocol, real, images, options, settings, strategy)
        model = str(fake)
    else:
        scores = _of_images(protocol, real, images, fakes, options, settings, strategy)
        model = fakes.name
    if data_settings.background != DataConfig().background:
        scores.protocol["background"] = data_settings.background
    return scores, {"model": model}


def _require_alike(strategy: "Strategy", given: Mapping[str, tuple[Path | None, "Images | None"]]) -> None:
    """Refuse workers that have different images at the same paths; each of them classifies a share of all."""
    from tfpagan.evaluation.images import checksum
    from tfpagan.training import agreement

    facts: dict[str, Any] = {}
    for flag, (file, images) in given.items():
        if images:
            facts[f"the number of images in --{flag}"] = images.count
        if file:
            facts[f"the checksum of --{flag}"] = partial(checksum, images) if images else partial(agreement.contents, file)
    agreement.require(strategy, facts)


def _of_images(
    protocol: Protocol,
    real: Path | None,
    images: "Images | None",
    fakes: "Images",
    options: dict[str, Any],
    settings: dict[str, Any],
    strategy: "Strategy",
) -> "Scores":
    from tfpagan.evaluation import reference
    from tfpagan.evaluation.scorer import Scorer
    from tfpagan.evaluation.subjects import of_images

    usual = ("is", "fid", "kid") if real else ("is",)
    count = options["samples"] if options["samples"] is not None else fakes.count
    metrics = protocol.metrics if options["protocol"] or options["metrics"] else usual
    counted = dataclasses.replace(protocol, name="custom", metrics=metrics, samples=count, reconstructions=0)
    as_named = counted.samples == protocol.samples or not protocol.goes_over(Over.SAMPLES)
    counted = protocol if options["protocol"] and as_named else counted
    classifier, why = chosen_classifier(counted, options, strategy)
    with statistics_file.kept(options["save_statistics"], classifier, why) as collect:
        scores = Scorer(
            counted,
            classifier=classifier,
            why_no_classifier=why,
            test=images,
            reference=images or (reference.of_file(real, classifier) if real else None),
            strategy=strategy,
            batch_size=options["batch_size"],
            cache_dir=_cache_dir(settings),
            collect=collect,
        ).score(of_images(fakes))
    if counted.goes_over(Over.SAMPLES) and counted.samples < fakes.count:
        scores.protocol["samples_chosen_with_seed"] = counted.seed
    return scores


def _of_statistics(
    protocol: Protocol,
    real: Path | None,
    images: "Images | None",
    options: dict[str, Any],
    settings: dict[str, Any],
    strategy: "Strategy",
) -> "Scores":
    """Of --fake=STATISTICS.npz; a classifier is needed only where the real images are images."""
    from tfpagan.evaluation import from_statistics, reference
    from tfpagan.evaluation.classifiers.features import FeatureExtractor
    from tfpagan.evaluation.errors import EvaluationError

    fake = path(options["fake"])
    for name in ("save_statistics", "samples"):
        if options[name]:
            raise UserError(f"--{name} cannot be given with statistics: {fake} holds no images")
    assert real is not None
    asked = protocol.metrics if options["protocol"] or options["metrics"] else ("fid",)
    counted = dataclasses.replace(protocol, name="custom", metrics=asked)
    if images is None and options["classifier"] != "inception":
        raise UserError("--classifier cannot be given with statistics on both sides: no image is classified")
    if images is None:
        return from_statistics.score(counted, reference.of_file(real), reference.of_file(fake))
    classifier, why = chosen_classifier(counted, options, strategy)
    if classifier is None:
        raise EvaluationError(f"the images of {real} cannot be compared with statistics: {why}")
    extract = FeatureExtractor(classifier, strategy)
    of_real = reference.of_images(images, extract, cache_dir=_cache_dir(settings), batch_size=options["batch_size"])
    return from_statistics.score(counted, of_real, reference.of_file(fake, classifier))


def _cache_dir(settings: dict[str, Any]) -> Path:
    from tfpagan.data import places

    return places.cache_dir(settings.get("cache_dir", "")) / "statistics"
