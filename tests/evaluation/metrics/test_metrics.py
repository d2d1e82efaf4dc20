"""Every metric against tf-gan's, against numbers worked out by hand, and at its edges."""

import math
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from tensorflow_gan.python.eval import classifier_metrics as tfgan

from tfpagan.evaluation.errors import EvaluationError
from tfpagan.evaluation.metrics.fid import frechet_distance
from tfpagan.evaluation.metrics.inception_score import InceptionScore
from tfpagan.evaluation.metrics.kid import kernel_distance, unbiased_squared_mmd
from tfpagan.evaluation.metrics.latent_statistics import EncoderPanel
from tfpagan.evaluation.metrics.ms_ssim import Diversity, ms_ssim
from tfpagan.evaluation.metrics.rid import ReconstructionDissimilarity
from tfpagan.evaluation.metrics.rmse import PixelErrors
from tfpagan.evaluation.statistics import Moments, read_npz, write_npz

RANDOM = np.random.default_rng


def moments(features: np.ndarray, batch: int = 1000) -> Moments:
    m = Moments()
    for i in range(0, len(features), batch):
        m.update(features[i : i + batch])
    return m


# Moments


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
        ({"mu": np.zeros(2), "sigma": -np.eye(2)}, "no covariance"),
        ({"mu": np.zeros(2), "sigma": np.array([[1.0, 2.0], [0.0, 1.0]])}, "no covariance"),
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


# FID


def gaussians(n: int, m: int, dimensions: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    random = RANDOM(seed)
    mix = random.normal(size=[dimensions, dimensions]) / math.sqrt(dimensions)
    return random.normal(size=[n, dimensions]) @ mix, 0.5 + random.normal(size=[m, dimensions])


@pytest.mark.parametrize(("n", "m", "dimensions"), [(500, 400, 16), (2000, 3000, 128), (300, 250, 1)])
def test_frechet_distance_is_tf_gans(n: int, m: int, dimensions: int) -> None:
    a, b = gaussians(n, m, dimensions)
    expected = float(tfgan.frechet_classifier_distance_from_activations(tf.constant(a), tf.constant(b)))
    assert frechet_distance(moments(a), moments(b)) == pytest.approx(expected, rel=1e-7)


def test_frechet_distance_of_diagonal_gaussians_is_the_hand_worked_one() -> None:
    """N((0, 0), diag(1, 4)) and N((3, 4), diag(9, 16)): 25 + (1 - 3)^2 + (2 - 4)^2 = 33."""
    a = Moments.of(np.zeros(2), np.diag([1.0, 4.0]), 1000)
    b = Moments.of(np.array([3.0, 4.0]), np.diag([9.0, 16.0]), 1000)
    assert frechet_distance(a, b) == pytest.approx(33.0, rel=1e-12)


@pytest.mark.parametrize("n", [2, 10, 200])
def test_fewer_images_than_dimensions(n: int) -> None:
    """Singular covariances: the trace term against singular values of the centred data, which need no square root."""
    a, b = gaussians(n, 3 * n, 64)
    first, second = (x - x.mean(0) for x in (a, b))
    scale = math.sqrt((len(a) - 1) * (len(b) - 1))
    shared = np.linalg.svd(first @ second.T, compute_uv=False).sum() / scale
    means = np.square(a.mean(0) - b.mean(0)).sum()
    expected = means + np.trace(np.cov(a.T)) + np.trace(np.cov(b.T)) - 2 * shared
    assert frechet_distance(moments(a), moments(b)) == pytest.approx(expected, rel=1e-9)
    assert frechet_distance(moments(b), moments(a)) == pytest.approx(expected, rel=1e-9)
    assert frechet_distance(moments(a), moments(a)) == pytest.approx(0.0, abs=1e-9)


def test_frechet_distance_to_itself_is_zero_and_grows_with_noise() -> None:
    a, _ = gaussians(2000, 2, 32)
    assert frechet_distance(moments(a), moments(a)) == pytest.approx(0.0, abs=1e-10)
    noise = RANDOM(1).normal(size=a.shape)
    distances = [frechet_distance(moments(a), moments(a + s * noise)) for s in (0.0, 0.1, 0.3, 1.0, 3.0)]
    assert distances == sorted(distances)
    assert distances[1] > 1e-4


def test_collapsed_features_have_a_distance() -> None:
    same, spread = np.ones([50, 8]), RANDOM(0).normal(size=[50, 8])
    assert frechet_distance(moments(same), moments(same)) == 0.0
    expected = np.square(1 - spread.mean(0)).sum() + np.trace(np.cov(spread.T))
    assert frechet_distance(moments(same), moments(spread)) == pytest.approx(expected, rel=1e-12)


def test_features_of_different_classifiers_are_not_compared() -> None:
    with pytest.raises(EvaluationError, match="of 3 and of 4 dimensions"):
        frechet_distance(moments(RANDOM(0).normal(size=[9, 3])), moments(RANDOM(0).normal(size=[10, 4])))


# Inception Score


def score(logits: np.ndarray, batch: int = 1000, **options: int | None) -> tuple[float, float]:
    s = InceptionScore(len(logits), **options)  # type: ignore[arg-type]
    for i in range(0, len(logits), batch):
        s.update(logits[i : i + batch])
    return s.result()


def test_inception_score_of_one_split_is_tf_gans() -> None:
    logits = RANDOM(0).normal(0, 3, [500, 10])
    expected = float(tfgan.classifier_score_from_logits(tf.constant(logits)))
    assert score(logits, splits=1)[0] == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("batch", [1, 64, 997])
def test_inception_score_of_ten_splits_is_tf_gans_on_each(batch: int) -> None:
    logits = RANDOM(0).normal(0, 3, [997, 10])  # does not divide
    parts = [logits[i * 997 // 10 : (i + 1) * 997 // 10] for i in range(10)]
    each = [float(tfgan.classifier_score_from_logits(tf.constant(part))) for part in parts]
    mean, std = score(logits, batch, splits=10, seed=None)
    assert mean == pytest.approx(np.mean(each), rel=1e-9)
    assert std == pytest.approx(np.std(each), rel=1e-6)


def test_inception_score_has_its_bounds() -> None:
    sure = np.log(np.eye(10)[np.arange(1000) % 10] + 1e-30)
    assert 9.0 < score(sure)[0] < 10.0  # shuffled splits of 100 do not hold 10 of each class
    assert score(sure, splits=10, seed=None) == (pytest.approx(10.0, rel=1e-9), pytest.approx(0.0, abs=1e-9))
    assert score(np.zeros([100, 10])) == (pytest.approx(1.0, abs=1e-12), pytest.approx(0.0, abs=1e-12))


def test_images_that_come_class_by_class_are_shuffled() -> None:
    by_class = np.log(np.eye(10)[np.arange(1000) // 100] + 1e-30)
    assert score(by_class, seed=None)[0] == pytest.approx(1.0, abs=1e-9)  # every split is one class
    assert score(by_class, seed=0)[0] > 9.0


def test_fewer_images_than_splits_are_refused() -> None:
    with pytest.raises(EvaluationError, match="9 images cannot make 10 splits"):
        InceptionScore(9)


def test_extreme_logits_stay_finite() -> None:
    logits = np.array([[1e4, -1e4], [-1e4, 1e4]] * 10, np.float32)
    assert score(logits, splits=1)[0] == pytest.approx(2.0, rel=1e-12)


# KID


@pytest.mark.parametrize(("n", "m", "block"), [(1000, 1000, 250), (1003, 997, 256), (90, 60, 1000)])
def test_kernel_distance_and_its_error_are_tf_gans(n: int, m: int, block: int) -> None:
    a, b = gaussians(n, m, 12)
    expected, error = tfgan.kernel_classifier_distance_and_std_from_activations(tf.constant(a), tf.constant(b), block)
    distance, own_error = kernel_distance(a, b, block_size=block)
    assert distance == pytest.approx(float(expected), rel=1e-9)
    assert own_error is None if n <= block else own_error == pytest.approx(float(error), rel=1e-7)


def test_squared_mmd_of_two_and_two_by_hand() -> None:
    """x = 0, 2 and y = 1, 3 in one dimension: k = (ab + 1)^3 gives 1 (xx), 64 (yy), and 1, 1, 27, 343 (xy)."""
    value = unbiased_squared_mmd(np.array([[0.0], [2.0]]), np.array([[1.0], [3.0]]))
    assert value == pytest.approx(1 + 64 - 2 * (1 + 1 + 27 + 343) / 4)


def test_kernel_distance_of_one_distribution_is_zero_within_its_error() -> None:
    a, b = RANDOM(0).normal(size=[4000, 8]), RANDOM(1).normal(size=[4000, 8])
    distance, error = kernel_distance(a, b, block_size=400)
    assert error is not None
    assert abs(distance) < 4 * error
    assert kernel_distance(a, b + 0.5, block_size=400)[0] > 10 * error


def test_too_few_images_for_the_blocks_are_refused() -> None:
    with pytest.raises(EvaluationError, match=r"2000 real and 3 fake images cannot make 2 block\(s\)"):
        kernel_distance(np.zeros([2000, 2]), np.zeros([3, 2]))


# RID


def images(n: int, seed: int = 0) -> np.ndarray:
    return RANDOM(seed).integers(0, 256, [n, 12, 12, 3]).astype(np.uint8)


def rid(p: np.ndarray, q: np.ndarray, batch: int = 1000, **options: int) -> ReconstructionDissimilarity:
    r = ReconstructionDissimilarity(len(p), **options)
    x = images(len(p))
    for i in range(0, len(p), batch):
        r.update(p[i : i + batch], q[i : i + batch], x[i : i + batch], 255 - x[i : i + batch])
    return r


def test_rid_by_hand() -> None:
    """p = (0.5, 0.5), q = (0.8, 0.2): KL = 0.5 ln 0.625 + 0.5 ln 2.5 = 0.5 ln 1.5625, so RID = 1.25; and 1 for p = q."""
    p, q = np.log([[0.5, 0.5]] * 4), np.log([[0.8, 0.2], [0.5, 0.5]] * 2)
    result = rid(p, q, splits=2).result()
    assert result["mean"] == pytest.approx(math.sqrt(1.25), rel=1e-12)
    assert result["std"] == pytest.approx(0.0, abs=1e-12)
    assert rid(p[:1], q[:1], splits=1).result()["mean"] == pytest.approx(1.25, rel=1e-12)
    assert result["class_kept"] == 1.0


def test_rid_of_perfect_reconstructions_is_exactly_one() -> None:
    logits = RANDOM(0).normal(0, 10, [100, 10]).astype(np.float32)
    result = rid(logits, logits).result()
    assert (result["mean"], result["std"], result["median"], result["percentile_95"]) == (1.0, 0.0, 1.0, 1.0)


@pytest.mark.parametrize("batch", [3, 1000])
def test_rid_has_sequential_splits_that_are_not_shuffled(batch: int) -> None:
    p = np.zeros([25, 2])
    q = np.log([[0.8, 0.2]]).repeat(25, 0)
    q[:5] = 0.0
    result = rid(p, q, batch, splits=5).result()
    assert result["mean"] == pytest.approx((1 + 4 * 1.25) / 5, rel=1e-12)
    assert result["std"] == pytest.approx(np.std([1, 1.25, 1.25, 1.25, 1.25]), rel=1e-12)


def test_the_worst_images_are_kept_in_order_whatever_the_batch() -> None:
    p = np.zeros([50, 2])
    q = np.stack([RANDOM(0).permutation(50) / 10.0, np.zeros(50)], 1)
    x = images(50)
    for batch in (7, 50):
        worst = rid(p, q, batch, keep=5).worst()
        assert [kl for kl, _, _ in worst] == sorted((kl for kl, _, _ in worst), reverse=True)
        for (_, image, rec), i in zip(worst, np.argsort(-q[:, 0])[:5], strict=True):
            np.testing.assert_array_equal(image, x[i])
            np.testing.assert_array_equal(rec, 255 - x[i])


def test_rid_of_a_kl_that_overflows_is_infinite_not_an_error() -> None:
    p, q = np.array([[0.0, -2000.0]] * 10), np.array([[-2000.0, 0.0]] * 10)
    assert rid(p, q, splits=1).result()["mean"] == math.inf


# Pixels


def test_rmse_is_the_mean_over_images_of_the_norm() -> None:
    x, x_rec = images(30, 0), images(30, 1)
    errors = PixelErrors()
    errors.update(x[:20], x_rec[:20]), errors.update(x[20:], x_rec[20:])
    norms = np.linalg.norm((x / 255.0 - x_rec / 255.0).reshape(30, -1), axis=1)
    result = errors.result()
    assert result["rmse"] == pytest.approx(norms.mean(), rel=1e-12)
    assert result["rmse_error"] == pytest.approx(norms.std(ddof=1) / math.sqrt(30), rel=1e-12)
    assert result["psnr"] == pytest.approx(tf.reduce_mean(tf.image.psnr(x, x_rec, 255)).numpy(), rel=1e-5)


def test_an_exact_reconstruction_has_no_psnr() -> None:
    errors = PixelErrors()
    errors.update(images(2), images(2))
    assert errors.result() == {"rmse": 0.0, "rmse_error": 0.0, "psnr": None}


def test_ms_ssim_of_small_images_has_fewer_scales_with_weights_that_sum_to_one() -> None:
    x, y = images(3, 0)[:, :, :, :1].repeat(4, 1).repeat(4, 2), images(3, 1)[:, :, :, :1].repeat(4, 1).repeat(4, 2)
    assert x.shape[1] == 48  # three scales: 48, 24, 12
    weights = np.array([0.0448, 0.2856, 0.3001]) / (0.0448 + 0.2856 + 0.3001)
    expected = tf.image.ssim_multiscale(x, y, 255, weights.tolist())
    np.testing.assert_allclose(ms_ssim(x, y), expected, rtol=1e-6)
    np.testing.assert_allclose(ms_ssim(x, x), 1.0, rtol=1e-6)


def diversity(x: np.ndarray, batch: int, **options: int) -> tuple[float, float]:
    d = Diversity(len(x), **options)
    for i in range(0, len(x), batch):
        d.update(x[i : i + batch])
    return d.result()


def test_diversity_is_zero_for_one_image_and_grows_with_noise() -> None:
    x = images(1).repeat(40, 0)
    assert diversity(x, 7)[0] == pytest.approx(0.0, abs=1e-6)
    noise = RANDOM(1).normal(size=x.shape)
    values = [diversity(np.clip(x + s * noise, 0, 255).astype(np.uint8), 7)[0] for s in (5, 20, 80)]
    assert values == sorted(values)
    assert values[0] > 1e-3
    assert diversity(images(40), 7, pairs=10) == diversity(images(40), 40, pairs=10)


def test_images_smaller_than_the_filter_are_refused() -> None:
    with pytest.raises(EvaluationError, match="at least 11 px; these are 8 x 8"):
        ms_ssim(np.zeros([2, 8, 8, 1], np.uint8), np.zeros([2, 8, 8, 1], np.uint8))


# Encoder and prior


def panel(mean: np.ndarray, log_variance: np.ndarray) -> dict[str, float]:
    p = EncoderPanel()
    p.update(mean[:10], log_variance[:10]), p.update(mean[10:], log_variance[10:])
    return p.result()


def test_a_collapsed_encoder_is_told_from_one_that_encodes() -> None:
    means = RANDOM(0).normal(size=[20_000, 4])
    good, collapsed = panel(means, np.full(means.shape, -20.0)), panel(0 * means, 0 * means)
    assert good["latent_variance_of_means"] == pytest.approx(1.0, rel=0.03)
    assert good["latent_mean_of_variances"] == pytest.approx(0.0, abs=1e-6)
    assert good["latent_covariance_rms"] < 0.03
    assert (collapsed["latent_variance_of_means"], collapsed["latent_mean_of_variances"]) == (0.0, 1.0)


def test_the_panel_by_hand() -> None:
    mean = np.array([[1.0, 2.0], [3.0, 2.0]] * 10)
    p = EncoderPanel()
    p.update(mean, np.log([[4.0, 2.0]]).repeat(20, 0))
    p.update_cycle(np.zeros([3, 2]), np.full([3, 2], 2.0))
    result = p.result()
    assert result["latent_mean_rms"] == pytest.approx(2.0)  # both dimensions have mean 2
    assert result["latent_mean_max"] == pytest.approx(2.0)
    assert result["latent_variance_of_means"] == pytest.approx((20 / 19) / 2)
    assert result["latent_mean_of_variances"] == pytest.approx(3.0)
    assert result["latent_cycle_rmse"] == pytest.approx(2.0)
    assert p.per_dimension()["mean_of_variances"] == pytest.approx([4.0, 2.0])
