"""A folder of images as a source: flat, `label/`, or `split/` with either inside."""

import hashlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

from tfpagan.data.source import Example
from tfpagan.errors import UserError
from tfpagan.evaluation import image_files
from tfpagan.evaluation.image_files import SUFFIXES, ImageFileError

SPLIT_NAME = re.compile(
    r"(?:(?P<train>train(?:ing)?)|(?P<test>test(?:ing)?)|(?P<validation>val(?:id(?:ation)?)?))(?:[ _-]?(?:set|images|data))?",
    re.IGNORECASE,
)
"""Names of folders that are splits: train, Training, TEST, val, validation_set, test-images, ..."""

WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
SPLIT_WORD = re.compile(r"(train(ing)?|trn|test(ing)?|tst|val(id(ate|ation)?)?|dev|eval|holdout)s?", re.IGNORECASE)
"""Words in names that are hardly classes: trainA, seg_test, DIV2K_valid_HR, Tests, ..."""


class Folder:
    """The images under a folder, sorted by path; labels are the names of their folders.

    Raises:
      UserError: when there is no such folder, or it has no images.
    """

    channels = 3
    image_px: tuple[int, int] | None = None
    downloads = "nothing to download"

    def __init__(self, root: Path) -> None:
        self.root = root
        self.name = f"folder-{root.name}"
        if not root.is_dir():
            what = "is not a folder" if root.exists() else "does not exist"
            raise UserError(f"--dataset=folder:{root}: {root} {what}")
        self.train_split, self.test_split, self.validation_split, bases = self._layout()
        self._files = {split: images_under(base) for split, base in bases.items()}
        for split, base in bases.items():
            if not self._files[split]:
                raise UserError(f"no images in {base}: looked for files ending in {', '.join(SUFFIXES)}")
        labelled = {split: paths for split, paths in self._files.items() if split != self.validation_split}
        labels = {self._label(bases[split], path) for split, paths in labelled.items() for path in paths}
        self.label_names = None if None in labels else tuple(sorted(name for name in labels if name is not None))
        self._bases = bases

    def _layout(self) -> tuple[str, str | None, str | None, dict[str, Path]]:
        """The names of the splits to train, test and validate on, with their folders."""
        here = sorted(entry.name for entry in os.scandir(self.root) if entry.is_dir() and not entry.name.startswith("."))
        kinds: dict[str, list[str]] = {}
        for name in here:
            if found := SPLIT_NAME.fullmatch(name):
                kinds.setdefault(str(found.lastgroup), []).append(name)
        if twice := next((names for names in kinds.values() if len(names) > 1), None):
            raise UserError(f"{self.root} has {' and '.join(f'{name}/' for name in twice)}; one of them is needed")
        if not kinds and len(alike := [name for name in here if _is_like_a_split(name)]) > 1:
            raise UserError(f"{self.root} has {alike[0]}/ and {alike[1]}/, which look like splits; name them train and test")
        tests = kinds.get("test") or kinds.get("validation") or []
        if "train" not in kinds:
            if tests:
                raise UserError(f"{self.root} has {tests[0]}/ but no train/; name the folder of training images train")
            return "all", None, None, {"all": self.root}
        others = kinds.get("validation", []) if "test" in kinds else []
        validation = [name for name in others if images_under(self.root / name)]
        used = [*kinds["train"], *tests, *validation]
        ignored = [name for name in here if name not in used]
        for name in ignored:
            suspect = not tests or _is_like_a_split(name)
            if suspect and images_under(self.root / name) and not _holds_runs(self.root / name):
                raise UserError(f"{self.root} has {'/ and '.join(used)}/, and images in {name}/ too; keep only splits there")
        if ignored:
            image_files.say_once(f"{self.root}: using {'/ and '.join(used)}/, ignoring {'/, '.join(ignored)}/")
        folders = {name: self.root / name for name in used}
        return used[0], tests[0] if tests else None, validation[0] if validation else None, folders

    def holds(self, folder: Path) -> bool:
        """Whether images that are written into a folder would become part of this data set."""
        return any(image_files.holds(base, folder) for base in self._bases.values())

    def split_sizes(self) -> dict[str, int | None]:
        """Number of files per split, before decoding."""
        return {split: len(paths) for split, paths in self._files.items()}

    def fetch(self) -> None:
        """Nothing to do."""

    def identity(self) -> str:
        """Changes when a file is added, removed, renamed or written to, even if its old time of modification is put back."""
        digest = hashlib.sha256()
        for paths in self._files.values():
            for path in paths:
                status = path.stat() if path.exists() else path.lstat()  # a broken link
                digest.update(os.fsencode(path) + f"|{status.st_size}|{status.st_mtime_ns}|{status.st_ctime_ns}\n".encode())
        return digest.hexdigest()

    def examples(self, split: str) -> Iterator[Example]:
        """The split's files, sorted by path; those to validate on have no labels."""
        labelled = self.label_names and split != self.validation_split
        for path in self._files[split]:
            name = self._label(self._bases[split], path) if labelled else None
            label = self.label_names.index(name) if self.label_names and name is not None else None
            yield Example(str(path), path.read_bytes, label)

    def _label(self, base: Path, path: Path) -> str | None:
        """The class of an image under the folder of a split."""
        parts = path.relative_to(base).parts
        return parts[0] if len(parts) > 1 else None


def _holds_runs(folder: Path) -> bool:
    return any((folder / place / "config.json").exists() for place in ("", *os.listdir(folder)))


def _is_like_a_split(name: str) -> bool:
    return any(SPLIT_WORD.fullmatch(word) for word in WORD.findall(name))


def images_under(base: Path) -> list[Path]:
    """The files under a folder that have image suffixes, also through links, sorted by path.

    Raises:
      UserError: when a folder cannot be listed.
    """
    try:
        return image_files.under(base)
    except ImageFileError as e:
        raise UserError(str(e)) from None
