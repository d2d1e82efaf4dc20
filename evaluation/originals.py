"""The classifier's logits of test images, computed once and cached: every evaluation of a data set needs the same ones."""

import hashlib
import json
from pathlib import Path

import numpy as np
from absl import logging

from tfpagan.evaluation.classifiers.features import FeatureExtractor
from tfpagan.evaluation.classifiers.preprocessing import RESIZE
from tfpagan.evaluation.images import Images, checksum
from tfpagan.evaluation.statistics import UNREADABLE, arrays_in, save_npz

MOST_BYTES = 2**28
"""Logits that take more are computed every time: they are kept in memory."""


class Originals:
    """Logits of images that are asked for in their order, batch by batch.

    Args:
      images: all of them.
      extract: computes the logits.
      cache_dir: folder of the cache; None: they are not kept between processes. Several workers keep nothing: one that found
        what another has to compute would leave it waiting.
    """

    def __init__(self, images: Images, extract: FeatureExtractor, cache_dir: Path | None):
        self._extract, self._count = extract, images.count
        classifier = extract.classifier
        matters = [checksum(images), images.count, classifier.checksum, classifier.shape, RESIZE, "logits v1"]
        name = hashlib.sha256(json.dumps(matters).encode()).hexdigest()[:24]
        self._file = cache_dir / f"{classifier.name}-logits-{name}.npz" if cache_dir and not extract.several_workers else None
        self._known = self._read()
        self._computed: list[np.ndarray] = []

    def logits(self, batch: np.ndarray, start: int) -> np.ndarray:
        """Logits [n, K] of images uint8 [n, H, W, C], of which the first is number `start`."""
        if self._known is not None:
            return self._known[start : start + len(batch)]
        logits = self._extract(batch)[0]
        if start == 0:  # what there is, is of an evaluation that was given up
            self._computed = []
        if self._count * logits.shape[1] * 4 <= MOST_BYTES:
            self._computed.append(logits)
            if start + len(batch) == self._count:
                self._keep(np.concatenate(self._computed))
        return logits

    def _read(self) -> np.ndarray | None:
        if self._file is None or not self._file.exists():
            return None
        try:
            logits = arrays_in(self._file)["logits"]
            if logits.ndim != 2 or len(logits) != self._count or not np.isfinite(logits).all():
                raise ValueError(f"{logits.dtype} {logits.shape}")
        except UNREADABLE as e:
            logging.warning("%s is damaged (%s); computing the logits again", self._file, e)
            return None
        return logits

    def _keep(self, logits: np.ndarray) -> None:
        self._known, self._computed = logits, []
        if self._file is None:
            return
        try:
            save_npz(self._file, logits=logits)
        except OSError as e:
            logging.warning("the logits of test images cannot be cached in %s: %s", self._file.parent, e)
