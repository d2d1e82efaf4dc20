"""The contract of a metric: what it needs, which numbers it reports, and how it measures them batch by batch."""

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
"""Below this number of images, scores of the same model vary too much between draws, and FID is biased upwards."""

T = TypeVar("T")


class Settings(Protocol):
    """The fields of a protocol that metrics may read; `protocols.Protocol` itself imports the metrics."""

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
    def shown_codes(self) -> int: ...
    @property
    def annealing(self) -> Any: ...
    @property
    def critics(self) -> Any: ...


class Over(enum.Enum):
    """The images that a metric is computed over."""

    SAMPLES = "samples"
    RECONSTRUCTIONS = "reconstructions"  # together with their originals, the test images
    TEST_IMAGES = "test images"


class Need(enum.Enum):
    """What else a metric requires."""

    SAMPLES = "samples"  # that it draws itself
    CLASSIFIER = "logits and features of the images in a batch"
    CLASSIFIED_ORIGINALS = "logits of the originals of reconstructions too"
    REFERENCE = "the classifier's statistics of real images"
    ENCODER = "an encoder"
    DECODER = "a decoder that takes only codes"
    LIKELIHOOD_BOUND = "a bound on the likelihood"
    DIFFERENTIABLE_DECODER = "a differentiable decoder"


@dataclasses.dataclass(frozen=True)
class Key:
    """One number of a metric.

    Attributes:
      name: the name used in result files.
      unit: its unit; "": none.
      better: which direction is better; None: neither.
      nearest_to: name of the number that is best to be near to; "": none.
      column: short title in tables and plots; "": it is not shown there.
      beside: name of the number that the column shows after it, as a deviation.
      tag: short tag in TensorBoard; "": its name.
      overview: whether overviews of many runs (box plots, HParams) show it.
    """

    name: str
    unit: str = ""
    better: Literal["higher", "lower"] | None = None
    column: str = ""
    beside: str = ""
    tag: str = ""
    overview: bool = False
    nearest_to: str = ""

    def improves(self, value: float, best: float) -> bool:
        """Whether a value is better than the best so far."""
        assert self.better, self.name
        return value > best if self.better == "higher" else value < best


class Batch(NamedTuple):
    """Input of a measurement; fields that no metric needs are empty arrays.

    Attributes:
      images: samples, reconstructions or test images, uint8 [n, H, W, C].
      logits: of the images, [n, K].
      features: of the images, [n, D].
      originals: the originals of reconstructions, uint8 [n, H, W, C].
      logits_of_originals: [n, K].
    """

    images: np.ndarray = NOTHING
    logits: np.ndarray = NOTHING
    features: np.ndarray = NOTHING
    originals: np.ndarray = NOTHING
    logits_of_originals: np.ndarray = NOTHING


@dataclasses.dataclass(frozen=True)
class Context:
    """What a measurement may use besides its batches; what its metric needs is never None.

    Attributes:
      subject: what is scored.
      protocol: settings of the protocol.
      count: total number of images, or pairs, in its batches.
      samples: (count, seed) to that many samples of the subject.
      test: the test images, or None.
      validation: training images that the model was not trained on; None: there are none.
      training: the real images themselves; None if there are only statistics of them.
      reference: statistics of the real images; None if no metric needs them.
      batch_size: images per batch.
      interrupted: whether the evaluation was interrupted.
    """

    subject: "Subject"
    protocol: Settings
    count: int
    samples: "Callable[[int, int], Images]"
    test: "Images | None" = None
    validation: "Images | None" = None
    training: "Images | None" = None
    reference: "Reference | None" = None
    batch_size: int = 64
    interrupted: Callable[[], bool] = lambda: False

    def stop_if_interrupted(self) -> None:
        """To be called regularly in long computations between batches.

        Raises:
          GivenUpError: when the evaluation was interrupted.
        """
        if self.interrupted():
            raise GivenUpError


class Measurement(abc.ABC):
    """One metric of one subject: it receives every batch once and returns its numbers at the end.

    Attributes:
      undefined: the reason for numbers that are None.
    """

    undefined: str = "not defined here"

    @abc.abstractmethod
    def update(self, batch: Batch) -> None:
        """Process the next batch."""

    @abc.abstractmethod
    def result(self) -> Sequence[float | None]:
        """The numbers, in the order of the metric's keys.

        Raises:
          EvaluationError: when they cannot be computed; its message becomes their reason.
        """

    def worst(self) -> "list[ScoredPair]":
        """The pairs with the worst values, worst first."""
        return []

    def details(self) -> dict[str, Any]:
        """What is not a single number, such as lists per dimension."""
        return {}

    def arrays(self) -> dict[str, np.ndarray]:
        """What is looked at rather than read, such as matrices."""
        return {}


class Metric(abc.ABC):
    """A metric: a file of its own, and a line in `metrics/__init__.py`.

    Attributes:
      name: its name in lists of metrics and protocols.
      help: one-line description.
      over: the images that it is computed over.
      needs: what else it requires.
      in_full: whether the protocol `full` includes it.
      uses_validation: whether its numbers depend on `Context.validation`.
      few_images: below this number of images or pairs, users are warned that its numbers vary.
    """

    name: ClassVar[str]
    help: ClassVar[str]
    over: ClassVar[Over]
    needs: ClassVar[frozenset[Need]] = frozenset()
    in_full: ClassVar[bool] = True
    uses_validation: ClassVar[bool] = False
    few_images: ClassVar[int] = FEW_IMAGES

    @abc.abstractmethod
    def keys(self, official: bool) -> tuple[Key, ...]:
        """The keys of its numbers.

        Args:
          official: whether the classifier is the Inception network of 2015; only then may names say so.
        """

    @abc.abstractmethod
    def start(self, context: Context) -> Measurement:
        """A new measurement.

        Raises:
          EvaluationError: when it cannot be created; its message becomes the reason for the missing numbers.
        """

    def facts(self, protocol: Settings, image_shape: tuple[int, ...]) -> dict[str, Any]:
        """What two of its numbers must share to be compared, besides what all metrics require.

        Args:
          protocol: settings of the protocol.
          image_shape: (H, W, C); () if it is not known.
        """
        return {}


def known(value: T | None) -> T:
    """A value that is not None, because the metric has declared that it needs it."""
    assert value is not None
    return value


def network(official: bool) -> str:
    """The word for the classifier in names of numbers."""
    return "inception" if official else "classifier"
