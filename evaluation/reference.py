"""Statistics of the real images, computed once and kept under a name that hashes everything that matters."""

import dataclasses
import hashlib
import json
from pathlib import Path

import numpy as np
from absl import logging

from evaluation.errors import EvaluationError
from evaluation.features import FeatureExtractor
from evaluation.preprocessing import RESIZE
from evaluation.sources import Images, checksum
from evaluation.statistics import Moments, read_npz, write_npz

KID_IMAGES = 5_000
"""How many images KID looks at, from the first: it needs the features themselves, 8 KiB of Inception's an image."""


class Kept:
    """The first rows of what streams by, in float32."""

    def __init__(self, limit: int):
        self._limit, self._count = limit, 0
        self._rows: list[np.ndarray] = []

    def update(self, rows: np.ndarray) -> None:
        """Keep what there is room for."""
        if room := self._limit - self._count:
            self._rows.append(rows[:room].astype(np.float32))
            self._count += len(self._rows[-1])

    def array(self) -> np.ndarray:
        """[n, D]."""
        return np.concatenate(self._rows)


@dataclasses.dataclass(frozen=True)
class Reference:
    """Moments of all real images, features [n, D] of the first for KID (none from a foreign file), and what they are of."""

    moments: Moments
    features: np.ndarray
    name: str
    checksum: str


def of_images(images: Images, extract: FeatureExtractor, *, cache_dir: Path, batch_size: int) -> Reference:
    """The statistics of real images, from the cache where they are known."""
    identity = checksum(images)
    classifier = extract.classifier
    matters = [identity, images.count, classifier.checksum, classifier.shape, RESIZE, KID_IMAGES, "v1"]
    name = hashlib.sha256(json.dumps(matters).encode()).hexdigest()[:24]
    file = cache_dir / f"{classifier.name}-{name}.npz"
    if file.exists():
        try:
            moments, arrays = read_npz(file)
            return Reference(moments, arrays["features"], images.name, identity)
        except (EvaluationError, KeyError) as e:
            logging.warning("%s; computing it again", e)
    moments, features = Moments(), Kept(KID_IMAGES)
    for batch in images.batches(batch_size):
        _, activations = extract(batch)
        moments.update(activations)
        features.update(activations)
    reference = Reference(moments, features.array(), images.name, identity)
    describe = {
        "images": images.name,
        "checksum": identity,
        "classifier": classifier.name,
        "classifier_checksum": classifier.checksum,
    }
    try:
        write_npz(file, moments, features=reference.features, protocol=json.dumps(describe))
    except OSError as e:
        logging.warning("the statistics of %s cannot be kept in %s: %s", images.name, cache_dir, e)
    return reference


def of_file(file: Path) -> Reference:
    """The statistics of a file of this or of another tool; for KID it must hold features too.

    Raises:
      EvaluationError: when it is no statistics file.
    """
    moments, arrays = read_npz(file)
    features = arrays.get("features", np.zeros([0, len(moments.mean())], np.float32))
    return Reference(moments, features, str(file), hashlib.sha256(file.read_bytes()).hexdigest()[:16])
