"""Images that can be scored from a path: a folder of image files, or a file of an array."""

import copy
import os
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import numpy as np
from absl import logging

from tfpagan.evaluation import image_files
from tfpagan.evaluation.errors import EvaluationError, first_line
from tfpagan.evaluation.image_files import Colour, ImageFileError
from tfpagan.evaluation.images import ArrayImages, Images
from tfpagan.evaluation.statistics import UNREADABLE, arrays_in

ARRAYS = (".npz", ".npy")
T = TypeVar("T")


class FolderImages:
    """The image files under a folder, also through links, in the order of their paths without suffixes.

    Grey images are repeated over three channels as soon as one has colours, as torch-fidelity and clean-fid do.

    Args:
      folder: the folder.
      background: the colour behind transparent pixels; without one, images with such pixels are refused.

    Raises:
      EvaluationError: when there is no image, or a folder cannot be listed; when reading, on a file that cannot be decoded,
        has 16 bits per sample or transparent pixels, or differs in size from the first.
    """

    def __init__(self, folder: Path, *, background: Colour | None = None):
        if not folder.is_dir():
            what = "is a file" if folder.exists() else "does not exist"
            raise EvaluationError(f"{folder} {what}; expected a folder of images, or an array of them in .npz or .npy")
        try:
            files = image_files.under(folder)
        except ImageFileError as e:
            raise EvaluationError(str(e)) from None
        if not files:
            raise EvaluationError(f"{folder} holds no images ({', '.join(image_files.SUFFIXES)})")
        stems = {file: file.relative_to(folder).with_suffix("") for file in files}
        self._background = background
        self._files: Sequence[Path] = sorted(files, key=lambda file: os.fsencode(stems[file]))
        self.name, self.count, self.names = str(folder), len(files), [str(stems[file]) for file in self._files]

    @cached_property
    def channels(self) -> int:
        """1 if all files are grey, else 3."""
        return 3 if any(self._of(file, image_files.has_colour) for file in self._files) else 1

    def files(self) -> set[str]:
        """The files themselves, behind all links."""
        return {os.path.realpath(file) for file in self._files}

    def in_colour(self) -> "FolderImages":
        """The same images with three channels."""
        other = copy.copy(self)
        other.channels = 3
        return other

    def take(self, places: np.ndarray, name: str) -> "FolderImages":
        """The images at these places [n], under a name, with as many channels."""
        other = copy.copy(self)
        other.channels, other.count, other.name = self.channels, len(places), name
        other._files, other.names = ([values[i] for i in places] for values in (self._files, self.names))
        return other

    def batches(self, size: int) -> Iterator[np.ndarray]:
        """uint8 [n, H, W, C], n = size except for the last."""
        first: tuple[Path, tuple[int, ...]] | None = None
        for i in range(0, self.count, size):
            batch = []
            for file in self._files[i : i + size]:
                image = self._of(file, image_files.decode)
                first = first or (file, image.shape)
                if image.shape[:2] != first[1][:2]:
                    (height, width), (h, w) = image.shape[:2], first[1][:2]
                    raise EvaluationError(
                        f"{file} is {height} x {width} px, but {first[0]} is {h} x {w}; all must have one size"
                    )
                batch.append(self._with_channels(image))
            yield np.stack(batch)

    def _with_channels(self, image: np.ndarray) -> np.ndarray:
        if image.shape[2] == self.channels:
            return image
        logging.log_first_n(logging.INFO, "%s: grey images are repeated over three channels", 1, self.name)
        return image.repeat(3, 2)

    def _of(self, file: Path, function: Callable[[bytes, Colour | None], T]) -> T:
        try:
            return function(file.read_bytes(), self._background)
        except (ImageFileError, OSError) as e:
            raise EvaluationError(f"{file} cannot be used: {first_line(e)}") from None


def real_and_fake(real: Path | None, fake: Path, *, background: Colour | None = None) -> tuple[Images | None, Images | None]:
    """Real images and the images to score, each from a folder or an array file; None for a file of statistics, or no path.

    If one folder is grey and the other has colours, the grey one gets three channels.

    Raises:
      EvaluationError: when there are none that can be scored, or some files belong to both.
    """
    fakes, reals = at(fake, background), None if real is None else at(real, background)
    if reals is None or fakes is None:
        return reals, fakes
    one, other = of_one_kind(reals, fakes)
    return one, other


def at(path: Path, background: Colour | None = None) -> FolderImages | ArrayImages | None:
    """The images of a folder, or of the one array [N, H, W, C] in an .npz or .npy file; None for a file of statistics.

    Raises:
      EvaluationError: when there is none of these.
    """
    if path.suffix.lower() not in ARRAYS or not path.is_file():
        return FolderImages(path, background=background)
    arrays = _arrays(path)
    if path.suffix.lower() == ".npz" and {"mu", "sigma"} & arrays.keys():
        return None
    found = [array for array in arrays.values() if array.ndim == 4]
    if len(found) != 1:
        raise EvaluationError(f"{path} holds {len(found)} arrays [N, H, W, C]; expected one, of images")
    return ArrayImages(found[0], str(path))


def of_one_kind(real: Images, *others: Images) -> list[Images]:
    """All of them, where grey folders have three channels as soon as one of the others is in colour.

    Raises:
      EvaluationError: when some files of a folder belong to the real images too.
    """
    for other in others:
        if isinstance(real, FolderImages) and isinstance(other, FolderImages):
            shared = real.files() & other.files()
            if shared and real.files() != other.files():
                both = f"{len(shared)} of the files in {other.name} are in {real.name} too"
                raise EvaluationError(f"{both}, one being {min(shared)}; keep them apart")
    in_colour = any(getattr(images, "channels", None) == 3 for images in (real, *others))
    return [images.in_colour() if in_colour and isinstance(images, FolderImages) else images for images in (real, *others)]


def _arrays(path: Path) -> dict[str, np.ndarray]:
    try:
        return arrays_in(path)
    except UNREADABLE as e:
        raise EvaluationError(f"{path} cannot be read as arrays: {first_line(e)}") from None
