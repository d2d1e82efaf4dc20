"""How well a linear classifier with few labels does on an encoder's features: the feature learning protocol."""

import dataclasses
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from tfpagan.evaluation.errors import EvaluationError

Array = np.ndarray
AT_ONCE = 500
ROUNDS = 1000  # of the solver over the images of a set, at most


@dataclasses.dataclass(frozen=True)
class Probe:
    """The protocol (Dumoulin et al., 2017, which AGE's section 3.1 reproduces): an L2-SVM on a few labelled images.

    Attributes:
      labels_per_class: in a set; 100 of SVHN's ten classes make the paper's 1,000.
      sets: how many sets are drawn, each for a classifier of its own.
      held_out: training images, outside all sets, on which the cost is chosen.
      costs: C of the classifier, to choose from, growing; the search ends where the next one does worse.
      seed: of the draws.
    """

    labels_per_class: int = 100
    sets: int = 10
    held_out: int = 1000
    costs: tuple[float, ...] = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
    seed: int = 0


def error_rates(
    features: Callable[[Array], Array], train: Array, train_labels: Array, test: Array, test_labels: Array, probe: Probe
) -> list[float]:
    """The share of test images that each of the sets' classifiers gets wrong.

    Args:
      features: uint8 images [n, H, W, C] to features [n, F].
      train: uint8 images [N, H, W, C], with labels [N].
      test: likewise.
      probe: the protocol.

    Raises:
      EvaluationError: when there are not enough images of a class.
    """
    sets, held_out = _drawn(train_labels, probe)
    labels_held_out, of_held_out = train_labels[held_out], _in_parts(features, train, held_out)
    classifiers = [
        _best(_in_parts(features, train, chosen), train_labels[chosen], of_held_out, labels_held_out, probe.costs)
        for chosen in sets
    ]
    wrong = np.zeros(len(classifiers))
    for i in range(0, len(test), AT_ONCE):  # the features of all test images would fill the memory
        seen = features(np.asarray(test[i : i + AT_ONCE]))
        wrong += [np.sum(c.predict(seen) != test_labels[i : i + AT_ONCE]) for c in classifiers]
    return (wrong / len(test)).tolist()


def _best(features: Array, labels: Array, of_held_out: Array, labels_held_out: Array, costs: tuple[float, ...]) -> Any:
    """The classifier that is right most often on the images held out, of costs that grow until it is so less often."""
    from sklearn.decomposition import PCA
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import LinearSVC

    # All principal components: a rotation, under which an L2-SVM is the same, into as many dimensions as there are images.
    rotation = make_pipeline(StandardScaler(), PCA(svd_solver="full")).fit(features)
    rotated, rotated_held_out = rotation.transform(features), rotation.transform(of_held_out)
    best, most = None, -1
    for cost in costs:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # at great costs; where it stops it is a classifier too
            svm = LinearSVC(C=cost, loss="squared_hinge", dual=True, max_iter=ROUNDS, random_state=0).fit(rotated, labels)
        right = int(np.sum(svm.predict(rotated_held_out) == labels_held_out))
        if right < most:
            break
        best, most = make_pipeline(rotation, svm), right
    return best


def _drawn(labels: Array, probe: Probe) -> tuple[list[Array], Array]:
    """Indices of the sets, equally many of every class, and of the images held out."""
    random = np.random.default_rng(probe.seed)
    order = random.permutation(len(labels))
    held_out, rest = order[: probe.held_out], order[probe.held_out :]
    by_class = {label: rest[labels[rest] == label] for label in np.unique(labels)}
    for label, found in by_class.items():
        if len(found) < probe.labels_per_class:
            besides = f"besides the {probe.held_out} held out"
            raise EvaluationError(
                f"class {label} has {len(found)} training images {besides}; {probe.labels_per_class} are wanted for a set"
            )
    each = [
        [random.choice(found, probe.labels_per_class, replace=False) for found in by_class.values()] for _ in range(probe.sets)
    ]
    return [np.concatenate(chosen) for chosen in each], held_out


def _in_parts(features: Callable[[Array], Array], images: Array, chosen: Array) -> Array:
    parts = [np.sort(chosen)[i : i + AT_ONCE] for i in range(0, len(chosen), AT_ONCE)]
    found = np.concatenate([features(np.asarray(images[part])) for part in parts])
    return found[np.argsort(np.argsort(chosen))]
