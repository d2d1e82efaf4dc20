"""Images from paths: folders of image files, and array files."""

from pathlib import Path

import numpy as np
import pytest
from helpers.scored import PX, folder_of, images

from tfpagan.evaluation.errors import EvaluationError
from tfpagan.evaluation.folders import FolderImages, real_and_fake


@pytest.mark.parametrize(
    ("name", "picture", "message"),
    [
        ("b.png", np.zeros([PX, 8, 3], np.uint8), r"b.png is 16 x 8 px, but .*a.png is 16 x 16"),
        ("b.png", np.zeros([PX, PX, 4], np.uint8), "b.png cannot be used: it has transparent pixels"),
        ("b.png", np.zeros([PX, PX, 3], np.uint16), "b.png cannot be used: it has 16 bits per sample"),
    ],
)
def test_folders_of_mixed_images_are_refused(tmp_path: Path, name: str, picture: np.ndarray, message: str) -> None:
    folder = FolderImages(folder_of(tmp_path, {"a.png": images(1)[0], name: picture}))
    with pytest.raises(EvaluationError, match=message):
        list(folder.batches(10))


def test_transparent_pixels_show_the_background(tmp_path: Path) -> None:
    picture = np.zeros([PX, PX, 4], np.uint8)
    folder = FolderImages(folder_of(tmp_path, {"a.png": picture}), background=(255, 255, 255))
    assert (next(folder.batches(1)) == 255).all()


def test_grey_files_get_three_channels_where_others_have_colours(tmp_path: Path) -> None:
    grey, colour = images(1, channels=1)[0], images(1, 1)[0]
    mixed = FolderImages(folder_of(tmp_path / "mixed", {"a.png": grey, "b.png": colour}))
    np.testing.assert_array_equal(next(mixed.batches(2)), np.stack([grey.repeat(3, 2), colour]))
    alone = FolderImages(folder_of(tmp_path / "alone", {"a.png": grey}))
    assert next(alone.batches(1)).shape == (1, PX, PX, 1)
    for real, fake in (("mixed", "alone"), ("alone", "mixed")):
        shapes = [next(part.batches(1)).shape for part in real_and_fake(tmp_path / real, tmp_path / fake) if part]
        assert shapes == [(1, PX, PX, 3)] * 2
    np.save(tmp_path / "colour.npy", colour[None])
    shapes = [next(part.batches(1)).shape for part in real_and_fake(tmp_path / "alone", tmp_path / "colour.npy") if part]
    assert shapes == [(1, PX, PX, 3)] * 2


def test_links_are_followed_once_and_hidden_folders_are_not(tmp_path: Path) -> None:
    folder_of(tmp_path / "elsewhere", {"b.png": images(1, 1)[0], ".thumbs/c.png": images(1, 2)[0]})
    folder = folder_of(tmp_path / "here", {"a.png": images(1)[0], ".hidden.png": images(1)[0]})
    (folder / "more").symlink_to(tmp_path / "elsewhere")
    (folder / "loop").symlink_to(folder)
    assert FolderImages(folder).names == ["a", "more/b"]
    (folder / "gone.png").symlink_to(tmp_path / "nowhere.png")
    with pytest.raises(EvaluationError, match=r"gone\.png cannot be used: .*No such file"):
        list(FolderImages(folder).batches(5))


def test_files_are_paired_by_their_names_whatever_their_suffixes(tmp_path: Path) -> None:
    x = images(4)
    names = ("cat", "cat.orig", "dog", "a b")
    one = FolderImages(folder_of(tmp_path / "one", {f"{name}.png": x[i] for i, name in enumerate(names)}))
    other = FolderImages(
        folder_of(tmp_path / "other", {f"{name}.gif": x[i] for i, name in enumerate(names)})
    )  # PNGs by content
    assert one.names == other.names
    np.testing.assert_array_equal(next(one.batches(4)), next(other.batches(4)))


def test_what_is_no_folder_of_images_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.pkl").write_bytes(b"")
    for path, message in (
        (tmp_path / "nowhere", r"nowhere does not exist; expected a folder of images, or an array of them in \.npz or \.npy"),
        (tmp_path / "a.pkl", r"a\.pkl is a file; expected a folder of images"),
        (tmp_path, "holds no images"),
    ):
        with pytest.raises(EvaluationError, match=message):
            FolderImages(path)
    folder_of(tmp_path, {"a.png": images(1)[0]})
    (tmp_path / "notes.txt").write_text("")
    (tmp_path / "b.png").write_bytes(b"\x89PNG and no more")
    with pytest.raises(EvaluationError, match=r"b\.png cannot be used: it is damaged or cut off"):
        list(FolderImages(tmp_path).batches(10))


def test_arrays_of_images_are_read_and_others_named(tmp_path: Path) -> None:
    x = images(3)
    folder_of(tmp_path / "real", {f"{i}.png": image for i, image in enumerate(x)})
    np.savez(tmp_path / "samples.NPZ.npz", arr_0=x, labels=np.zeros(3))
    (tmp_path / "samples.NPZ.npz").rename(tmp_path / "samples.NPZ")
    np.save(tmp_path / "samples.npy", x)
    for name in ("samples.NPZ", "samples.npy"):
        real, fake = real_and_fake(tmp_path / "real", tmp_path / name)
        assert real
        np.testing.assert_array_equal(next(fake.batches(3)), next(real.batches(3)))
    np.savez(tmp_path / "statistics.npz", mu=np.zeros(4), sigma=np.eye(4))
    for images_of in ((tmp_path / "statistics.npz", tmp_path / "samples.npy"), (None, tmp_path / "samples.npy")):
        assert [part is None for part in real_and_fake(*images_of)] == [True, False]
    assert real_and_fake(tmp_path / "real", tmp_path / "statistics.npz")[1] is None
    np.savez(tmp_path / "two.npz", a=x, b=x)
    np.save(tmp_path / "objects.npy", np.array([None]), allow_pickle=True)
    (tmp_path / "damaged.npz").write_bytes((tmp_path / "two.npz").read_bytes()[:200])
    for name, message in (
        ("two.npz", r"two.npz holds 2 arrays \[N, H, W, C\]; expected one"),
        ("objects.npy", "objects.npy cannot be read as arrays"),
        ("damaged.npz", "damaged.npz cannot be read as arrays"),
    ):
        with pytest.raises(EvaluationError, match=message):
            real_and_fake(tmp_path / "real", tmp_path / name)


def test_files_that_are_real_and_fake_at_once_are_refused(tmp_path: Path) -> None:
    """Of samples that lie in the folder of real images, or that a link leads to."""
    x = images(6)
    nest = folder_of(tmp_path / "nest", {f"{i}.png": image for i, image in enumerate(x[:3])})
    folder_of(nest / "samples", {f"{i}.png": image for i, image in enumerate(x[3:])})
    apart = folder_of(tmp_path / "apart", {f"{i}.png": image for i, image in enumerate(x[:3])})
    folder_of(tmp_path / "generated", {f"{i}.png": image for i, image in enumerate(x[3:])})
    (apart / "link").symlink_to(tmp_path / "generated")
    for real, fake in ((nest, nest / "samples"), (nest / "samples", nest), (apart, tmp_path / "generated")):
        with pytest.raises(EvaluationError, match=r"3 of the files in .* are in .* too"):
            real_and_fake(real, fake)
    real_and_fake(nest, nest)  # beside itself: distances of 0
