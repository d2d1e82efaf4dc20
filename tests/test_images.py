"""Images as numbers and as pictures."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tfpagan.images import grid, interleaved, normalize, to_bytes, whole, write_png


def test_bytes_go_to_the_unit_range_and_back() -> None:
    every = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
    x = normalize(every).numpy()
    assert (x.min(), x.max()) == (-1.0, 1.0)
    assert x.dtype == np.float32
    np.testing.assert_array_equal(to_bytes(x), every)


def test_what_lies_outside_the_range_is_clipped() -> None:
    np.testing.assert_array_equal(to_bytes(np.array([-3.0, -1.0, 0.0, 1.0, 1.01])), [0, 0, 128, 255, 255])


def test_a_grid_goes_row_by_row_and_ends_in_black() -> None:
    images = np.stack([np.full([2, 3, 1], i, np.uint8) for i in (1, 2, 3)])
    expected = [[1, 1, 1, 2, 2, 2]] * 2 + [[3, 3, 3, 0, 0, 0]] * 2
    np.testing.assert_array_equal(grid(images, columns=2)[..., 0], expected)


def test_interleaving_puts_the_first_batch_into_odd_columns() -> None:
    left, right = np.array([1, 2]).reshape(2, 1, 1, 1), np.array([8, 9]).reshape(2, 1, 1, 1)
    np.testing.assert_array_equal(interleaved(left, right).ravel(), [1, 8, 2, 9])


def test_a_file_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    def interrupted() -> None:
        with whole(str(tmp_path / "a")) as f:
            f.write(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(tmp_path.iterdir()) == []
    with whole(str(tmp_path / "a")) as f:
        f.write(b"all")
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


def test_png_files_hold_the_very_pixels(tmp_path: Path) -> None:
    picture = np.random.default_rng(0).integers(0, 256, [5, 7, 3]).astype(np.uint8)
    write_png(picture, f"{tmp_path}/picture.png")
    np.testing.assert_array_equal(tf.io.decode_png((tmp_path / "picture.png").read_bytes()), picture)
    assert [p.name for p in tmp_path.iterdir()] == ["picture.png"]
