"""Statistics of the real images, computed once and cached under a hash of everything they depend on."""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from absl import logging

from tfpagan.evaluation.classifiers.classifier import Classifier
from tfpagan.evaluation.classifiers.features import FeatureExtractor
from tfpagan.evaluation.classifiers.preprocessing import RESIZE
from tfpagan.evaluation.errors import EvaluationError
from tfpagan.evaluation.images import Images, checksum
from tfpagan.evaluation.statistics import KID_IMAGES, UNKNOWN_COUNT, Moments, RandomSubset, read_npz, write_npz


@dataclasses.dataclass(frozen=True)
class Reference:
    """Statistics of images.

    Attributes:
      moments: of the features of all of them.
      features: [n, D] of some, for KID; none in other tools' files.
      name: of the images, or of the file.
      checksum: of the images, or of the file.
      classifier: its name, where a file states it; else "".
      classifier_checksum: likewise.
    """

    moments: Moments
    features: np.ndarray
    name: str
    checksum: str
    classifier: str = ""
    classifier_checksum: str = ""

    @property
    def count(self) -> int | str:
        """Number of images, if known."""
        return "unknown" if self.moments.count == UNKNOWN_COUNT else self.moments.count


def of_images(images: Images, extract: FeatureExtractor, *, cache_dir: Path | None, batch_size: int) -> Reference:
    """The statistics of real images, from the cache if they are there.

    Args:
      images: the real images.
      extract: computes the classifier's features.
      cache_dir: folder of the cache; None: no cache, as with several workers (see `Originals`).
      batch_size: images per batch.

    Raises:
      EvaluationError: when there are fewer than two images.
    """
    if images.count < 2:
        raise EvaluationError(f"too few images for a reference in {images.name}: {images.count}; at least 2 are needed")
    identity, classifier = checksum(images), extract.classifier
    matters = [identity, images.count, classifier.checksum, classifier.shape, RESIZE, KID_IMAGES, "v2"]
    name = hashlib.sha256(json.dumps(matters).encode()).hexdigest()[:24]
    file = cache_dir / f"{classifier.name}-{name}.npz" if cache_dir and not extract.several_workers else None
    if file and (stored := _kept(file, classifier, identity, min(images.count, KID_IMAGES))):
        return dataclasses.replace(stored, name=images.name, checksum=identity)
    moments, features = Moments(), RandomSubset(images.count, KID_IMAGES, seed=0)
    for batch in images.batches(batch_size):
        _, activations = extract(batch)
        moments.update(activations)
        features.update(activations)
    reference = Reference(moments, features.array(), images.name, identity, classifier.name, classifier.checksum)
    if file:
        _keep(file, reference)
    return reference


def _kept(file: Path, classifier: Classifier, identity: str, count: int) -> Reference | None:
    """The cached statistics; None if there are none of these images."""
    if not file.exists():
        return None
    try:
        stored, described = _read(file, classifier)
    except EvaluationError as e:
        logging.warning("%s; computing the statistics again", e)
        return None
    if len(stored.features) == count and described.get("checksum") == identity:
        return stored
    logging.warning("%s has statistics of other images; computing them again", file)
    return None


def write(file: Path, reference: Reference) -> None:
    """Write a file that `of_file` reads, and other tools, too.

    Raises:
      OSError: when it cannot be written.
    """
    describe = {
        "images": reference.name,
        "checksum": reference.checksum,
        "classifier": reference.classifier,
        "classifier_checksum": reference.classifier_checksum,
    }
    write_npz(file, reference.moments, features=reference.features, protocol=json.dumps(describe))


def _keep(file: Path, reference: Reference) -> None:
    try:
        write(file, reference)
    except OSError as e:
        logging.warning("the statistics of %s cannot be cached in %s: %s", reference.name, file.parent, e)


def of_file(file: Path, classifier: Classifier | None = None) -> Reference:
    """The statistics in a file of this or another tool; KID requires features in it as well.

    Raises:
      EvaluationError: when it is not a statistics file, or states that it was computed with another classifier.
    """
    return _read(file, classifier)[0]


def _read(file: Path, classifier: Classifier | None) -> tuple[Reference, Mapping[str, str]]:
    """The statistics in a file, and their description by this tool; empty for files of other tools."""
    moments, arrays = read_npz(file)
    dimensions = len(moments.mean())
    features = arrays.get("features", np.zeros([0, dimensions], np.float32))
    if features.ndim != 2 or features.shape[1] != dimensions or features.dtype.kind != "f" or not np.isfinite(features).all():
        raise EvaluationError(f"{file} has features that are not finite numbers [n, {dimensions}]")
    described = _described(arrays)
    made_with = described.get("classifier_checksum")
    if classifier and made_with not in (None, classifier.checksum):
        raise EvaluationError(
            f"{file} was computed with classifier {made_with}, but {classifier.name} is {classifier.checksum}"
        )
    checksum_of_file = hashlib.sha256(file.read_bytes()).hexdigest()[:16]
    network = (str(described.get("classifier", "")), str(made_with or ""))
    return Reference(moments, features, str(file), checksum_of_file, *network), described


def _described(arrays: Mapping[str, np.ndarray]) -> Mapping[str, str]:
    try:
        return dict(json.loads(str(arrays["protocol"])))
    except (KeyError, ValueError, TypeError):
        return {}
