"""What a metric is: what it needs, which numbers it gives, and how it measures them batch by batch."""

import abc
import dataclasses
import enum
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple, Protocol, TypeVar

import numpy as np

from tfpagan.evaluation.errors import GivenUpError

if TYPE_CHECKING:
    from tfpagan.evaluation.images import Images
    from tfpagan.evaluation.reference import Reference
    from tfpagan.evaluation.results import ScoredPair
    from tfpagan.evaluation.subjects import Subject

NOTHING = np.zeros([0, 0])
FEW_IMAGES = 10_000
"""Below this many, scores of the same model differ too much between draws, and FID is biased upwards."""

T = TypeVar("T")


class Settings(Protocol):
    """What a metric may read of a protocol: of `protocols.Protocol`, which stands above the metrics."""

    @property
    def samples(self) -> int: ...
    @property
    def reconstructions(self) -> int: ...
    @property
    def splits(self) -> int: ...
    @property
    def seed(self) -> int: ...
    @property
    def code(self) -> str: ...
    @property
    def annealing(self) -> Any: ...


class Over(enum.Enum):
    """Of what a metric sees every batch."""

    SAMPLES = "samples"
    RECONSTRUCTIONS = "reconstructions"  # with the test images that they are of
    TEST_IMAGES = "test images"


class Need(enum.Enum):
    """What else a metric cannot do without."""

    SAMPLES = "samples"  # that it draws itself
    CLASSIFIER = "logits and features of the images in a batch"
    CLASSIFIED_ORIGINALS = "logits of the originals of reconstructions too"
    REFERENCE = "the classifier's statistics of real images"
    ENCODER = "an encoder"
    DECODER = "a decoder of codes alone"
    LIKELIHOOD_BOUND = "a bound of the likelihood"
    DIFFERENTIABLE_DECODER = "a decoder of tensors"


@dataclasses.dataclass(frozen=True)
class Key:
    """One number of a metric.

    Attributes:
      name: by which files know it.
      unit: of it; "": none.
      better: which way; None where the number has no better and worse of its own.
      column: its short title in tables and plots; "": it has none there.
      beside: name of the number that such a column shows beside it, as a deviation.
      tag: its short tag in TensorBoard; "": its name.
      overview: whether what shows many runs at once shows it: box plots, and HParams.
    """

    name: str
    unit: str = ""
    better: Literal["higher", "lower"] | None = None
    column: str = ""
    beside: str = ""
    tag: str = ""
    overview: bool = False

    def improves(self, value: float, best: float) -> bool:
        """Whether a value is better than the best so far."""
        assert self.better, self.name
        return value > best if self.better == "higher" else value < best


class Batch(NamedTuple):
    """What a measurement sees; what nobody needs is empty.

    Attributes:
      images: samples, reconstructions or test images, uint8 [n, H, W, C].
      logits: of the images, [n, K].
      features: of the images, [n, D].
      originals: what reconstructions are of, uint8 [n, H, W, C].
      logits_of_originals: [n, K].
    """

    images: np.ndarray = NOTHING
    logits: np.ndarray = NOTHING
    features: np.ndarray = NOTHING
    originals: np.ndarray = NOTHING
    logits_of_originals: np.ndarray = NOTHING


@dataclasses.dataclass(frozen=True)
class Context:
    """What a measurement may use besides its batches; what its metric needs is there.

    Attributes:
      subject: what is scored.
      protocol: how.
      count: how many images, or pairs, its batches will hold together.
      samples: (count, seed) to that many samples of the subject.
      test: the test images; None where there are none.
      training: the real images themselves; None where there are only statistics of them.
      reference: statistics of the real images; None where no metric needs them.
      batch_size: of images at a time.
      interrupted: whether nobody waits for the result any more.
    """

    subject: "Subject"
    protocol: Settings
    count: int
    samples: "Callable[[int, int], Images]"
    test: "Images | None" = None
    training: "Images | None" = None
    reference: "Reference | None" = None
    batch_size: int = 64
    interrupted: Callable[[], bool] = lambda: False

    def stop_if_interrupted(self) -> None:
        """What takes long between batches asks now and then.

        Raises:
          GivenUpError: when the evaluation was given up.
        """
        if self.interrupted():
            raise GivenUpError


class Measurement(abc.ABC):
    """One metric of one subject: sees every batch once, and gives its numbers at the end.

    Attributes:
      undefined: why one of the numbers may be None.
    """

    undefined: str = "not defined here"

    @abc.abstractmethod
    def update(self, batch: Batch) -> None:
        """See the next batch."""

    @abc.abstractmethod
    def result(self) -> Sequence[float | None]:
        """The numbers, in the order of the metric's keys.

        Raises:
          EvaluationError: when there are none; its text becomes their reason.
        """

    def worst(self) -> "list[ScoredPair]":
        """The pairs that it finds worst, worst first."""
        return []

    def details(self) -> dict[str, Any]:
        """What does not fit a number, as lists per dimension."""
        return {}


class Metric(abc.ABC):
    """A metric: a file of its own, and a line in `metrics/__init__.py`.

    Attributes:
      name: by which it is asked for.
      help: one line.
      over: of what it sees every batch.
      needs: what else it cannot do without.
      in_full: whether the protocol `full` has it.
      few_images: below this many images or pairs its numbers vary so much that users are warned.
    """

    name: ClassVar[str]
    help: ClassVar[str]
    over: ClassVar[Over]
    needs: ClassVar[frozenset[Need]] = frozenset()
    in_full: ClassVar[bool] = True
    few_images: ClassVar[int] = FEW_IMAGES

    @abc.abstractmethod
    def keys(self, official: bool) -> tuple[Key, ...]:
        """Its numbers.

        Args:
          official: whether the classifier is the Inception of 2015: only then may a name say so.
        """

    @abc.abstractmethod
    def start(self, context: Context) -> Measurement:
        """A measurement that has seen no batch.

        Raises:
          EvaluationError: when it cannot be made; its text becomes the reason of the missing numbers.
        """

    def facts(self, protocol: Settings, image_shape: tuple[int, ...]) -> dict[str, Any]:
        """What two of its numbers must share to be compared, besides what all metrics share.

        Args:
          protocol: by which they are made.
          image_shape: (H, W, C); () where it is not known.
        """
        return {}


def known(value: T | None) -> T:
    """What a metric has declared that it needs, and therefore is there."""
    assert value is not None
    return value


def network(official: bool) -> str:
    """What names of numbers call the classifier."""
    return "inception" if official else "classifier"
