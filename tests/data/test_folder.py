"""Folders of images: splits, labels, places, and what is refused."""

import os
import re

import pytest
from helpers.pictures import png

from tfpagan.data import describe, prepare
from tfpagan.errors import UserError
from tfpagan.settings.sections import DataConfig


def test_flat_folder_is_sorted_and_every_tenth_is_for_testing(write):
    names = [f"{i:02d}" for i in range(21)]
    config = write({f"{name}.PNG": png(8, 8, int(name)) for name in reversed(names)} | {"readme.txt": b"", ".x.png": b""})
    images = prepare(config)
    assert images.test[:, 0, 0, 0].tolist() == [0, 10, 20]
    assert images.train[:, 0, 0, 0].tolist() == [i for i in range(21) if i % 10]
    assert images.train_labels is None
    assert images.label_names is None
    assert describe(config).splits == {"train": 18, "test": 3}


def test_subfolders_are_labels(write):
    images = prepare(write({"cat/1.png": png(8, 8), "dog/a b.png": png(8, 8), "dög/ü/1.png": png(8, 8)}))
    assert images.label_names == ("cat", "dog", "dög")
    assert images.test_labels.tolist() == [0]
    assert images.train_labels.tolist() == [1, 2]


@pytest.mark.parametrize(
    ("train", "test"),
    [
        *(("train", "test"), ("train", "validation"), ("train", "val"), ("Train", "Test"), ("train", "Test")),
        *(("TRAINING", "Testing"), ("training_set", "test_set"), ("train-images", "Valid")),
    ],
)
def test_splits_with_labels(write, train, test):
    files = {f"{train}/a/1.png": png(8, 8, 1), f"{train}/b/2.png": png(8, 8, 2), f"{test}/b/3.png": png(8, 8, 3)}
    images = prepare(write(files | {"elsewhere/4.png": png(8, 8, 4)}))
    assert images.train[:, 0, 0, 0].tolist() == [1, 2]
    assert images.test[:, 0, 0, 0].tolist() == [3]
    assert (images.train_labels.tolist(), images.test_labels.tolist()) == ([0, 1], [1])


def test_file_names_need_not_be_text(write, tmp_path):
    config = write({"a.png": png(8, 8)})
    with open(os.fsencode(tmp_path / "photos") + b"/\xff.png", "wb") as file:
        file.write(png(8, 8))
    assert len(prepare(config).train) == 1


def test_relative_paths_and_home_are_made_absolute(write, tmp_path, monkeypatch):
    write({"a.png": png(8, 8), "b.png": png(8, 8)})
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for dataset in ("folder:photos", "folder:~/photos"):
        resolved = describe(DataConfig(dataset=dataset, cache_dir="cache", data_dir="~/tfds")).config
        assert resolved.dataset == f"folder:{tmp_path}/photos"
        assert resolved.cache_dir == f"{tmp_path}/cache"
        assert resolved.data_dir == f"{tmp_path}/tfds"
        assert describe(resolved).config == resolved


def test_places_default_to_the_environment_then_to_home(write, tmp_path, monkeypatch):
    config = write({"a.png": png(8, 8)}, cache_dir="")
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("TFDS_DATA_DIR", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    resolved = describe(config).config
    assert resolved.data_dir == f"{tmp_path}/tensorflow_datasets"
    assert resolved.cache_dir == f"{tmp_path}/.cache/tfpagan"
    monkeypatch.setenv("TFDS_DATA_DIR", "/data")
    monkeypatch.setenv("XDG_CACHE_HOME", "/cache")
    resolved = describe(config).config
    assert (resolved.data_dir, resolved.cache_dir) == ("/data", "/cache/tfpagan")


def test_corrupt_files_are_named_and_counted(write):
    files = {
        "a.png": png(8, 8),
        "b.png": b"nonsense",
        "c.png": png(8, 8)[:40],
        "d.webp": b"RIFF....WEBP",
        "e.png": png(8, 8),
    }
    with pytest.raises(UserError, match=r"3 of 5 images cannot be used: .*b\.png .*c\.png .*d\.webp .*skip_corrupt"):
        prepare(write(files))
    images = prepare(write(files, skip_corrupt_images=True))
    assert images.skipped == 3
    assert (len(images.train), len(images.test)) == (1, 1)


@pytest.mark.parametrize(
    ("files", "changes", "message"),
    [
        ({}, {}, "does not exist"),
        ({"notes.txt": b""}, {}, r"no images in .*photos: looked for files ending in"),
        ({"a.png": png(8, 8)}, {}, "0 to train on and 1 to test on"),
        ({"a.png": png(8, 8), "b.png": png(6, 9)}, {}, r"b\.png: 9x6 px .* too small for --image_size=8"),
        ({"a.png": png(8, 8), "b.png": png(8, 9)}, {"crop": "none"}, r"b\.png: 9x8 px .* is not square"),
        ({"a.png": png(8, 8), "b.png": png(8, 9)}, {"crop": "pad"}, r"b\.png: 9x8 px .* does not fit"),
        ({"a.png": b"", "b.png": b""}, {"skip_corrupt_images": True}, "0 to train on"),
        ({"test/a.png": png(8, 8)}, {}, "has test/ but no train/"),
        ({"Validation/a.png": png(8, 8)}, {}, "has Validation/ but no train/"),
        ({"trainA/a.png": png(8, 8), "testA/b.png": png(8, 8)}, {}, "has testA/ and trainA/, which look like splits"),
        ({"train_1/a.png": png(8, 8), "Tests/b.png": png(8, 8)}, {}, "has Tests/ and train_1/, which look like splits"),
        ({"train/a.png": png(8, 8), "Train/b.png": png(8, 8)}, {}, "has Train/ and train/; one of them is needed"),
        ({"train/a.png": png(8, 8), "test/a.txt": b""}, {}, r"no images in .*test"),
        ({"a.png": png(8, 8)}, {"image_size": 12}, "multiple of 8"),
        (
            {"a.png": png(8, 8), "b.png": png(8, 8)},
            {"cache_dir": "/dev/null/x"},
            "cannot write into /dev/null/x: .*cache_dir",
        ),
        ({"a.png": png(8, 8)}, {"cache_dir": "gs://x"}, "cache_dir=gs://x is not legal"),
    ],
)
def test_unusable_folders_are_refused(write, files, changes, message):
    with pytest.raises(UserError, match=message) as refusal:
        prepare(write(files, **changes))
    assert "\n" not in str(refusal.value)


def test_a_file_is_no_folder(write, tmp_path):
    config = write({"a.png": png(8, 8)}, dataset=f"folder:{tmp_path}/photos/a.png")
    with pytest.raises(UserError, match="is not a folder"):
        describe(config)


def test_a_folder_within_the_data_set_is_known(write, tmp_path):
    described = describe(write({"train/a.png": png(8, 8), "test/b.png": png(8, 8), "runs/c.png": png(8, 8)}))
    (tmp_path / "link").symlink_to(tmp_path / "photos/train")
    inside = [described.holds(tmp_path / place) for place in ("photos/train/runs", "link/run", "photos/runs", "elsewhere")]
    assert inside == [True, True, False, False]


@pytest.mark.parametrize("other", ["tests", "testA", "Test.bak", "val2", "dev", "holdout", "cat"])
def test_images_beside_the_splits_are_refused(write, other):
    config = write({"train/a/1.png": png(8, 8), "train/a/2.png": png(8, 8), f"{other}/a/3.png": png(8, 8)})
    with pytest.raises(UserError, match=f"has train/, and images in {re.escape(other)}/ too; keep only splits there"):
        prepare(config)


def test_other_folders_beside_train_and_test_are_ignored_and_told_once(write, caplog):
    caplog.set_level("INFO", logger="absl")
    files = {f"{split}/a/{i}.png": png(8, 8) for split in ("train", "test") for i in range(2)}
    more = {"annotations/a.txt": b"a", "thumbs/1.png": png(8, 8), "val/list.txt": b"a", "train/notes.txt": b"a"}
    config = write(files | more)
    describe(config)
    images = prepare(config)
    assert (len(images.train), len(images.test), images.validation) == (2, 2, None)
    assert caplog.text.count("using train/ and test/, ignoring annotations/, thumbs/, val/") == 1
    assert caplog.text.count("ignoring 1 file that is not an image by name") == 2  # in train/ and in val/


def test_a_third_split_is_for_validation_and_needs_no_labels(write):
    """Of 20 training images none is held out: 3 of 6 others are, always the same."""
    files = {f"train/a/{i:02d}.png": png(8, 8, i) for i in range(20)} | {f"test/a/{i}.png": png(8, 8, 50) for i in range(2)}
    config = write(files | {f"val/{i}.png": png(8, 8, 100 + i) for i in range(6)})
    assert describe(config).splits == {"train": 20, "test": 2, "validation": 6}
    images = prepare(config)
    assert images.validation is not None
    assert images.validation[:, 0, 0, 0].tolist() == [100, 101, 102, 103, 104, 105]
    assert (images.label_names, images.train_labels.tolist(), images.test_labels.tolist()) == (("a",), [0] * 20, [0, 0])
    assert images.places(3).tolist() == list(range(20))
    part = images.held_out(3)
    assert (part.split, len(set(part.places)), part.places.tolist()) == ("validation", 3, images.held_out(3).places.tolist())
    assert images.held_out(6).places.tolist() == list(range(6))
    with pytest.raises(UserError, match=r"--validation_images=7 is not legal: folder:.* has 6 validation images"):
        images.held_out(7)


def test_without_a_third_split_training_images_are_held_out(write):
    images = prepare(write({f"{split}/{i}.png": png(8, 8, i) for split in ("train", "test") for i in range(10)}))
    part = images.held_out(4)
    assert (part.split, len(part.places)) == ("train", 4)
    assert sorted([*part.places, *images.places(4)]) == list(range(10))


def test_runs_may_be_kept_beside_the_images(write):
    files = {f"train/a/{i}.png": png(8, 8) for i in range(20)}
    for run in ("run", "runs/first"):
        files |= {f"{run}/config.json": b"{}", f"{run}/samples/step_00000001.png": png(8, 8)}
    assert len(prepare(write(files)).train) == 18


def test_a_second_split_of_a_kind_beside_both_is_refused(write):
    files = {f"{split}/{i}.png": png(8, 8) for split in ("train", "test", "test_old") for i in range(2)}
    with pytest.raises(UserError, match="has train/ and test/, and images in test_old/ too"):
        prepare(write(files))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("seg_train", "seg_test"),
        ("images_train", "images_test"),
        ("DIV2K_train_HR", "DIV2K_valid_HR"),
        ("train_split", "test_split"),
        ("x-train", "x-test"),
        ("01_train", "02_test"),
        ("trn", "tst"),
        ("trainA", "trainB"),
        ("train.", "test."),
    ],
)
def test_names_that_look_like_splits_are_no_classes(write, one, other):
    with pytest.raises(UserError, match="which look like splits; name them train and test"):
        prepare(write({f"{name}/{i}.png": png(8, 8) for name in (one, other) for i in range(4)}))


def test_a_class_may_have_a_name_with_such_a_word(write):
    assert prepare(
        write({f"{name}/{i}.png": png(8, 8) for name in ("crash_test", "contest") for i in range(8)})
    ).label_names == (
        "contest",
        "crash_test",
    )


def test_the_background_of_transparent_pixels_is_a_setting(write):
    files = {f"{i}.png": png(8, 8, 0, channels=4) for i in range(2)}
    with pytest.raises(UserError, match=r"2 of 2 images cannot be used: .*it has transparent pixels.*--background"):
        prepare(write(files))
    assert (prepare(write(files, background="white")).train == 255).all()
    assert (prepare(write(files, background="black")).train == 0).all()
