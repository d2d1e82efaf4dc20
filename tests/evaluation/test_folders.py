"""Folders of image files."""

from pathlib import Path

import numpy as np
import pytest
from helpers.scored import PX, folder_of, images

from tfpagan.evaluation.errors import EvaluationError
from tfpagan.evaluation.folders import FolderImages


@pytest.mark.parametrize(
    ("name", "picture", "message"),
    [
        ("b.png", np.zeros([PX, 8, 3], np.uint8), r"b.png is 16 x 8 with 3 channel\(s\), but .*a.png is 16 x 16"),
        ("b.png", np.zeros([PX, PX, 1], np.uint8), "16 x 16 with 1 channel"),
        ("b.png", np.zeros([PX, PX, 4], np.uint8), "b.png has 4 channels; expected 1 or 3, without transparency"),
        ("b.png", np.zeros([PX, PX, 3], np.uint16), "b.png has 16 bits per channel; expected 8"),
    ],
)
def test_folders_of_mixed_images_are_refused(tmp_path: Path, name: str, picture: np.ndarray, message: str) -> None:
    folder = FolderImages(folder_of(tmp_path, {"a.png": images(1)[0], name: picture}))
    with pytest.raises(EvaluationError, match=message):
        list(folder.batches(10))


def test_links_are_followed_and_hidden_folders_are_not(tmp_path: Path) -> None:
    folder_of(tmp_path / "elsewhere", {"b.png": images(1, 1)[0], ".thumbs/c.png": images(1, 2)[0]})
    folder = folder_of(tmp_path / "here", {"a.png": images(1)[0], ".hidden.png": images(1)[0]})
    (folder / "more").symlink_to(tmp_path / "elsewhere")
    assert FolderImages(folder).names == ["a", "more/b"]
    (folder / "gone.png").symlink_to(tmp_path / "nowhere.png")
    with pytest.raises(EvaluationError, match=r"gone\.png is not a readable file"):
        FolderImages(folder)
    (folder / "gone.png").unlink()
    (folder / "loop").symlink_to(folder)
    with pytest.raises(EvaluationError, match="loop is a link to a folder that contains it"):
        FolderImages(folder)


def test_files_that_are_no_images_are_named(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match="there is no folder"):
        FolderImages(tmp_path / "nowhere")
    with pytest.raises(EvaluationError, match="holds no images"):
        FolderImages(tmp_path)
    folder_of(tmp_path, {"a.png": images(1)[0]})
    (tmp_path / ".hidden").write_text("")
    (tmp_path / "b.png").write_bytes(b"\x89PNG and no more")
    with pytest.raises(EvaluationError, match=r"b.png cannot be decoded"):
        list(FolderImages(tmp_path).batches(10))
    (tmp_path / "notes.txt").write_text("")
    with pytest.raises(EvaluationError, match=r"notes\.txt is not an image"):
        FolderImages(tmp_path)
