"""Moments in a stream, and the files that keep them."""

import zipfile
from pathlib import Path

import numpy as np
import pytest
from helpers.random_features import RANDOM, moments

from tfpagan.evaluation import statistics
from tfpagan.evaluation.errors import EvaluationError
from tfpagan.evaluation.metrics.fid import frechet_distance
from tfpagan.evaluation.statistics import Moments, read_npz, write_npz


@pytest.mark.parametrize("batch", [1, 7, 100])
def test_streamed_moments_are_numpys_whatever_the_batch(batch: int) -> None:
    features = RANDOM(0).normal(3.0, 2.0, [100, 5])
    m = moments(features, batch)
    np.testing.assert_allclose(m.mean(), features.mean(0), rtol=1e-13)
    np.testing.assert_allclose(m.covariance(), np.cov(features.T), rtol=1e-12)


def test_parts_counted_apart_add_up() -> None:
    features = RANDOM(0).normal(3.0, 2.0, [100, 5])
    total = moments(features[:30]) + moments(features[30:31]) + Moments() + moments(features[31:])
    assert total.count == 100
    np.testing.assert_allclose(total.mean(), features.mean(0), rtol=1e-13)
    np.testing.assert_allclose(total.covariance(), np.cov(features.T), rtol=1e-12)


def test_features_far_from_zero_lose_no_digits() -> None:
    """A sum of squares at 1e8 would keep nothing of a variance of 1e-4 in float64."""
    features = 1e8 + RANDOM(0).normal(0.0, 1e-2, [1000, 1])
    assert moments(features, 64).covariance()[0, 0] == pytest.approx(np.var(features - 1e8, ddof=1), rel=1e-6)


def test_one_image_has_no_covariance() -> None:
    with pytest.raises(EvaluationError, match="1 image"):
        moments(np.ones([1, 3])).covariance()


def test_a_statistics_file_has_the_keys_of_other_tools_and_comes_back(tmp_path: Path) -> None:
    features = RANDOM(0).normal(size=[20, 4])
    write_npz(tmp_path / "s.npz", moments(features), note="x")
    with np.load(tmp_path / "s.npz") as stored:
        assert stored["mu"].shape == (4,)
        assert stored["sigma"].dtype == np.float64
    back, arrays = read_npz(tmp_path / "s.npz")
    assert back.count == 20
    assert arrays["note"] == "x"
    assert frechet_distance(back, moments(features)) == pytest.approx(0.0, abs=1e-12)
    np.savez(tmp_path / "theirs.npz", mu=features.mean(0), sigma=np.cov(features.T))
    assert frechet_distance(read_npz(tmp_path / "theirs.npz")[0], moments(features)) == pytest.approx(0.0, abs=1e-12)


def test_a_damaged_compressed_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "s.npz"
    np.savez_compressed(file, mu=np.zeros(40), sigma=np.cov(RANDOM(0).normal(size=[90, 40]).T))
    for place in range(200, 1000, 100):
        damaged = bytearray(file.read_bytes())
        damaged[place] ^= 0xFF
        (tmp_path / "d.npz").write_bytes(damaged)
        with pytest.raises(EvaluationError, match="is not a statistics file"):
            read_npz(tmp_path / "d.npz")


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"mu": np.zeros(3)}, "not a statistics file"),
        ({"mu": np.zeros(3), "sigma": np.zeros([2, 2])}, r"mu \(3,\) and sigma \(2, 2\)"),
        ({"mu": np.full(2, np.nan), "sigma": np.eye(2)}, "not finite"),
        (
            {"mu": np.full(2, 1e200), "sigma": np.eye(2)},
            "up to 1.0e.200, too large to compute with; at most 1e.100",
        ),
        ({"mu": np.zeros(2), "sigma": 1e300 * np.eye(2)}, "up to 1.0e.300, too large to compute with"),
        ({"mu": np.zeros(2), "sigma": -np.eye(2, dtype=np.float32)}, r"a sigma, float32, with an eigenvalue of -1.0e\+00"),
        ({"mu": np.zeros(2), "sigma": np.array([[1.0, 2.0], [0.0, 1.0]])}, "a sigma that is not symmetric"),
        ({"mu": np.zeros(2), "sigma": 1j * np.eye(2)}, "not a statistics file"),
        ({"mu": np.zeros(2), "sigma": np.eye(2), "count": np.array([1, 2])}, "not a statistics file"),
        ({"mu": np.zeros(2), "sigma": np.eye(2), "count": -7}, "of -7 images"),
        ({"mu": np.zeros(2), "sigma": np.eye(2), "count": np.inf}, "not a statistics file"),
        ({"mu": np.zeros(2), "sigma": np.eye(2), "count": 1e30}, "at least 2 and at most"),
        ({"mu": np.zeros(0), "sigma": np.zeros([0, 0])}, r"mu \(0,\)"),
    ],
)
def test_other_npz_files_are_refused(tmp_path: Path, arrays: dict, message: str) -> None:
    np.savez(tmp_path / "s.npz", **arrays)
    with pytest.raises(EvaluationError, match=message):
        read_npz(tmp_path / "s.npz")


def test_half_a_statistics_file_is_refused(tmp_path: Path) -> None:
    write_npz(tmp_path / "s.npz", moments(RANDOM(0).normal(size=[20, 4])))
    whole = (tmp_path / "s.npz").read_bytes()
    (tmp_path / "s.npz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(EvaluationError, match="not a statistics file"):
        read_npz(tmp_path / "s.npz")
    assert [p.name for p in tmp_path.iterdir()] == ["s.npz"]


def test_a_file_that_unpacks_to_far_more_than_its_size_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.savez_compressed(tmp_path / "bomb.npz", mu=np.zeros(2000), sigma=np.eye(2))
    np.savez(tmp_path / "large.npz", mu=RANDOM(0).normal(size=200), sigma=np.eye(200))
    assert read_npz(tmp_path / "large.npz")[0].mean().shape == (200,)
    monkeypatch.setattr(statistics, "MOST_BYTES", 16_000)
    assert read_npz(tmp_path / "large.npz")[0].mean().shape == (200,)  # it takes no more than ten times its own size
    with pytest.raises(EvaluationError, match=r"its arrays take 16\d\d\d bytes, and at most 16000 are unpacked"):
        read_npz(tmp_path / "bomb.npz")


def test_a_shape_that_no_memory_holds_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "s.npz", "w") as stored, stored.open("mu.npy", "w") as member:
        np.lib.format.write_array_header_1_0(member, {"descr": "<f8", "fortran_order": False, "shape": (2**57,)})
    with pytest.raises(EvaluationError, match=r"is not a statistics file.*Unable to allocate"):
        read_npz(tmp_path / "s.npz")
