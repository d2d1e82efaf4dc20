"""Frechet distance of reconstructions to the reference."""

from tfpagan.evaluation.metrics.base import Context, Key, Measurement, Metric, Need, Over, known, network
from tfpagan.evaluation.metrics.fid import FrechetDistance


class FIDOfReconstructions(Metric):
    """FID with reconstructions G(E(x)) of test images instead of samples."""

    name, help = "fid_rec", "Frechet distance of reconstructions to the reference"
    over, needs = Over.RECONSTRUCTIONS, frozenset({Need.CLASSIFIER, Need.REFERENCE})

    def keys(self, official: bool) -> tuple[Key, ...]:
        return (Key(f"frechet_{network(official)}_distance_of_reconstructions", better="lower"),)

    def start(self, context: Context) -> Measurement:
        return FrechetDistance(known(context.reference))
