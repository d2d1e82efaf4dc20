"""Scores of statistics: the Frechet distance of two files, without images or a classifier, as pytorch-fid computes it."""

from tfpagan.evaluation.classifiers.inception import FEATURES, NAME
from tfpagan.evaluation.errors import EvaluationError
from tfpagan.evaluation.metrics.fid import FID, frechet_distance
from tfpagan.evaluation.protocols import Protocol
from tfpagan.evaluation.reference import Reference
from tfpagan.evaluation.results import Scores


def score(protocol: Protocol, real: Reference, fake: Reference) -> Scores:
    """The metrics of a protocol, of statistics alone: FID has a number, every other metric has a reason.

    As for images, the distance is an FID only where the network was the Inception of 2015, recognised by its 2048 features; a
    file that names another network is believed.

    Raises:
      EvaluationError: when the two are of different networks.
    """
    stated = [one for one in (real, fake) if one.classifier_checksum]
    if len({one.classifier_checksum for one in stated}) > 1:
        networks = [f"classifier {one.classifier_checksum} ({one.classifier})" for one in stated]
        raise EvaluationError(f"{real.name} was computed with {networks[0]}, but {fake.name} with {networks[1]}")
    distance = frechet_distance(real.moments, fake.moments)
    official = stated[0].classifier == NAME if stated else len(real.moments.mean()) == FEATURES
    scores, keys = Scores(), {metric.name: metric.keys(official) for metric in protocol.declared()}
    for name, of_metric in keys.items():
        names = [key.name for key in of_metric]
        if name == FID.name:
            scores.give(names, [distance])
        else:
            scores.missing(names, f"{fake.name} has statistics, not images")
    scores.in_order({name: tuple(key.name for key in of_metric) for name, of_metric in keys.items()})
    scores.protocol = {
        "name": protocol.name,
        "samples": fake.count,
        "samples_checksum": fake.checksum,
        "classifier": stated[0].classifier if stated else "not stated",
        "classifier_checksum": stated[0].classifier_checksum if stated else "not stated",
        "reference": real.name,
        "reference_count": real.count,
        "reference_checksum": real.checksum,
    }
    return scores
