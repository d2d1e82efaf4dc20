"""The feature learning protocol: error rates of linear classifiers on an encoder's features, from few labels."""

import dataclasses
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from absl import logging

from tfpagan.evaluation.errors import EvaluationError

Array = np.ndarray
AT_ONCE = 500  # images
ROUNDS = 1000  # maximum number of the solver's iterations over a set


@dataclasses.dataclass(frozen=True)
class Probe:
    """The protocol (Dumoulin et al., 2017, which AGE's section 3.1 reproduces): an L2-SVM on a few labelled images.

    Attributes:
      labels_per_class: images per class in a set; with SVHN's ten classes, 100 give the paper's 1,000.
      sets: number of sets, each with its own classifier.
      held_out: number of training images, outside all sets, on which the cost is chosen.
      costs: values of C to choose from, in increasing order; the search stops when the next one does worse.
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
    """The share of test images that the classifier of each set misclassifies.

    Args:
      features: uint8 images [n, H, W, C] to features [n, F].
      train: uint8 images [N, H, W, C], with labels [N].
      test: likewise, with labels.
      probe: the protocol.

    Raises:
      EvaluationError: when there are too few images of a class.
    """
    sets, held_out = _drawn(train_labels, probe)
    labels_held_out, of_held_out = train_labels[held_out], _in_parts(features, train, held_out)
    classifiers = []
    for i, chosen in enumerate(sets, 1):
        logging.info("set %d of %d: fitting %d linear SVMs to %d images", i, len(sets), len(probe.costs), len(chosen))
        of_chosen = _in_parts(features, train, chosen)
        classifiers.append(_best(of_chosen, train_labels[chosen], of_held_out, labels_held_out, probe.costs))
    logging.info("classifying %d test images", len(test))
    wrong = np.zeros(len(classifiers))
    for i in range(0, len(test), AT_ONCE):  # the features of all test images may not fit in memory
        seen = features(np.asarray(test[i : i + AT_ONCE]))
        wrong += [np.sum(c.predict(seen) != test_labels[i : i + AT_ONCE]) for c in classifiers]
    return (wrong / len(test)).tolist()


def _best(features: Array, labels: Array, of_held_out: Array, labels_held_out: Array, costs: tuple[float, ...]) -> Any:
    """The classifier with the highest accuracy on the held-out images; costs are increased until that drops."""
    from sklearn.decomposition import PCA
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import LinearSVC

    # With all principal components PCA is a rotation, under which an L2-SVM does not change; it leaves at most as many
    # dimensions as there are images.
    rotation = make_pipeline(StandardScaler(), PCA(svd_solver="full")).fit(features)
    rotated, rotated_held_out = rotation.transform(features), rotation.transform(of_held_out)
    best, most = None, -1
    for cost in costs:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # at large costs; the result is usable
            svm = LinearSVC(C=cost, loss="squared_hinge", dual=True, max_iter=ROUNDS, random_state=0).fit(rotated, labels)
        right = int(np.sum(svm.predict(rotated_held_out) == labels_held_out))
        if right < most:
            break
        best, most = make_pipeline(rotation, svm), right
    return best


def _drawn(labels: Array, probe: Probe) -> tuple[list[Array], Array]:
    """Indices of the sets, with equally many images of every class, and of the held-out images."""
    random = np.random.default_rng(probe.seed)
    order = random.permutation(len(labels))
    held_out, rest = order[: probe.held_out], order[probe.held_out :]
    by_class = {label: rest[labels[rest] == label] for label in np.unique(labels)}
    if len(by_class) < 2:
        raise EvaluationError(f"the images are of {len(by_class)} class; a probe needs at least two")
    for label, found in by_class.items():
        if len(found) < probe.labels_per_class:
            besides = f"besides the {probe.held_out} held out"
            raise EvaluationError(
                f"class {label} has {len(found)} training images {besides}; a set needs {probe.labels_per_class}"
            )
    each = [
        [random.choice(found, probe.labels_per_class, replace=False) for found in by_class.values()] for _ in range(probe.sets)
    ]
    return [np.concatenate(chosen) for chosen in each], held_out


def _in_parts(features: Callable[[Array], Array], images: Array, chosen: Array) -> Array:
    parts = [np.sort(chosen)[i : i + AT_ONCE] for i in range(0, len(chosen), AT_ONCE)]
    found = np.concatenate([features(np.asarray(images[part])) for part in parts])
    return found[np.argsort(np.argsort(chosen))]
