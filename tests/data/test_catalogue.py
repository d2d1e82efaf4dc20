"""TFDS data sets by name: what is known before a download, damage, recipes."""

import dataclasses
import hashlib
import io
import itertools
import os
import shutil
import zipfile
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

from tfpagan.data import describe, prepare
from tfpagan.errors import UserError
from tfpagan.settings.sections import DataConfig


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
        ("", "TFDS name .* folder:PATH, npz:FILE, color_mnist or shapes"),
        ("folder:", "TFDS name .* folder:PATH, npz:FILE, color_mnist or shapes"),
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


def test_failed_download_names_files_sizes_and_place(tmp_path, capsys, caplog):
    with pytest.raises(UserError) as failure:
        prepare(DataConfig(dataset="celeb_a", data_dir=str(tmp_path)))
    line = str(failure.value)
    assert "HTTP code: 429" in line
    assert line.endswith(f"; which files to put into {tmp_path}/downloads/manual/ is said above")
    assert "\n" not in line
    for file in ("img_align_celeba.zip (1,443,490,838 bytes)", "list_eval_partition.txt", "list_attr_celeba.txt"):
        assert file in caplog.text
    for file in ("list_landmarks_align_celeba.txt", "identity_CelebA.txt"):
        assert file in caplog.text
    assert capsys.readouterr().out == ""


def test_data_sets_that_tfds_cannot_download_say_what_to_fetch(tmp_path, caplog):
    with pytest.raises(UserError, match=r"downloads/manual/ is said above$"):
        prepare(DataConfig(dataset="imagenet2012", data_dir=str(tmp_path)))
    assert "ILSVRC2012_img_train.tar" in caplog.text


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
    assert images.validation is not None
    assert images.validation[:, 0, 0, 0].tolist() == [50]
