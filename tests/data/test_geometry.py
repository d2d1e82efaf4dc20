"""Crops and sizes: hand-worked pixels, and what is refused."""

import numpy as np
import pytest

from tfpagan.data.geometry import Geometry, resolve
from tfpagan.errors import UserError


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
