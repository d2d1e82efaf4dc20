"""The embedded data set: what its pictures are, and that they never change."""

import hashlib

import numpy as np
import pytest

from tfpagan.data import describe, prepare
from tfpagan.data.shapes import builder, render
from tfpagan.settings.sections import DataConfig


def test_the_first_pictures_are_those_of_every_other_machine():
    images, _ = builder.images_of("train", 0)
    assert hashlib.sha256(images.tobytes()).hexdigest() == "a5fe4dc79a225bf15d1598b3a6ccd15c8d25d6d034e2e327bb1596b489023667"


def test_a_picture_depends_on_split_and_number_only():
    again, labels = builder.images_of("train", builder.CHUNK)
    np.testing.assert_array_equal(again, builder.images_of("train", builder.CHUNK)[0])
    assert labels.tolist()[:12] == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]
    assert (again != builder.images_of("train", 0)[0]).any(axis=(1, 2, 3)).all()
    assert (again != builder.images_of("test", 0)[0]).any(axis=(1, 2, 3)).all()


def test_there_are_20000_and_2000_in_equal_classes():
    assert builder.SPLITS == {"train": 20_000, "test": 2_000}
    assert all(count % builder.CHUNK == 0 for count in builder.SPLITS.values())
    assert builder.CHUNK % len(render.NAMES) == 0


@pytest.mark.parametrize("name", render.NAMES)
def test_distances_are_negative_inside_and_positive_outside(name):
    axis = np.linspace(-1.5, 1.5, 61)
    x, y = np.meshgrid(axis, axis)
    distance = render.DISTANCES[name](x, y)
    border = np.r_[distance[0], distance[-1], distance[:, 0], distance[:, -1]]
    assert (border > 0).all()
    share = (distance < 0).mean() * 9  # of the square of side 3, so this is the area in squared radii
    assert 0.7 < share < np.pi


def test_areas_of_simple_shapes_are_those_of_geometry():
    axis = np.linspace(-1.2, 1.2, 801)
    x, y = np.meshgrid(axis, axis)
    area = {name: (render.DISTANCES[name](x, y) < 0).mean() * 2.4**2 for name in render.NAMES}
    assert area["circle"] == pytest.approx(np.pi * 0.95**2, rel=0.01)
    assert area["square"] == pytest.approx(1.6**2, rel=0.01)
    assert area["triangle"] == pytest.approx(3 * np.sqrt(3) / 4, rel=0.01)  # in the unit circle
    assert area["pentagon"] == pytest.approx(5 / 2 * np.sin(2 * np.pi / 5), rel=0.01)
    assert area["cross"] == pytest.approx(2 * 1.9 * 0.66 - 0.66**2, rel=0.01)
    assert area["star"] == pytest.approx(5 * 0.45 * np.sin(np.pi / 5), rel=0.01)  # ten triangles (0, tip, waist)


def test_edges_are_antialiased_and_hues_cover_the_circle():
    images, labels = render.render(500, seed=3)
    coverage, _ = render._coverage(labels, np.random.RandomState(0))
    soft = ((coverage > 0.02) & (coverage < 0.98)).mean(axis=(1, 2))
    assert (soft > 0).all()
    assert (soft < 0.25).all()
    strongest = images.reshape(500, -1, 3).max(axis=1).argmax(axis=1)
    assert np.bincount(strongest, minlength=3).min() > 80


def test_shapes_go_through_tfds_into_the_cache(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(builder, "SPLITS", {"train": 1000, "test": 500})
    config = DataConfig(dataset="shapes", data_dir=str(tmp_path / "absent"), cache_dir=str(tmp_path / "cache"))
    described = describe(config)
    assert described.config.image_size == 32
    assert described.config.crop == "none"
    assert "nothing to download" in described.downloads
    assert not (tmp_path / "cache").exists()  # describing writes nothing

    images = prepare(config, progress=False)
    assert capsys.readouterr().out == ""
    assert not (tmp_path / "absent").exists()
    assert images.train.shape == (1000, 32, 32, 3)
    assert images.test.shape == (500, 32, 32, 3)
    assert images.label_names == render.NAMES
    assert np.bincount(images.train_labels).tolist() == [100] * 10
    drawn = {image.tobytes(): label for image, label in zip(*builder.images_of("test", 0), strict=True)}
    stored = {image.tobytes(): label for image, label in zip(images.test, images.test_labels, strict=True)}
    assert stored == drawn  # PNG loses nothing, and every label stays with its image
