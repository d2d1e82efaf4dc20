"""Load a model from a run or an export."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tfpagan import zoo
from tfpagan.errors import UserError, why
from tfpagan.inference import export, restore
from tfpagan.inference.model import Model, Moments
from tfpagan.networks import arrays
from tfpagan.serving import exports


def load(path: str | Path, *, step: int | None = None, best: bool = False) -> Model:
    """The model of a run, of an export, or one that comes with the package.

    Args:
      path: a run folder; an export: one version, or the folder of versions, of which the newest is used; or a name, such as
        "shapes", where there is no such folder.
      step: checkpoint of a run; None: the newest.
      best: use the checkpoint of a run that `--best_metric` kept.

    Raises:
      UserError: when there is neither at `path`, or it cannot be read.
    """
    if not isinstance(path, str | os.PathLike):
        raise UserError(f"{path!r} is not a path of a run or an export, nor one of {', '.join(zoo.models())}")
    try:
        path = zoo.model(Path(os.path.expanduser(path)))
        version = exports.newest(path)
    except OSError as e:  # a name that no file system takes, or a folder that may not be searched
        raise UserError(f"{str(path)[:100]} cannot be read: {e.strerror}") from None
    if (version / "saved_model.pb").is_file():
        if step is not None or best:
            raise UserError(f"{path} is an export, which has no checkpoints to choose from")
        return _of_export(version)
    if not (path / "ckpt").is_dir():
        raise UserError(f"{path} is neither a run, with ckpt/, nor an export, with saved_model.pb{zoo.beside(path)}")
    run = restore.restored(path, step=step, best=best)
    encoder, generator = run.networks.get("encoder"), run.networks["generator"]
    condition = run.config.objective.condition
    decoder, recolourer = condition.decoder(generator), condition.recolourer(generator)
    return Model(
        str(path),
        run.image_shape,
        run.config.networks.latent_dim,
        arrays.decoding(decoder) if decoder else None,
        arrays.encoding(encoder) if encoder else None,
        run.config,
        arrays.recolouring(recolourer) if recolourer else None,
    )


def _of_export(folder: Path) -> Model:
    try:
        signatures = tf.saved_model.load(str(folder)).signatures
        if "colourise" in signatures:
            return _of_colours(folder, signatures)
        decode = signatures["decode"]
        latent_dim = decode.structured_input_signature[1]["latents"].shape[1]
        height, width, channels = decode.structured_outputs["images"].shape[1:]
    except KeyError as e:
        raise UserError(f"{folder} is a SavedModel, but not an export of bin/export: it has no {e}") from None
    except Exception as e:  # TensorFlow has no common error for what a damaged folder causes
        raise UserError(f"{folder} is not a readable export: {why(e)}") from None
    encode = signatures.get("encode")

    def decoded(z: np.ndarray) -> np.ndarray:
        return decode(latents=tf.constant(z))["images"].numpy()

    shape, config = (height, width, channels), export.config_of(folder)
    return Model(str(folder), shape, latent_dim, decoded, _encoding(encode) if encode else None, config)


def _encoding(signature: Any) -> Callable[[np.ndarray], Moments]:
    def encoded(x: np.ndarray) -> Moments:
        moments = signature(images=tf.constant(x))
        return moments["mean"].numpy(), moments["log_variance"].numpy()

    return encoded


def _of_colours(folder: Path, signatures: Any) -> Model:
    encode, colourise = signatures["encode"], signatures["colourise"]
    given = colourise.structured_input_signature[1]
    shape, latent_dim = tuple(given["images"].shape[1:]), given["latents"].shape[1]

    def coloured(z: np.ndarray, x: np.ndarray) -> np.ndarray:
        return colourise(images=tf.constant(x), latents=tf.constant(z))["images"].numpy()

    return Model(str(folder), shape, latent_dim, None, _encoding(encode), export.config_of(folder), coloured)
