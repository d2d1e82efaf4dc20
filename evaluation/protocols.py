"""Protocols: metrics with their counts, splits and seeds, without which numbers cannot be compared."""

import dataclasses
import difflib

from tfpagan.evaluation.errors import EvaluationError
from tfpagan.evaluation.metrics import METRICS
from tfpagan.evaluation.metrics.ais import Annealing
from tfpagan.evaluation.metrics.base import Metric, Need, Over
from tfpagan.evaluation.metrics.wasserstein_critic import Critics


@dataclasses.dataclass(frozen=True)
class Protocol:
    """How numbers are computed.

    Attributes:
      name: of the protocol, or custom.
      metrics: names in METRICS.
      samples: number of samples.
      reconstructions: number of test images, chosen at random with the seed; 0: all.
      splits: number of splits of IS and RID.
      seed: of samples, codes, the choice of test images, and the shuffle of IS.
      code: which code of an image is decoded: mean, E's mean; or draw, from q(z | x).
      shown_codes: how many codes the pictures of `panel` show, of test and then of training images; 0: of test images.
      annealing: settings of `ais`.
      critics: settings of `critic`.
    """

    name: str = "custom"
    metrics: tuple[str, ...] = ("is", "fid", "kid", "rid", "rmse", "fid_rec", "panel")
    samples: int = 50_000
    reconstructions: int = 0
    splits: int = 10
    seed: int = 0
    code: str = "mean"
    shown_codes: int = 0
    annealing: Annealing = Annealing()
    critics: Critics = Critics()

    def __post_init__(self) -> None:
        for metric in self.metrics:
            if metric not in METRICS:
                near = difflib.get_close_matches(metric, METRICS, 1)
                guess = f" (did you mean {near[0]}?)" if near else ""
                raise EvaluationError(f"unknown metric {metric!r}{guess}; known: {', '.join(METRICS)}")
        if not self.metrics:
            raise EvaluationError(f"no metric is requested; known: {', '.join(METRICS)}")
        for count in (self.samples, self.reconstructions or 2):  # 0 reconstructions: all
            if count < 2:
                raise EvaluationError(f"{count} images cannot be scored; at least 2 are needed")
        if self.splits < 1:
            raise EvaluationError(f"{self.splits} splits cannot be made; at least 1 is needed")
        if self.seed < 0:
            raise EvaluationError(f"seed {self.seed} is not legal; it must be at least 0")
        if self.code not in ("mean", "draw"):
            raise EvaluationError(f"code {self.code!r} is not legal; it must be mean or draw")

    def declared(self) -> tuple[Metric, ...]:
        """Its metrics, each once."""
        return tuple(METRICS[name] for name in dict.fromkeys(self.metrics))

    def needs(self, need: Need) -> bool:
        """Whether any of its metrics has this need."""
        return any(need in metric.needs for metric in self.declared())

    def goes_over(self, over: Over) -> bool:
        """Whether any of its metrics is computed over these images."""
        return any(metric.over is over for metric in self.declared())


def _both(name: str, samples: int, reconstructions: int) -> Protocol:
    """Samples and reconstructions."""
    metrics = ("is", "fid", "kid", "rid", "rmse", "panel")
    return Protocol(name, metrics, samples=samples, reconstructions=reconstructions)


VALIDATION = "_validation"
"""At the end of the names of protocols of validation images."""

NAMED = {
    "custom": Protocol(),
    "is50k": Protocol("is50k", ("is",), samples=50_000),
    "fid50k": Protocol("fid50k", ("fid",), samples=50_000),
    "rid10k": Protocol("rid10k", ("rid", "rmse"), reconstructions=10_000),
    "nll10k": Protocol("nll10k", ("nll", "rmse"), reconstructions=10_000),
    "nll5k_is5k": Protocol("nll5k_is5k", ("nll", "is", "rmse"), samples=5_000, reconstructions=5_000),
    "nll10k_is50k": Protocol("nll10k_is50k", ("nll", "is", "rmse"), samples=50_000, reconstructions=10_000),
    "alpha_gan": Protocol("alpha_gan", ("is", "fid", "ms_ssim", "critic"), samples=10_000),  # its comparisons; counts are ours
    "codes64k": Protocol("codes64k", ("is", "fid", "panel"), samples=10_000, shown_codes=64_000),  # alpha-GAN's figures 11, 12
    "ais100": Protocol("ais100", ("ais",)),
    "ais1k": Protocol("ais1k", ("ais",), annealing=Annealing(images=1000, distributions=10_000)),  # as Wu et al., 2017
    "quick1k": _both("quick1k", 1000, 1000),
    "quick5k": _both("quick5k", 5000, 5000),
    "pagan": _both("pagan", 50_000, 10_000),  # as chainer-gan-lib, which PAGAN names, and over CIFAR-10's test images
    "full": Protocol("full", samples=50_000),
}


def get(name: str) -> Protocol:
    """The protocol of this name.

    Raises:
      EvaluationError: on an unknown name.
    """
    if name not in NAMED:
        raise EvaluationError(f"unknown protocol {name!r}; known: {', '.join(NAMED)}")
    if name == "full":  # resolved on use, so that it includes plugins' metrics
        every = tuple(name for name, metric in METRICS.items() if metric.in_full)
        return dataclasses.replace(NAMED[name], metrics=every)
    return NAMED[name]


def measuring(protocol: Protocol, key: str) -> Protocol:
    """The protocol, extended by the metric that reports `key`, and renamed, unless it includes that metric.

    >>> measuring(get("rid10k"), "psnr").name, measuring(get("fid50k"), "psnr").name
    ('rid10k', 'fid50k+rmse')
    """
    for name, metric in METRICS.items():
        if name not in protocol.metrics and any(key == k.name for official in (True, False) for k in metric.keys(official)):
            return dataclasses.replace(protocol, name=f"{protocol.name}+{name}", metrics=(*protocol.metrics, name))
    return protocol


def in_training(name: str, best_metric: str, *, validation: bool) -> Protocol:
    """The protocol of evaluations during training: that of the name, with the metric that selects the best checkpoint.

    Scores on validation images do not compare with those on test images, so that their protocol has a name of its own.

    >>> in_training("quick1k", "", validation=True).name
    'quick1k_validation'
    """
    protocol = measuring(get(name), best_metric)
    return dataclasses.replace(protocol, name=f"{protocol.name}{VALIDATION}") if validation else protocol
