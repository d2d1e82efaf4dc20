"""The classifier of a name: the Inception network of 2015, one that comes along, or somebody's SavedModel."""

import os
from pathlib import Path

from tfpagan.evaluation import cache
from tfpagan.evaluation.classifiers import inception, trained
from tfpagan.evaluation.classifiers.classifier import Classifier, from_saved_model

INCEPTION_VARIABLE = "TFPAGAN_INCEPTION"
"""Environment variable with the path of the Inception network."""


def find(name: str | Path, inception_path: str | Path = "", *, how_to_get_it: str = "") -> Classifier:
    """The classifier.

    Args:
      name: inception, one that comes along (`trained.names`), or a SavedModel folder.
      inception_path: path of Inception; "": $TFPAGAN_INCEPTION, else a download from TF-Hub, which is kept in $TFHUB_CACHE_DIR,
        else in this package's cache.
      how_to_get_it: advice that ends messages about Inception, without the final full stop.

    Raises:
      EvaluationError: when there is no usable classifier there.
    """
    if str(name) != "inception":
        return from_saved_model(trained.folder(Path(os.path.expanduser(name))))
    path = inception_path or os.environ.get(INCEPTION_VARIABLE, "")
    advice = how_to_get_it or f"Set ${INCEPTION_VARIABLE} to one of: {inception.FORMS}"
    return inception.load(path, cache_dir=os.environ.get("TFHUB_CACHE_DIR") or cache.folder() / "tfhub", how_to_get_it=advice)


def is_given(inception_path: str | Path = "") -> bool:
    """Whether the path of Inception is known, so that its absence is a mistake."""
    return bool(inception_path or os.environ.get(INCEPTION_VARIABLE))
