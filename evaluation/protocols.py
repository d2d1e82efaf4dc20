"""A metric with its counts, splits and seeds is a protocol; a number without one means nothing."""

import dataclasses

from tfpagan.evaluation.errors import EvaluationError
from tfpagan.evaluation.metrics.annealing import Annealing

METRICS = {
    "is": "Inception Score of samples",
    "fid": "Frechet distance of samples to the reference",
    "kid": "kernel distance of samples to the reference",
    "ms_ssim": "diversity of samples, beside that of test images",
    "rid": "RID of test images and their reconstructions",
    "rmse": "RMSE and PSNR of reconstructions",
    "fid_rec": "Frechet distance of reconstructions to the reference",
    "panel": "the encoder's codes against the prior",
    "nll": "bound of the negative log-likelihood of test images, of a decoder with a likelihood",
    "ais": "log-likelihood of test images by annealed importance sampling",
    "critic": "independent Wasserstein critic between samples and test images",
}
NEED_CLASSIFIER = ("is", "fid", "kid", "rid", "fid_rec")
OF_SAMPLES = ("is", "fid", "kid", "ms_ssim")
OF_RECONSTRUCTIONS = ("rid", "rmse", "fid_rec")
TO_REFERENCE = ("fid", "kid", "fid_rec")
FEW_IMAGES = 10_000
"""Below this many, scores of the same model differ too much between draws, and FID is biased upwards."""


@dataclasses.dataclass(frozen=True)
class Protocol:
    """How numbers are made.

    Attributes:
      name: of the protocol, or custom.
      metrics: some of METRICS.
      samples: how many images are drawn.
      reconstructions: how many test images, from the first; 0: all.
      splits: of IS and RID.
      seed: of samples, codes, and the shuffle of IS.
      code: which code of an image is decoded: E's mean, or a draw from q(z | x).
      annealing: of `ais`.
    """

    name: str = "custom"
    metrics: tuple[str, ...] = ("is", "fid", "kid", "rid", "rmse", "fid_rec", "panel")
    samples: int = 50_000
    reconstructions: int = 0
    splits: int = 10
    seed: int = 0
    code: str = "mean"
    annealing: Annealing = Annealing()

    def __post_init__(self) -> None:
        for metric in self.metrics:
            if metric not in METRICS:
                raise EvaluationError(f"unknown metric {metric!r}; known: {', '.join(METRICS)}")
        if not self.metrics:
            raise EvaluationError(f"no metric is asked for; known: {', '.join(METRICS)}")
        for count in (self.samples, self.reconstructions or 2):  # 0 reconstructions: all
            if count < 2:
                raise EvaluationError(f"{count} images cannot be scored; at least 2 are needed")
        if self.splits < 1 or self.seed < 0:
            raise EvaluationError(f"{self.splits} splits and seed {self.seed} are not legal; at least 1 and 0")
        if self.code not in ("mean", "draw"):
            raise EvaluationError(f"code {self.code!r} is not legal; it must be mean or draw")

    def wants(self, *metrics: str) -> bool:
        """Whether any of these is asked for."""
        return any(metric in self.metrics for metric in metrics)


def _quick(name: str, count: int) -> Protocol:
    return Protocol(name, ("is", "fid", "kid", "rid", "rmse", "panel"), samples=count, reconstructions=count)


NAMED = {
    "custom": Protocol(),
    "is50k": Protocol("is50k", ("is",), samples=50_000),
    "fid50k": Protocol("fid50k", ("fid",), samples=50_000),
    "rid10k": Protocol("rid10k", ("rid", "rmse"), reconstructions=10_000),
    "nll10k": Protocol("nll10k", ("nll", "rmse"), reconstructions=10_000),
    "quick1k": _quick("quick1k", 1000),
    "quick5k": _quick("quick5k", 5000),
    "full": Protocol("full", tuple(m for m in METRICS if m not in ("critic", "nll", "ais")), samples=50_000),
}


def get(name: str) -> Protocol:
    """A protocol by its name.

    Raises:
      EvaluationError: on an unknown name.
    """
    if name not in NAMED:
        raise EvaluationError(f"unknown protocol {name!r}; known: {', '.join(NAMED)}")
    return NAMED[name]
