"""The Inception network of 2015, for official IS and FID: from TF-Hub, a folder, an archive or its frozen graph."""

import dataclasses
import gzip
import os
import shutil
import tarfile
import tempfile
import warnings
import zlib
from pathlib import Path
from typing import Any
from urllib.error import URLError

import tensorflow as tf
from absl import logging

from tfpagan.evaluation.classifiers.classifier import INCEPTION_SHAPE, Classifier, Outputs, checksum, from_saved_model
from tfpagan.evaluation.errors import EvaluationError, first_line

HANDLE = "https://tfhub.dev/tensorflow/tfgan/eval/inception/1"
"""tf-gan's `INCEPTION_TFHUB`."""
NAME = "inception-2015-12-05"
CLASSES, FEATURES = 1008, 2048
FORMS = (
    f"the SavedModel of {HANDLE} as a folder or .tar.gz (append ?tf-hub-format=compressed to that address in a browser), or "
    f"classify_image_graph_def.pb or its archive {NAME}.tgz"
)
"""The forms in which it can be given, for messages."""
DEEPEST = 20
"""Folders in each other, in an archive."""
MOST_BYTES, MOST_MEMBERS = 2**29, 10_000
"""Of an archive, unpacked: five times what Inception takes, so that a small archive cannot fill the disk."""
LONGEST_HEADER = 2**13
"""Most bytes of a header with a long name or other facts, which tarfile reads into memory."""


def load(path: str | Path = "", *, cache_dir: str | Path, how_to_get_it: str = f"Use {FORMS}") -> Classifier:
    """The official classifier.

    Args:
      path: a SavedModel folder, a .tar.gz of one, the frozen graph `classify_image_graph_def.pb`, or a .tgz of that;
        "": tf-gan's TF-Hub module is downloaded.
      cache_dir: folder for downloads and unpacked archives.
      how_to_get_it: advice that ends error messages, without the final full stop.

    Raises:
      EvaluationError: when it is not available, or is another network.
    """
    cache = Path(os.path.expanduser(cache_dir))
    found = _from_path(Path(os.path.expanduser(path)), cache, how_to_get_it) if path else _from_hub(cache, how_to_get_it)
    logits, features = (output.shape[1] for output in found.outputs(tf.zeros([1, *found.shape])))
    if (logits, features) != (CLASSES, FEATURES):
        given = f"{path or HANDLE} returns {logits} logits and {features} features"
        raise EvaluationError(f"{given}; the Inception network of 2015 returns {CLASSES} and {FEATURES}. {how_to_get_it}")
    logging.info("%s, checksum %s, is recognised as Inception by its output sizes", path or HANDLE, found.checksum)
    return dataclasses.replace(found, name=NAME, official=True)


def from_frozen_graph(file: Path) -> Classifier:
    """The frozen graph of 2015, without its own decoding and resizing, for batches of any size.

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
        raise EvaluationError(f"{file} is not Inception's frozen graph of 2015: {first_line(e)}") from None

    def outputs(x: tf.Tensor) -> Outputs:
        features = tf.reshape(pool(x), [tf.shape(x)[0], weights.shape[0]])
        return tf.matmul(features, weights), features

    return Classifier(file.name, checksum(file), INCEPTION_SHAPE, outputs)


def _from_path(path: Path, cache: Path, how_to_get_it: str) -> Classifier:
    if path.is_dir():
        return from_saved_model(path)
    if not path.exists():
        raise EvaluationError(f"there is no {path}. {how_to_get_it}")
    if path.name.endswith((".tar.gz", ".tgz")):
        folder = _unpacked(path, cache)
        models = [p.parent for p in folder.rglob("saved_model.pb")]
        graphs = [p for p in folder.rglob("*.pb") if p.parent not in models]
        if len(models) + len(graphs) != 1:
            shutil.rmtree(folder, ignore_errors=True)
            raise EvaluationError(f"{path} holds {len(models)} SavedModels and {len(graphs)} frozen graphs; expected one")
        return _sealed(models[0]) if models else from_frozen_graph(graphs[0])
    if path.suffix == ".pb":
        return from_frozen_graph(path)
    raise EvaluationError(f"{path} is not a known form of Inception. {how_to_get_it}")


def _from_hub(cache: Path, how_to_get_it: str) -> Classifier:
    """Download once; a cached copy that cannot be read or has changed is moved aside and downloaded again."""
    with warnings.catch_warnings():  # tensorflow_hub warns about its use of pkg_resources
        warnings.simplefilter("ignore")
        import tensorflow_hub as hub

    os.environ["TFHUB_CACHE_DIR"] = str(cache)

    def fetched() -> Path:
        try:
            return Path(hub.resolve(HANDLE))
        except (URLError, OSError, ValueError, tf.errors.OpError) as e:
            raise EvaluationError(f"Inception cannot be downloaded from {HANDLE} ({e}). {how_to_get_it}") from None

    folder = fetched()
    try:
        return _sealed(folder)
    except EvaluationError as e:
        logging.warning("%s; downloading it again", e)
    aside = folder.with_name(f"{folder.name}.damaged")
    shutil.rmtree(aside, ignore_errors=True)
    try:
        folder.rename(aside)
        _seal(folder).unlink(missing_ok=True)
    except OSError as e:
        raise EvaluationError(f"{folder} is damaged and cannot be moved aside: {e}") from None
    again = _sealed(fetched())
    shutil.rmtree(aside, ignore_errors=True)
    return again


def _sealed(folder: Path) -> Classifier:
    """The classifier in a cache folder. Its checksum on first use is stored beside it; later ones must match."""
    loaded, seal = from_saved_model(folder), _seal(folder)
    try:
        known = seal.read_text().strip() if seal.exists() else ""
        if not known:
            seal.write_text(loaded.checksum + "\n")
    except OSError as e:
        logging.warning("the checksum of %s cannot be stored, so later changes will not be noticed: %s", folder, e)
        return loaded
    if known not in ("", loaded.checksum):
        raise EvaluationError(f"{folder} has changed since its first use (checksum {loaded.checksum}, before {known})")
    return loaded


def _seal(folder: Path) -> Path:
    return folder.with_name(folder.name + ".sha256")


def _unpacked(archive: Path, cache: Path) -> Path:
    """The archive, unpacked atomically into a cache folder that is named after its checksum."""
    folder = cache / f"{archive.name.split('.')[0]}-{checksum(archive)}"
    if folder.is_dir():
        return folder
    try:
        _require_whole(archive)
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as scratch:
            part = Path(scratch) / "part"
            with tarfile.open(archive, "r:gz", tarinfo=_Member) as tar:
                # Python has the filter from 3.10.12 and 3.11.4 on; what it refuses, `_plain_members` refuses as well.
                safe: dict[str, Any] = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
                tar.extractall(part, _plain_members(tar), **safe)
            try:
                part.rename(folder)
            except OSError:
                if not folder.is_dir():  # else another process was faster
                    raise
    except (tarfile.TarError, OSError, EOFError, zlib.error, RecursionError, ValueError, OverflowError) as e:
        raise EvaluationError(f"{archive} cannot be unpacked into {cache}: {str(e)[:300]}") from None
    return folder


class _Member(tarfile.TarInfo):
    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> "_Member":
        """A header, as tarfile reads each; those before long names have a size too."""
        member = super().frombuf(buf, encoding, errors)
        if not (member.isreg() or member.isdir()) and member.size > LONGEST_HEADER:
            raise tarfile.TarError(f"it has a header of {member.size} bytes, and at most {LONGEST_HEADER} are read")
        return member


def _require_whole(archive: Path) -> None:
    """Require gzip's checksum to be right, which is at the end: tarfile stops before it."""
    total = 0
    with gzip.open(archive) as stream:
        while piece := stream.read(1 << 20):
            total += len(piece)
            _require_small(total)


def _plain_members(tar: tarfile.TarFile) -> list[tarfile.TarInfo]:
    """All members, as files and folders of this user.

    Refused are links, which tarfile follows out of the folder (CVE-2025-4517), devices, pipes, and names outside the folder.
    """
    members, total = list[tarfile.TarInfo](), 0
    for member in tar:
        if not (member.isreg() or member.isdir()):
            raise tarfile.TarError(f"{member.name[:100]!r} in it is neither a file nor a folder")
        if member.name.startswith("/") or ".." in member.name.split("/"):
            raise tarfile.TarError(f"{member.name[:100]!r} in it lies outside its folder")
        if member.name.count("/") > DEEPEST:
            raise tarfile.TarError(f"{member.name[:100]!r} in it is more than {DEEPEST} folders deep")
        total += member.size  # of sparse files more than the archive holds
        _require_small(total)
        member.mode, member.uname, member.gname = 0o755 if member.isdir() else 0o644, "", ""
        member.uid, member.gid = os.getuid(), os.getgid()
        members.append(member)
        if len(members) > MOST_MEMBERS:
            raise tarfile.TarError(f"it holds more than {MOST_MEMBERS} files")
    return members


def _require_small(total: int) -> None:
    if total > MOST_BYTES:
        raise tarfile.TarError(f"it would take more than {MOST_BYTES} bytes")
