"""The classifier of a name: the Inception network of 2015, one that comes along, or somebody's SavedModel."""

import difflib
import os
from pathlib import Path

from absl import logging

from tfpagan.evaluation import cache
from tfpagan.evaluation.classifiers import inception, trained
from tfpagan.evaluation.classifiers.classifier import Classifier, from_saved_model
from tfpagan.evaluation.errors import EvaluationError

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
    if "://" in str(name):
        known = ", ".join(["inception", *trained.names()])
        raise EvaluationError(f"{name} is not legal: a classifier is one of {known}, or a SavedModel folder of this machine")
    if str(name) != "inception":
        folder = trained.folder(Path(os.path.expanduser(name)))
        near = difflib.get_close_matches(str(name), ["inception", *trained.names()], 1)
        if near and not folder.exists():
            raise EvaluationError(f"{name} holds no classifier; did you mean {near[0]}?")
        return from_saved_model(folder)
    path = inception_path or os.environ.get(INCEPTION_VARIABLE, "")
    advice = how_to_get_it or f"Set ${INCEPTION_VARIABLE} to one of: {inception.FORMS}. Or name another classifier"
    return inception.load(path, cache_dir=os.environ.get("TFHUB_CACHE_DIR") or cache.folder() / "tfhub", how_to_get_it=advice)


def find_if_here(
    name: str | Path, inception_path: str | Path = "", *, how_to_get_it: str = ""
) -> tuple[Classifier | None, str]:
    """The classifier; or None, and why, with a warning, where it is an Inception that nobody has named and that is not here.

    Arguments and errors as `find`.
    """
    try:
        return find(name, inception_path, how_to_get_it=how_to_get_it), ""
    except EvaluationError as e:
        if str(name) != "inception" or inception_path or os.environ.get(INCEPTION_VARIABLE):
            raise
        logging.warning("%s", e)
        return None, "no classifier: Inception is not available"
