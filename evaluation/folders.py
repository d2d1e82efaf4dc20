"""A folder of image files as a source of images."""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tensorflow as tf

from tfpagan.evaluation.errors import EvaluationError, first_line

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif")
PNG = b"\x89PNG\r\n\x1a\n"


class FolderImages:
    """All image files under a folder, in the order of their paths; links are followed, hidden files are ignored.

    Raises:
      EvaluationError: when there are no images, or a file cannot be read or has no image suffix; when reading, on a file
        that cannot be decoded, has more than 8 bits per channel or an alpha channel, or differs from the first in size or
        number of channels.
    """

    def __init__(self, folder: Path):
        if not folder.is_dir():
            raise EvaluationError(f"there is no folder {folder}")
        files = _files_under(folder)
        for file in files:
            if not file.is_file():
                raise EvaluationError(f"{file} is not a readable file")
            if file.suffix.lower() not in SUFFIXES:
                raise EvaluationError(f"{file} is not an image; {folder} may hold only {', '.join(SUFFIXES)}")
        if not files:
            raise EvaluationError(f"{folder} holds no images ({', '.join(SUFFIXES)})")
        self.name, self.count, self._files = str(folder), len(files), files
        self.names = [str(file.relative_to(folder).with_suffix("")) for file in files]

    def batches(self, size: int) -> Iterator[np.ndarray]:
        first: tuple[Path, tuple[int, ...]] | None = None
        for i in range(0, self.count, size):
            batch = []
            for file in self._files[i : i + size]:
                image = self._decoded(file)
                first = first or (file, image.shape)
                if image.shape != first[1]:
                    raise EvaluationError(
                        f"{file} is {_size(image.shape)}, but {first[0]} is {_size(first[1])}; all must have one size"
                    )
                batch.append(image)
            yield np.stack(batch)

    @staticmethod
    def _decoded(file: Path) -> np.ndarray:
        try:
            data = file.read_bytes()
            if data.startswith(PNG) and data[24:25] == b"\x10":  # TensorFlow would drop the lower 8 bits
                raise EvaluationError(f"{file} has 16 bits per channel; expected 8")
            image = tf.io.decode_image(data, expand_animations=False).numpy()
        except (tf.errors.OpError, OSError) as e:
            raise EvaluationError(f"{file} cannot be decoded: {first_line(e)}") from None
        if image.shape[2] not in (1, 3):
            raise EvaluationError(f"{file} has {image.shape[2]} channels; expected 1 or 3, without transparency")
        return image


def _files_under(folder: Path) -> list[Path]:
    def refuse(e: OSError) -> None:
        raise EvaluationError(f"{e.filename} cannot be read: {e.strerror}")

    found: list[Path] = []
    for root, folders, names in os.walk(folder, followlinks=True, onerror=refuse):
        if os.path.realpath(root) in map(os.path.realpath, Path(root).parents):
            raise EvaluationError(f"{root} is a link to a folder that contains it")
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [Path(root, name) for name in names if not name.startswith(".")]
    return sorted(found)


def _size(shape: tuple[int, ...]) -> str:
    return f"{shape[0]} x {shape[1]} with {shape[2]} channel(s)"
