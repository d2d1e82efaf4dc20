"""Unpacked Tiny ImageNet: train/CLASS/images/, val/images/ with a list of classes, test/ without classes."""

from pathlib import Path

from tfpagan.data.folder import Folder
from tfpagan.errors import UserError

ANNOTATIONS = Path("val", "val_annotations.txt")


def is_tiny_imagenet(root: Path) -> bool:
    """Whether a folder has Tiny ImageNet's two lists: classes, and the validation images' classes."""
    return (root / "wnids.txt").is_file() and (root / ANNOTATIONS).is_file()


class TinyImageNet(Folder):
    """200 classes at 64 px (AGE section 3.1): train/ for training, val/ for testing, because test/ has no classes.

    Raises:
      UserError: as `Folder`; when a validation image is not in the list.
    """

    def __init__(self, root: Path) -> None:
        try:
            text = (root / ANNOTATIONS).read_text(encoding="utf-8")
        except UnicodeDecodeError as e:
            raise UserError(f"{root / ANNOTATIONS} is damaged: {e}") from None
        rows = [line.split("\t") for line in text.splitlines() if line.strip()]
        if bad := [row for row in rows if len(row) < 2]:
            raise UserError(f"{root / ANNOTATIONS} is damaged: no file and class in {' '.join(bad[0])!r}")
        self._classes = {row[0]: row[1] for row in rows}
        super().__init__(root)

    def _layout(self) -> tuple[str, str | None, str | None, dict[str, Path]]:
        return "train", "val", None, {name: self.root / name for name in ("train", "val")}

    def _label(self, base: Path, path: Path) -> str | None:
        if base.name == "train":
            return super()._label(base, path)
        if path.name not in self._classes:
            raise UserError(f"{path} is not in {self.root / ANNOTATIONS}, which names the classes")
        return self._classes[path.name]
