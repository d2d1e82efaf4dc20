"""Images in and out of files, for the commands: folders of images of one size, grids, single files, npz and GIF."""

import errno
import math
import os
import shutil
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from absl import logging
from PIL import Image
from tqdm import tqdm

from tfpagan.data.decode import decode
from tfpagan.data.folder import images_under
from tfpagan.data.geometry import Geometry
from tfpagan.errors import UserError
from tfpagan.evaluation.image_files import ImageFileError
from tfpagan.evaluation.statistics import UNREADABLE, require_small
from tfpagan.images import grey, grid, normalize, to_bytes, whole, write_png
from tfpagan.inference.model import AT_ONCE, Model

PNG_PX = 1_000_000  # per side: the limit of the library that writes it
MOST_PX = 2**28  # of a picture or an animation, of which several copies are in memory while it is made
PAIRS, PAIR_COLUMNS = 64, 16  # pairs per grid, and columns of images
LINE_SECONDS = 10.0  # between lines of progress
Rows = TypeVar("Rows", np.ndarray, Sequence[Path])


def files_under(folder: Path) -> list[Path]:
    """The image files under a folder, sorted by path.

    Raises:
      UserError: when there is no such folder, or no image in it.
    """
    if not folder.is_dir():
        is_there = folder.exists()
        raise UserError(f"{folder} is a file; expected a folder of images" if is_there else f"there is no folder {folder}")
    found = images_under(folder)
    if not found:
        raise UserError(f"{folder} holds no images")
    return found


def read(file: Path, model: Model, *, fit: bool, background: str = "") -> np.ndarray:
    """A uint8 image [H, W, C], as a model takes it.

    Args:
      file: PNG, JPEG, GIF or BMP.
      model: whose shape is required.
      fit: whether an image of another size is cropped to its largest square and shrunk; else it is refused.
      background: what is behind transparent pixels, as `--background`; default: as in the training of the model.

    Raises:
      UserError: naming the file.
    """
    shape = model.image_shape
    background = background or (model.config.data.background if model.config else "none")
    try:
        image = decode(file.read_bytes(), shape[2], background)
    except (ImageFileError, OSError) as e:
        raise UserError(f"{file} cannot be read: {e}") from None
    if fit and min(image.shape[:2]) >= shape[0]:
        image = Geometry("center", shape[0]).apply(image)
    if image.shape != shape:
        given, wanted = (f"{s[0]} x {s[1]}" for s in (image.shape, shape))
        remedy = "images are never enlarged" if fit else "--fit crops and shrinks"
        raise UserError(f"{file} is {given} px (height x width), and the model takes {wanted}; {remedy}")
    return image


def read_all(files: Sequence[Path], model: Model, *, fit: bool, background: str = "") -> Iterator[np.ndarray]:
    """Batches [n, H, W, C] of the images of files, with a progress bar."""
    for some in _with_progress(files):
        yield np.stack([read(file, model, fit=fit, background=background) for file in some])


def in_parts(images: np.ndarray) -> Iterator[np.ndarray]:
    """Batches [n, H, W, C] of an array of images, with a progress bar."""
    yield from _with_progress(images)


def decoded(model: Model, codes: np.ndarray) -> Iterator[np.ndarray]:
    """Batches of uint8 images of codes [N, Z], with a progress bar."""
    for some in _with_progress(codes):
        yield model.decode(some)


def enlarged(batches: Iterable[np.ndarray], scale: int) -> Iterator[np.ndarray]:
    """Batches [n, H, W, C] to [n, scale * H, scale * W, C], each pixel a square.

    >>> next(enlarged([np.uint8([[[[1], [2]]]])], 2))[0, ..., 0]
    array([[1, 1, 2, 2],
           [1, 1, 2, 2]], dtype=uint8)
    """
    for batch in batches:
        yield batch.repeat(scale, 1).repeat(scale, 2)


def coloured(model: Model, images: np.ndarray, codes: np.ndarray) -> Iterator[np.ndarray]:
    """For each image [H, W, 3]: in grey, unchanged, and coloured by every code; uint8 [2 + K, H, W, 3]."""
    for image in images:
        many = np.repeat(image[None], len(codes), 0)
        without = to_bytes(grey(normalize(image[None])))
        yield np.concatenate([without, image[None], model.colourise(many, codes)])


def read_code(file: Path, row: int) -> np.ndarray:
    """A mean code [1, Z] from a file written by `write_codes`.

    Raises:
      UserError: when it is not such a file, or has no such row.
    """
    try:
        require_small(file)
        with np.load(file, allow_pickle=False) as arrays:
            codes = arrays["mean"]
    except UNREADABLE as e:
        raise UserError(f"{file} is not a file of codes from bin/encode: {e}") from None
    if codes.ndim != 2 or codes.dtype.kind != "f" or row >= len(codes):
        raise UserError(f"{file} has no code in row {row}: its mean is {codes.dtype} of shape {list(codes.shape)}")
    return codes[row : row + 1]


def write_codes(model: Model, batches: Iterable[np.ndarray], output: Path, **more: Any) -> None:
    """Write `mean` and `log_variance` [N, Z] of uint8 images as npz, with further arrays of N rows.

    Raises:
      UserError: when it cannot be written.
    """
    parts = [model.posterior(batch) for batch in batches]
    mean, log_variance = (np.concatenate(side) for side in zip(*parts, strict=True))
    _write_npz(output, mean=mean, log_variance=log_variance, **more)


def write_reconstructions(
    model: Model, batches: Iterable[np.ndarray], names: Sequence[Path], output: Path, *, scale: int = 1
) -> None:
    """Write G(E(x)) of uint8 images to reconstructions/NAME, and grids of x beside G(E(x)), enlarged, to pairs/.

    Raises:
      UserError: when they cannot be written.
    """
    for folder in ("reconstructions", "pairs"):
        _require_empty(output / folder)
    left, pending, grids = iter(names), np.zeros([0, 2, *model.image_shape], np.uint8), 0
    with _writing(output):
        (output / "pairs").mkdir(parents=True, exist_ok=True)
        for x in batches:
            x_rec = model.reconstruct(x)
            for image, name in zip(x_rec, left, strict=False):
                file = output / "reconstructions" / name
                file.parent.mkdir(parents=True, exist_ok=True)
                write_png(image, str(file))
            pending = np.concatenate([pending, np.stack([x, x_rec], 1)])
            while len(pending) >= PAIRS:
                pending, grids = pending[PAIRS:], _write_pairs(pending[:PAIRS], output, grids, scale)
        if len(pending):
            _write_pairs(pending, output, grids, scale)


def write(batches: Iterable[np.ndarray], output: Path, *, columns: int = 0) -> None:
    """Write images, depending on the suffix of `output`: .png, one grid; .npz, an array; else a folder of files.

    Args:
      batches: of uint8 images [n, H, W, C].
      output: where.
      columns: of the grid; 0: as many as rows.

    Raises:
      UserError: when it cannot be written.
    """
    with _writing(output):
        output.parent.mkdir(parents=True, exist_ok=True)
        if output.suffix == ".png":
            images = np.concatenate(list(batches))
            write_png(grid(images, _columns(len(images), columns)), str(output))
        elif output.suffix == ".npz":
            _write_npz(output, arr_0=np.concatenate(list(batches)))  # as guided-diffusion has it
        elif output.suffix and not output.is_dir():
            raise UserError(f"{output} is not legal: it must end in .png or .npz, or be a folder")
        else:
            _require_empty(output)
            output.mkdir(exist_ok=True)
            for i, image in enumerate(image for batch in batches for image in batch):
                write_png(image, f"{output}/{i:06d}.png")


def require_grid(output: Path, count: int, columns: int, image_shape: tuple[int, int, int], scale: int = 1) -> None:
    """Refuse a grid too large for a PNG or for memory, before its images are generated.

    Args:
      output: the PNG.
      count: of images.
      columns: of the grid; 0: as many as rows.
      image_shape: (H, W, C).
      scale: how many times the images are enlarged.

    Raises:
      UserError: when it is too large.
    """
    width = _columns(count, columns)
    height = math.ceil(count / width)
    px = (scale * width * image_shape[1], scale * height * image_shape[0])
    if max(px) > PNG_PX or px[0] * px[1] > MOST_PX:
        raise UserError(f"cannot write {output}: a PNG of {px[0]} x {px[1]} px is too large; {_remedy(scale)}")


def require_frames(output: Path, count: int, image_shape: tuple[int, int, int], scale: int = 1) -> None:
    """Refuse an animation too large for memory, before its frames are generated; the arguments are those of `require_grid`.

    Raises:
      UserError: when it is too large.
    """
    height, width = scale * image_shape[0], scale * image_shape[1]
    if count * height * width > MOST_PX:
        raise UserError(f"cannot write {output}: {count} frames of {width} x {height} px are too many; {_remedy(scale)}")


def _remedy(scale: int) -> str:
    return "use fewer images" if scale == 1 else "use fewer images, or a smaller --scale"


def write_gif(batches: Iterable[np.ndarray], file: Path, *, frames_per_second: float) -> None:
    """Batches of uint8 frames [n, H, W, C] as an animation that plays forwards and backwards in a loop.

    Raises:
      UserError: when it cannot be written.
    """
    frames = np.concatenate(list(batches))
    there_and_back = np.concatenate([frames, frames[-2:0:-1]])
    first, *others = (Image.fromarray(frame[..., 0] if frame.shape[2] == 1 else frame) for frame in there_and_back)
    with _writing(file):
        file.parent.mkdir(parents=True, exist_ok=True)
        with whole(str(file)) as f:
            first.save(f, format="GIF", save_all=True, append_images=others, duration=round(1000 / frames_per_second), loop=0)


def _require_empty(folder: Path) -> None:
    """Refuse a folder whose files could be mistaken for this call's."""
    with _writing(folder):
        if folder.is_dir() and any(folder.iterdir()):
            raise UserError(f"{folder} is not empty; name a new folder, or empty this one first")


def _columns(count: int, columns: int) -> int:
    return columns or math.ceil(math.sqrt(count))


def _write_npz(file: Path, **arrays: Any) -> None:
    with _writing(file):
        file.parent.mkdir(parents=True, exist_ok=True)
        # Asked before: an archive that meets the end of the disk prints a traceback of its own when it is thrown away.
        if shutil.disk_usage(file.parent).free < sum(np.asarray(array).nbytes for array in arrays.values()):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        with whole(str(file)) as f:
            np.savez(f, **arrays)


def _write_pairs(pairs: np.ndarray, output: Path, number: int, scale: int) -> int:
    """Write a grid of pairs [n, 2, H, W, C]; returns the number of the next one."""
    (images,) = enlarged([pairs.reshape(-1, *pairs.shape[2:])], scale)
    write_png(grid(images, PAIR_COLUMNS), f"{output}/pairs/{number:04d}.png")
    return number + 1


def _with_progress(rows: Rows) -> Iterator[Rows]:
    """Rows in batches, with a progress bar where stderr is a terminal, else with log lines."""
    told = time.monotonic()
    with tqdm(total=len(rows), unit="image", disable=None) as bar:
        for i in range(0, len(rows), AT_ONCE):
            yield rows[i : i + AT_ONCE]
            bar.update(len(rows[i : i + AT_ONCE]))
            if bar.disable and time.monotonic() - told > LINE_SECONDS:
                told = time.monotonic()
                logging.info("%d of %d images", min(i + AT_ONCE, len(rows)), len(rows))


@contextmanager
def _writing(output: Path) -> Iterator[None]:
    try:
        yield
    except OSError as e:
        raise UserError(f"cannot write {output}: {e}") from None
