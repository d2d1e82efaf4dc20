"""The Inception network of 2015, which makes IS and FID official: from TF-Hub, a folder, an archive or its frozen graph."""

import dataclasses
import os
import shutil
import tarfile
import tempfile
import warnings
from pathlib import Path
from urllib.error import URLError

import tensorflow as tf
from absl import logging

from evaluation.classifier import INCEPTION_SHAPE, Classifier, Outputs, checksum, from_saved_model
from evaluation.errors import EvaluationError

HANDLE = "https://tfhub.dev/tensorflow/tfgan/eval/inception/1"
"""tf-gan's `INCEPTION_TFHUB`."""
NAME = "inception-2015-12-05"
PATH_VARIABLE = "TFPAGAN_INCEPTION"
CLASSES, FEATURES = 1008, 2048


def load(path: str = "", cache_dir: str = "") -> Classifier:
    """The official classifier.

    Args:
      path: a SavedModel folder, a .tar.gz of one, the frozen graph `classify_image_graph_def.pb`, or a .tgz of that;
        default: $TFPAGAN_INCEPTION, then a download of the TF-Hub module that tf-gan names.
      cache_dir: where downloads and unpacked archives stay; default: $TFHUB_CACHE_DIR, then ~/.cache/tfpagan/tfhub.

    Raises:
      EvaluationError: when it cannot be had, with what to do; or when it is another network.
    """
    path = path or os.environ.get(PATH_VARIABLE, "")
    cache = _cache(cache_dir)
    found = _from_path(Path(path).expanduser(), cache) if path else _from_hub(cache)
    logits, features = (output.shape[1] for output in found.outputs(tf.zeros([1, *found.shape])))
    if (logits, features) != (CLASSES, FEATURES):
        given = f"{path or HANDLE} gives {logits} logits and {features} features"
        raise EvaluationError(
            f"{given}; the Inception of 2015 gives {CLASSES} and {FEATURES}. Name another network by --classifier"
        )
    return dataclasses.replace(found, name=NAME, official=True)


def from_frozen_graph(file: Path) -> Classifier:
    """The frozen graph of 2015: its own decoding and resizing are skipped, and any number of images goes through at once.

    The logits are without the bias, as the authors of the Inception Score computed them.

    Raises:
      EvaluationError: when it is another graph.
    """
    graph = tf.compat.v1.GraphDef()
    try:
        graph.ParseFromString(file.read_bytes())
        # 'Mul' is the resized, scaled image; 'pool_3' comes before the reshape that fixes the batch to 1.
        wanted = ["pool_3:0", "softmax/logits/MatMul:0"]
        pruned = tf.compat.v1.wrap_function(
            lambda x: tf.graph_util.import_graph_def(graph, {"Mul:0": x}, wanted, name=""),
            [tf.TensorSpec([None, *INCEPTION_SHAPE], tf.float32)],
        )
        kernel = next(op for op in pruned.graph.get_operations() if op.name == "softmax/logits/MatMul").inputs[1]
        weights = pruned.prune([], [kernel])()[0]
        pool = pruned.prune(pruned.inputs, pruned.graph.get_tensor_by_name("pool_3:0"))
    except Exception as e:  # a protobuf that cannot be parsed, a graph without these nodes, shapes that do not fit
        raise EvaluationError(f"{file} is not Inception's frozen graph of 2015: {str(e).splitlines()[0][:200]}") from None

    def outputs(x: tf.Tensor) -> Outputs:
        features = tf.reshape(pool(x), [tf.shape(x)[0], weights.shape[0]])
        return tf.matmul(features, weights), features

    return Classifier(file.name, checksum(file), INCEPTION_SHAPE, outputs)


def _from_path(path: Path, cache: Path) -> Classifier:
    if path.is_dir():
        return from_saved_model(path)
    if not path.exists():
        raise EvaluationError(f"there is no {path}; {WAYS}")
    if path.name.endswith((".tar.gz", ".tgz")):
        folder = _unpacked(path, cache)
        graphs = [p for p in folder.rglob("*.pb") if p.name != "saved_model.pb"]
        models = [p.parent for p in folder.rglob("saved_model.pb")]
        if len(models) == 1:
            return from_saved_model(models[0])
        if len(graphs) == 1:
            return from_frozen_graph(graphs[0])
        raise EvaluationError(
            f"{path} holds {len(models)} SavedModels and {len(graphs)} frozen graphs; one of either is wanted"
        )
    if path.suffix == ".pb":
        return from_frozen_graph(path)
    raise EvaluationError(f"{path} is not legal; {WAYS}")


def _from_hub(cache: Path) -> Classifier:
    """Downloads once; a cache that cannot be read, or is not what was downloaded, is deleted and fetched again."""
    with warnings.catch_warnings():  # of its own use of pkg_resources
        warnings.simplefilter("ignore")
        import tensorflow_hub as hub

    os.environ["TFHUB_CACHE_DIR"] = str(cache)
    for attempt in ("first", "second"):
        try:
            folder = Path(hub.resolve(HANDLE))
        except (URLError, OSError, ValueError, tf.errors.OpError) as e:
            raise EvaluationError(f"Inception cannot be downloaded from {HANDLE} ({e}). {WAYS}") from None
        try:
            loaded = from_saved_model(folder)
            _check_seal(folder, loaded.checksum)
            return loaded
        except EvaluationError as e:
            if attempt == "second":
                raise
            logging.warning("%s; deleting it and fetching it again", e)
            shutil.rmtree(folder, ignore_errors=True)
            _seal(folder).unlink(missing_ok=True)
    raise AssertionError


def _check_seal(folder: Path, found: str) -> None:
    """The checksum of the first use is kept beside the folder; every later use must match it."""
    seal = _seal(folder)
    if not seal.exists():
        seal.write_text(found + "\n")
    elif seal.read_text().strip() != found:
        raise EvaluationError(
            f"{folder} has changed since it was downloaded (checksum {found}, then {seal.read_text().strip()})"
        )


def _seal(folder: Path) -> Path:
    return folder.with_name(folder.name + ".sha256")


def _unpacked(archive: Path, cache: Path) -> Path:
    """The archive's folder in the cache, named by its checksum; unpacked whole or not at all."""
    folder = cache / f"{archive.name.split('.')[0]}-{checksum(archive)}"
    if folder.is_dir():
        return folder
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as part:
        try:
            with tarfile.open(archive) as tar:
                tar.extractall(part, filter="data")
        except (tarfile.TarError, OSError, EOFError) as e:
            raise EvaluationError(f"{archive} cannot be unpacked: {e}") from None
        shutil.copytree(part, folder.with_name(folder.name + ".part"), dirs_exist_ok=True)
    folder.with_name(folder.name + ".part").rename(folder)
    return folder


def _cache(cache_dir: str) -> Path:
    default = os.environ.get("TFHUB_CACHE_DIR") or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "tfpagan" / "tfhub"
    return Path(cache_dir or default).expanduser()


WAYS = (
    f"Give --inception, or ${PATH_VARIABLE}, one of: the SavedModel of {HANDLE} as a folder or .tar.gz (append "
    "?tf-hub-format=compressed to that address in a browser), or classify_image_graph_def.pb or its archive "
    f"{NAME}.tgz. Or name an in-domain network by --classifier (bin/train_classifier makes one). "
    "Metrics that need no classifier (rmse, psnr, ms_ssim, panel) run without"
)
