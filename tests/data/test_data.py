"""Images by name: geometry, folders, TFDS data sets, the cache, the order of batches, and what a user is told."""

import base64
import dataclasses
import hashlib
import io
import itertools
import os
import shutil
import struct
import threading
import time
import zipfile
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

from tfpagan.data import batches, cache, describe, prepare
from tfpagan.data.decode import CorruptImageError, decode
from tfpagan.data.geometry import Geometry, resolve
from tfpagan.errors import UserError
from tfpagan.settings.sections import DataConfig

CMYK_RED_JPEG = (  # 8x8, Adobe's inverted CMYK, (0, 255, 255, 0)
    "/9j/7gAOQWRvYmUAZAAAAAAA/9sAQwADAgIDAgIDAwMDBAMDBAUIBQUEBAUKBwcGCAwKDAwLCgsLDQ4SEA0OEQ4LCxAWEBETFBUVFQwPFxgWFBgS"
    "FBUU/8AAFAgACAAIBEMRAE0RAFkRAEsRAP/EAB8AAAEFAQEBAQEBAAAAAAAAAAABAgMEBQYHCAkKC//EALUQAAIBAwMCBAMFBQQEAAABfQECAwAE"
    "EQUSITFBBhNRYQcicRQygZGhCCNCscEVUtHwJDNicoIJChYXGBkaJSYnKCkqNDU2Nzg5OkNERUZHSElKU1RVVldYWVpjZGVmZ2hpanN0dXZ3eHl6"
    "g4SFhoeIiYqSk5SVlpeYmZqio6Slpqeoqaqys7S1tre4ubrCw8TFxsfIycrS09TV1tfY2drh4uPk5ebn6Onq8fLz9PX29/j5+v/aAA4EQwBNAFkA"
    "SwAAPwD9U6/Kqvyqr9U6/9k="
)
RED_THEN_BLUE_GIF = (  # 8x8, two frames
    "R0lGODdhCAAIAIEAAP8AAAAAAAAAAAAAACwAAAAACAAIAAAIDwABCBxIsKDBgwgTKkwYEAAh+QQBAAABACwAAAAACAAIAIEAAP8AAAAAAAAAAAAI"
    "DwABCBxIsKDBgwgTKkwYEAA7"
)


def png(height, width, value=100, channels=3):
    return tf.io.encode_png(np.full((height, width, channels), value, np.uint8)).numpy()


def bmp(red, green, blue):
    """Two by two pixels of one colour, 32 bits each."""
    pixels = bytes([blue, green, red, 0]) * 4
    header = struct.pack("<2sIHHI", b"BM", 54 + len(pixels), 0, 0, 54)
    return header + struct.pack("<IiiHHIIiiII", 40, 2, 2, 1, 32, 0, len(pixels), 0, 0, 0, 0) + pixels


@pytest.fixture
def write(tmp_path):
    """Files below tmp_path/photos; its value is a function that gives the config of that folder."""

    def folder(files, **changes):
        for name, data in files.items():
            path = tmp_path / "photos" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        config = DataConfig(dataset=f"folder:{tmp_path}/photos", cache_dir=str(tmp_path / "cache"), image_size=8)
        return dataclasses.replace(config, **changes)

    return folder


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    """A download fails, as it does at a host whose quota is used up."""

    def fail(self, url, *unused, **unused_too):
        raise tfds.download.DownloadError(f"Failed to get url {url}. HTTP code: 429.")

    monkeypatch.setattr("tensorflow_datasets.core.download.downloader._Downloader._sync_download", fail)


class Wide(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    """A TFDS data set of 25 images of 20x12 px, without a test split; image i is grey level 10 * i."""

    VERSION = tfds.core.Version("1.2.3")

    def _info(self):
        features = {"photo": tfds.features.Image(shape=(12, 20, 3)), "kind": tfds.features.ClassLabel(names=["a", "b"])}
        return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict(features))

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples()}

    def _generate_examples(self):
        for i in range(25):
            yield i, {"photo": np.full((12, 20, 3), 10 * i, np.uint8), "kind": i % 2}


@pytest.fixture(scope="session")
def wide_dir(tmp_path_factory):
    data_dir = tmp_path_factory.mktemp("tensorflow_datasets")
    Wide(data_dir=str(data_dir)).download_and_prepare()
    return data_dir


@pytest.fixture
def wide(wide_dir, tmp_path):
    """The config of a copy of `Wide` that a test may damage."""
    shutil.copytree(wide_dir, tmp_path / "data")
    return DataConfig(dataset="wide", data_dir=str(tmp_path / "data"), cache_dir=str(tmp_path / "cache"))


# Geometry


def test_area_resize_is_the_rounded_mean_of_the_pixels_it_covers():
    image = np.zeros((16, 16, 1), np.uint8)
    image[:2, :2, 0] = [[1, 2], [3, 4]]  # mean 2.5, rounded up
    image[:2, 2:4, 0] = [[10, 10], [10, 11]]  # mean 10.25, rounded down
    small = Geometry("center", 8).apply(image)
    assert small[0, :3, 0].tolist() == [3, 10, 0]


def test_resize_by_a_fraction_weighs_pixels_by_their_area():
    row = np.array([0, 90, 180, 30, 60, 240, 0, 0, 0, 0, 0, 0], np.uint8)  # 12 px -> 8 px: 1.5 px each
    image = np.broadcast_to(row[None, :, None], (12, 12, 1))
    assert Geometry("center", 8).apply(image)[4, :4, 0].tolist() == [30, 150, 40, 180]


def test_center_takes_celeb_a_from_row_20():
    rows = np.broadcast_to(np.arange(218, dtype=np.uint8)[:, None, None], (218, 178, 3))
    assert np.unique(Geometry("center", 178).apply(rows)).tolist() == list(range(20, 198))
    cropped = Geometry("center:64", 64).apply(rows)
    assert cropped[0, 0, 0] == 77
    assert cropped[-1, 0, 0] == 140


def test_pad_puts_mnist_in_the_middle_of_zeros():
    padded = Geometry("pad", 32).apply(np.full((28, 28, 1), 7, np.uint8))
    assert padded.shape == (32, 32, 1)
    assert (padded[2:30, 2:30] == 7).all()
    assert padded.astype(int).sum() == 7 * 28 * 28


@pytest.mark.parametrize(
    ("crop", "image_size", "source_px", "expected"),
    [
        ("auto", 0, (28, 28), ("pad", 32)),
        ("auto", 0, (32, 32), ("none", 32)),
        ("auto", 0, (218, 178), ("center", 64)),
        ("auto", 0, (105, 105), ("center", 64)),
        ("auto", 0, (256, 256), ("none", 256)),
        ("auto", 0, None, ("center", 64)),
        ("auto", 16, (32, 32), ("center", 16)),
        ("auto", 24, (28, 28), ("center", 24)),
        ("center", 0, (28, 28), ("center", 24)),
        ("center", 128, (218, 178), ("center", 128)),
        ("center:108", 0, (218, 178), ("center:108", 64)),
        ("none", 0, (28, 28), ("none", 24)),
        ("pad", 0, (20, 30), ("pad", 32)),
    ],
)
def test_crops_and_sizes_mean(crop, image_size, source_px, expected):
    geometry = resolve(crop, image_size, source_px)
    assert (geometry.crop, geometry.image_size) == expected
    assert resolve(geometry.crop, geometry.image_size, source_px) == geometry  # what config.json says means the same


@pytest.mark.parametrize(
    ("crop", "image_size", "source_px", "message"),
    [
        ("centre", 0, None, "none, center, center:PX, pad or auto"),
        ("center:0", 0, None, "none, center, center:PX, pad or auto"),
        ("center:x", 0, None, "none, center, center:PX, pad or auto"),
        ("center:40", 64, None, "--crop=center:40 is smaller than --image_size=64"),
        ("center:200", 64, (218, 178), "178x218 px .* too small for --crop=center:200"),
        ("auto", 64, (28, 28), "28x28 px .* too small for --image_size=64 .* --image_size=24 or less"),
        ("pad", 24, (28, 28), "28x28 px .* does not fit into --image_size=24"),
        ("none", 64, (218, 178), "178x218 px .* is not square"),
    ],
)
def test_impossible_crops_are_refused(crop, image_size, source_px, message):
    with pytest.raises(UserError, match=message):
        resolve(crop, image_size, source_px)


# Decoding


@pytest.mark.parametrize(
    ("data", "colour", "tolerance"),
    [
        (png(4, 4, 70, channels=1), (70, 70, 70), 0),
        (png(4, 4, 70, channels=4), (70, 70, 70), 0),
        (tf.io.encode_png(np.full((4, 4, 3), 0x1234, np.uint16)).numpy(), (0x12, 0x12, 0x12), 0),
        (base64.b64decode(RED_THEN_BLUE_GIF), (255, 0, 0), 0),
        (base64.b64decode(CMYK_RED_JPEG), (255, 0, 0), 3),
        (tf.io.encode_jpeg(np.full((8, 8, 1), 90, np.uint8), format="grayscale").numpy(), (90, 90, 90), 1),
        (bmp(10, 20, 30), (10, 20, 30), 0),
    ],
    ids=["grey", "transparent", "16 bit", "animated", "CMYK", "grey JPEG", "32-bit BMP"],
)
def test_every_kind_of_image_becomes_rgb(data, colour, tolerance):
    image = decode(data, 3)
    assert image.dtype == np.uint8
    np.testing.assert_allclose(image[0, 0], colour, atol=tolerance)


@pytest.mark.parametrize(
    "data",
    [b"", b"not an image", png(40, 40)[:50], tf.io.encode_jpeg(np.eye(64)[..., None].astype(np.uint8)).numpy()[:300]],
)
def test_broken_bytes_are_corrupt(data):
    with pytest.raises(CorruptImageError):
        decode(data, 3)


# Folders


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


@pytest.mark.parametrize("test", ["test", "validation", "val"])
def test_splits_with_labels(write, test):
    files = {"train/a/1.png": png(8, 8, 1), "train/b/2.png": png(8, 8, 2), f"{test}/b/3.png": png(8, 8, 3)}
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
    with pytest.raises(UserError, match=r"3 of 5 images cannot be decoded: .*b\.png .*c\.png .*d\.webp .*skip_corrupt"):
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


# TFDS


def test_tfds_images_go_through_crop_and_hold_out(wide):
    described = describe(wide)
    assert described.splits == {"train": 22, "test": 3}
    assert (described.config.crop, described.config.image_size, described.channels) == ("center", 8, 3)
    images = prepare(wide)
    levels = [images.train[:, 4, 4, 0].tolist(), images.test[:, 4, 4, 0].tolist()]
    assert sorted(itertools.chain(*levels)) == [10 * i for i in range(25)]
    for level, labels in zip(levels, (images.train_labels, images.test_labels), strict=True):
        assert [value // 10 % 2 for value in level] == labels.tolist()
    assert images.label_names == ("a", "b")


def test_version_in_the_name_is_the_same_data(wide):
    named = dataclasses.replace(wide, dataset="wide:1.2.3")
    np.testing.assert_array_equal(prepare(named).train, prepare(wide).train)


def test_a_data_dir_that_is_only_read_works(wide, monkeypatch):
    monkeypatch.setattr("tfpagan.data.catalogue.check_writable", mock.Mock(side_effect=AssertionError("written to")))
    before = sorted(Path(wide.data_dir).rglob("*"))
    assert len(prepare(wide).train) == 22
    assert sorted(Path(wide.data_dir).rglob("*")) == before


def test_celeb_a_is_cropped_and_resized_to_64(tmp_path):
    config = DataConfig(dataset="celeb_a", data_dir=str(tmp_path / "data"), cache_dir=str(tmp_path / "cache"))
    with tfds.testing.mock_data(num_examples=3):
        described = describe(config)
        images = prepare(config)
    assert (described.config.crop, described.config.image_size, described.channels) == ("center", 64, 3)
    assert images.train.shape == (3, 64, 64, 3)
    assert images.train_labels is None


@pytest.mark.parametrize(("name", "size", "crop", "channels"), [("mnist", 32, "pad", 1), ("svhn_cropped", 32, "none", 3)])
def test_known_data_sets_have_their_own_size(tmp_path, name, size, crop, channels):
    described = describe(DataConfig(dataset=name, data_dir=str(tmp_path)))
    assert (described.config.image_size, described.config.crop, described.channels) == (size, crop, channels)
    assert described.splits == {"train": None, "test": None}
    assert "GB" in described.downloads or "MB" in described.downloads


@pytest.mark.parametrize(
    ("dataset", "message"),
    [
        ("", "TFDS name .* folder:PATH, color_mnist or shapes"),
        ("folder:", "TFDS name .* folder:PATH, color_mnist or shapes"),
        ("cifar11", "unknown data set 'cifar11'; did you mean .*cifar10"),
        ("shape", "did you mean shapes"),
        ("qqqqqq", "unknown data set 'qqqqqq': not among the"),
        ("mn ist", "name, name/config, name:version"),
        ("mnist/x", "mnist has no configs"),
        ("cifar10_corrupted/brightnes_1", "did you mean brightness_1"),
        ("mnist:9.9.9", "cannot be loaded at version 9.9.9, only: 3.0.1"),
        ("imdb_reviews", "is not an image data set: it has no 8-bit image feature among text, label"),
    ],
)
def test_unknown_names_are_refused(tmp_path, dataset, message):
    with pytest.raises(UserError, match=message) as refusal:
        describe(DataConfig(dataset=dataset, data_dir=str(tmp_path)))
    assert "\n" not in str(refusal.value)


def wide_file(config, pattern):
    return next((Path(config.data_dir) / "wide" / "1.2.3").glob(pattern))


@pytest.mark.parametrize(
    ("pattern", "damage", "message"),
    [
        ("dataset_info.json", Path.unlink, "dataset_info.json"),
        ("dataset_info.json", lambda path: path.write_text("{"), "damaged dataset_info.json"),
        ("*tfrecord*", Path.unlink, "is damaged or incomplete: .*tfrecord.* No such file"),
        (
            "*tfrecord*",
            lambda path: os.truncate(path, path.stat().st_size // 2),
            "is damaged or incomplete: truncated record",
        ),
        (
            "*tfrecord*",
            lambda path: os.truncate(path, 0),
            "is damaged or incomplete: .*25 elements but contained only 0",
        ),
        ("*tfrecord*", lambda path: path.write_bytes(b"x" * 999), "is damaged or incomplete: corrupted record at 0"),
    ],
)
def test_half_written_data_sets_are_refused(wide, pattern, damage, message):
    damage(wide_file(wide, pattern))
    with pytest.raises(UserError, match=message) as refusal:
        prepare(wide)
    assert "\n" not in str(refusal.value)
    assert not list(Path(wide.cache_dir).glob("*"))


def test_a_version_that_data_dir_lacks_is_refused_with_those_it_has(wide):
    with pytest.raises(UserError, match=r"--dataset=wide:9\.9\.9 .*data/wide: found 1\.2\.3"):
        describe(dataclasses.replace(wide, dataset="wide:9.9.9"))


def test_a_catalogued_data_set_without_its_info_file_is_half_written(tmp_path):
    (tmp_path / "mnist" / "3.0.1").mkdir(parents=True)
    with pytest.raises(UserError, match=r"mnist/3\.0\.1 is half-written: it has no dataset_info\.json"):
        describe(DataConfig(dataset="mnist", data_dir=str(tmp_path)))


def test_failed_download_names_files_sizes_and_place(tmp_path, capsys):
    with pytest.raises(UserError) as failure:
        prepare(DataConfig(dataset="celeb_a", data_dir=str(tmp_path)))
    text = str(failure.value)
    assert "HTTP code: 429" in text
    assert f"{tmp_path}/downloads/manual/" in text
    for file in ("img_align_celeba.zip (1,443,490,838 bytes)", "list_eval_partition.txt", "list_attr_celeba.txt"):
        assert file in text
    for file in ("list_landmarks_align_celeba.txt", "identity_CelebA.txt"):
        assert file in text
    assert capsys.readouterr().out == ""


def test_data_sets_that_tfds_cannot_download_say_what_to_fetch(tmp_path):
    with pytest.raises(UserError, match=r"(?s)downloads/manual/ .*ILSVRC2012_img_train\.tar"):
        prepare(DataConfig(dataset="imagenet2012", data_dir=str(tmp_path)))


def test_data_dir_must_be_writable_for_a_download():
    with pytest.raises(UserError, match=r"cannot write into /dev/null/x: .*--data_dir"):
        prepare(DataConfig(dataset="celeb_a", data_dir="/dev/null/x"))


def fake_celeb_a():
    """The five files of celeb_a, cut down to three images, one per split."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        for i in range(3):
            photo = tf.io.encode_jpeg(np.full((218, 178, 3), 50 * i, np.uint8)).numpy()
            file.writestr(f"img_align_celeba/00000{i}.jpg", photo)
    rows = range(3)
    table = {
        "list_eval_partition.txt": "".join(f"00000{i}.jpg {i}\n" for i in rows),
        "identity_CelebA.txt": "".join(f"00000{i}.jpg {i}\n" for i in rows),
        "list_attr_celeba.txt": "3\n{}\n" + "".join(f"00000{i}.jpg" + " -1" * 40 + "\n" for i in rows),
        "list_landmarks_align_celeba.txt": "3\n{}\n" + "".join(f"00000{i}.jpg" + " 9" * 10 + "\n" for i in rows),
    }
    features = tfds.builder("celeb_a").info.features
    table["list_attr_celeba.txt"] = table["list_attr_celeba.txt"].format(" ".join(features["attributes"]))
    table["list_landmarks_align_celeba.txt"] = table["list_landmarks_align_celeba.txt"].format(" ".join(features["landmarks"]))
    return {"img_align_celeba.zip": archive.getvalue()} | {name: text.encode() for name, text in table.items()}


def test_the_recipe_for_celeb_a_works(tmp_path):
    """The five files where the message says are used in place of a download, by TFDS's own code."""
    manual = tmp_path / "downloads" / "manual"
    manual.mkdir(parents=True)
    files = fake_celeb_a()
    for name, data in files.items():
        (manual / name).write_bytes(data)
    builder = tfds.builder_cls("celeb_a")
    on_record = {
        url: dataclasses.replace(
            info, size=len(files[info.filename]), checksum=hashlib.sha256(files[info.filename]).hexdigest()
        )
        for url, info in builder.url_infos.items()
    }
    with mock.patch.object(builder, "url_infos", on_record):
        images = prepare(DataConfig(dataset="celeb_a", data_dir=str(tmp_path), cache_dir=str(tmp_path / "cache")))
    assert images.train[:, 0, 0, 0].tolist() == [0]
    assert images.test[:, 0, 0, 0].tolist() == [100]


# The cache


def test_images_are_decoded_once_and_read_as_read_only_memory_maps(write, monkeypatch):
    config = write({f"{i}.png": png(8, 8, i) for i in range(4)})
    first = prepare(config)
    monkeypatch.setattr(cache, "decode", mock.Mock(side_effect=AssertionError("decoded twice")))
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


@pytest.mark.parametrize("damage", [lambda path: os.truncate(path, 200), Path.unlink, lambda path: path.write_text("")])
def test_a_damaged_entry_is_refused_by_name(write, tmp_path, damage):
    config = write({f"{i}.png": png(8, 8, i) for i in range(4)})
    prepare(config)
    damage(next((tmp_path / "cache").glob("*/train.npy")))
    with pytest.raises(UserError, match=r"cache entry .*folder-photos.* is damaged: .*delete it"):
        prepare(config)


# Batches


NUMBERED = np.arange(10, dtype=np.uint8)[:, None, None, None] * np.ones((1, 8, 8, 1), np.uint8)  # image i is full of i


def numbers(count, images=NUMBERED, **changes):
    """The first `count` elements, each as the list of its images' numbers."""
    arguments = {"batch_size": 4, "seed": 7, "start": 0} | changes
    return [batch[:, 0, 0, 0].numpy().tolist() for batch in batches(images, **arguments).take(count)]


def joined(elements):
    return list(itertools.chain(*elements))


def test_every_epoch_holds_every_image_once_in_an_order_of_its_own():
    stream = joined(numbers(10))  # 40 images, 4 epochs; batches 3, 6 and 8 straddle
    epochs = [stream[i : i + 10] for i in range(0, 40, 10)]
    assert all(sorted(epoch) == list(range(10)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 4


def test_any_start_continues_the_same_stream():
    stream = joined(numbers(20))
    for start in (0, 4, 8, 13, 37):
        assert joined(numbers(5, start=start)) == stream[start : start + 20]


def test_seed_decides_the_order():
    assert numbers(5) == numbers(5)
    assert numbers(5) != numbers(5, seed=8)


def test_a_batch_larger_than_the_data_set_holds_whole_epochs():
    (batch,) = numbers(1, batch_size=25)
    assert sorted(batch[:10]) == sorted(batch[10:20]) == list(range(10))
    assert len(set(batch[20:])) == 5


def test_shapes_are_static_and_bytes_stay_bytes():
    spec = batches(NUMBERED, batch_size=4, seed=0, start=0).element_spec
    assert spec == tf.TensorSpec((4, 8, 8, 1), tf.uint8)


def test_no_images_are_refused():
    with pytest.raises(UserError, match="no images"):
        batches(NUMBERED[:0], batch_size=2, seed=0, start=0)


# Real data


def real(name, tmp_path):
    data_dir = os.environ.get("TFDS_DATA_DIR", "")
    if not data_dir or not (Path(data_dir).expanduser() / name).is_dir():
        pytest.skip(f"$TFDS_DATA_DIR holds no {name}")
    return prepare(DataConfig(dataset=name, cache_dir=str(tmp_path)))


@pytest.mark.slow
@pytest.mark.real_images
def test_real_mnist_is_framed_by_zeros(tmp_path):
    images = real("mnist", tmp_path)
    assert (images.train.shape, images.test.shape) == ((60000, 32, 32, 1), (10000, 32, 32, 1))
    frame = np.ones((32, 32), bool)
    frame[2:30, 2:30] = False
    assert not images.train[:, frame].any()
    assert images.train[:, 2:30, 2:30].mean() == pytest.approx(33.3184, abs=1e-3)
    assert np.bincount(images.test_labels).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]


@pytest.mark.slow
@pytest.mark.real_images
def test_real_cifar10_keeps_the_pixels_that_tfds_decodes(tmp_path):
    images = real("cifar10", tmp_path)
    assert (images.train.shape, images.test.shape) == ((50000, 32, 32, 3), (10000, 32, 32, 3))
    assert np.bincount(images.train_labels).tolist() == [5000] * 10
    assert images.label_names[3] == "cat"
    theirs = tfds.load("cifar10", data_dir=os.environ["TFDS_DATA_DIR"], split="test[:300]")
    for i, example in enumerate(theirs.as_numpy_iterator()):
        np.testing.assert_array_equal(images.test[i], example["image"])
        assert images.test_labels[i] == example["label"]
