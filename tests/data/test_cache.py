"""The cache of decoded images: written once, whole or not at all."""

import json
import os
import threading
import time
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from helpers.pictures import png

from tfpagan.data import cache, describe, prepare
from tfpagan.errors import UserError


def test_images_are_decoded_once_and_read_as_read_only_memory_maps(write, monkeypatch):
    config = write({f"{i}.png": png(8, 8, i) for i in range(4)})
    first = prepare(config)
    monkeypatch.setattr(cache.Pixels, "of", mock.Mock(side_effect=AssertionError("decoded twice")))
    again = prepare(describe(config).config)
    np.testing.assert_array_equal(first.train, again.train)
    assert isinstance(again.train, np.memmap)
    assert again.train.dtype == np.uint8
    assert not again.train.flags.writeable


def test_a_changed_file_size_or_crop_is_decoded_anew(write):
    files = {"a.png": png(16, 16), "b.png": png(16, 16, 5)}
    assert prepare(write(files)).train[0, 0, 0, 0] == 5
    assert prepare(write(files, image_size=16)).train.shape[1] == 16
    assert prepare(write(files, crop="center:8")).train.shape[1] == 8
    assert prepare(write({"b.png": png(16, 16, 77)})).train[0, 0, 0, 0] == 77
    assert len(prepare(write({"c.png": png(16, 16)})).train) == 2


def test_new_content_of_the_same_size_and_time_is_seen(write, tmp_path):
    """As `cp -p` and `rsync --times` leave it: of the times, only that of the last change of the inode is new."""
    config = write({"a.png": png(8, 8), "b.png": png(8, 8, 5)})
    assert prepare(config).train[0, 0, 0, 0] == 5
    file, new = tmp_path / "photos/b.png", png(8, 8, 6)
    before = file.stat()
    assert len(new) == before.st_size
    file.write_bytes(new)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert file.stat().st_mtime_ns == before.st_mtime_ns
    assert prepare(config).train[0, 0, 0, 0] == 6


def test_preparing_twice_at_once_gives_one_entry(write, tmp_path):
    config = write({f"{i:03d}.png": png(8, 8, i) for i in range(100)})
    found = []
    threads = [threading.Thread(target=lambda: found.append(prepare(config))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    np.testing.assert_array_equal(found[0].train, found[1].train)
    assert len(list((tmp_path / "cache").iterdir())) == 1


def test_a_failure_midway_leaves_nothing(write, tmp_path, monkeypatch):
    config = write({f"{i}.png": png(8, 8, i) for i in range(4)})
    monkeypatch.setattr(cache._Rows, "append", mock.Mock(side_effect=OSError(28, "No space left on device")))
    with pytest.raises(UserError, match="No space left on device"):
        prepare(config)
    assert list((tmp_path / "cache").iterdir()) == []


def test_what_a_killed_process_left_is_removed_after_a_day(write, tmp_path):
    config = write({f"{i}.png": png(8, 8, i) for i in range(4)})
    for name, age_hours in (("old", 25), ("recent", 23)):
        left = tmp_path / "cache" / f"{cache.UNFINISHED}{name}"
        left.mkdir(parents=True)
        os.utime(left, (time.time() - 3600 * age_hours,) * 2)
    prepare(config)
    assert [path.name for path in (tmp_path / "cache").glob(f"{cache.UNFINISHED}*")] == [f"{cache.UNFINISHED}recent"]


def overwrite(file: Path) -> None:
    """Some bytes in the middle, by which neither size nor header change."""
    with file.open("r+b") as f:
        f.seek(-50, os.SEEK_END)
        f.write(bytes(10))


def change(file: Path, **facts: object) -> None:
    file.write_text(json.dumps(json.loads(file.read_text()) | facts))


def unsummed(entry: Path) -> None:
    """As version 0.1 wrote it."""
    about = json.loads((entry / "about.json").read_text())
    del about["files"]
    (entry / "about.json").write_text(json.dumps(about))


@pytest.mark.parametrize("summed", [True, False])
@pytest.mark.parametrize(
    ("name", "damage", "of_sums_alone"),
    [
        ("train.npy", lambda path: os.truncate(path, 200), False),
        ("train.npy", Path.unlink, False),
        ("train.npy", lambda path: path.write_text(""), False),
        ("train.npy", lambda path: np.save(path, np.zeros([9, 8, 8, 3], np.float32)), False),
        ("test.npy", lambda path: np.save(path, np.zeros([2, 9, 8, 3], np.uint8)), False),
        ("test.npy", lambda path: np.save(path, np.zeros([2, 8], np.uint8)), False),
        ("train_labels.npy", lambda path: np.save(path, np.zeros(5, np.int64)), False),
        ("train_labels.npy", lambda path: np.save(path, np.full(9, 2)), False),
        ("train_labels.npy", lambda path: np.save(path, np.zeros(9)), False),
        ("about.json", lambda path: path.write_text("[]"), False),
        ("about.json", lambda path: path.write_text("{}"), False),
        ("about.json", lambda path: change(path, checksums=[]), False),
        ("about.json", lambda path: change(path, skipped="x"), False),
        ("about.json", lambda path: change(path, label_names="ab"), False),
        ("train.npy", lambda path: np.save(path, np.zeros([9, 4, 4, 3], np.uint8)), False),
        ("test.npy", lambda path: np.save(path, np.zeros([0, 8, 8, 3], np.uint8)), False),
        ("train.npy", overwrite, True),
        ("train_labels.npy", lambda path: np.save(path, np.zeros(9, np.int64)), True),
    ],
)
def test_a_damaged_entry_is_refused_by_name(write, tmp_path, name, damage, of_sums_alone, summed):
    config = write({f"{'ab'[i % 2]}/{i}.png": png(8, 8, i) for i in range(10)})
    assert prepare(config).train_labels.tolist() == [0, 0, 0, 0, 1, 1, 1, 1, 1]
    (entry,) = (tmp_path / "cache").glob("folder-*")
    if not summed:
        unsummed(entry)
    prepare(config)
    damage(entry / name)
    if of_sums_alone and not summed:
        prepare(config)
        return
    with pytest.raises(UserError, match=r"cache entry .*folder-photos.* is damaged: .*delete it"):
        prepare(config)


def test_large_files_are_summed_only_when_they_changed(write, tmp_path, monkeypatch):
    config = write({f"{i}.png": png(8, 8, i) for i in range(10)})
    prepare(config)
    monkeypatch.setattr(cache, "LARGE", 100)
    monkeypatch.setattr(cache, "_sum", mock.Mock(side_effect=cache._sum))
    prepare(config)
    cache._sum.assert_not_called()
    (file,) = (tmp_path / "cache").glob("folder-*/train.npy")
    os.utime(file, (0, 0))
    prepare(config)  # as of a copy
    cache._sum.assert_called_once()
    overwrite(file)
    with pytest.raises(UserError, match=r"damaged: train\.npy has other contents than were written"):
        prepare(config)


def test_a_folder_that_another_process_has_just_finished_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = tmp_path / "unfinished-old"
    old.mkdir()
    os.utime(old, (0, 0))
    monkeypatch.setattr(Path, "glob", lambda self, pattern: [tmp_path / "unfinished-gone", old])
    cache.remove_abandoned(tmp_path, "unfinished-")
    assert not old.exists()
