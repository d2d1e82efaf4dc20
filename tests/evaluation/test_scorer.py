"""The pass that scores: the classifier on every batch and replica, what is missing, what is read once."""

import dataclasses
import math
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from helpers.scored import ALL, MODEL, PX, decode, encode, folder_of, images, linear_classifier, score

from tfpagan.evaluation import protocols
from tfpagan.evaluation.classifiers.features import FeatureExtractor
from tfpagan.evaluation.errors import EvaluationError, GivenUpError
from tfpagan.evaluation.folders import FolderImages
from tfpagan.evaluation.images import ArrayImages, to_bytes
from tfpagan.evaluation.pairs import Pairs
from tfpagan.evaluation.protocols import Protocol
from tfpagan.evaluation.scorer import Scorer
from tfpagan.evaluation.subjects import Subject, of_images
from tfpagan.evaluation.tf_gan import classifier_metrics as tfgan


def test_one_pass_gives_tf_gans_numbers(tmp_path: Path) -> None:
    metrics = score(tmp_path, Protocol(metrics=ALL, samples=101, splits=1)).metrics
    extract = FeatureExtractor(linear_classifier())
    samples = np.concatenate(list(MODEL.samples(101, 0).batches(1000)))  # type: ignore[misc]
    logits, features = extract(samples)
    _, real = extract(images(300, 2))
    a, b = tf.constant(real, tf.float64), tf.constant(features, tf.float64)
    expected = {
        "classifier_score_mean": tfgan.classifier_score_from_logits(tf.constant(logits, tf.float64)),
        "frechet_classifier_distance": tfgan.frechet_classifier_distance_from_activations(a, b),
        "kernel_classifier_distance": tfgan.kernel_classifier_distance_and_std_from_activations(a, b, 1000)[0],
    }
    for key, value in expected.items():
        assert metrics[key] == pytest.approx(float(value), rel=1e-6), key
    x, test = images(90, 1), images(90, 1).astype(np.float32) / 127.5 - 1
    x_rec = to_bytes(decode(encode(test)[0]))
    log_p, log_q = (tf.nn.log_softmax(tf.cast(extract(i)[0], tf.float64)).numpy() for i in (x, x_rec))
    kl = (np.exp(log_p) * (log_p - log_q)).sum(1)
    assert metrics["reconstruction_classifier_dissimilarity_mean"] == pytest.approx(math.exp(kl.mean()), rel=1e-6)
    rmse = np.linalg.norm((x / 255.0 - x_rec / 255.0).reshape(90, -1), axis=1).mean()
    assert metrics["rmse"] == pytest.approx(rmse, rel=1e-9)


@pytest.mark.parametrize("batch_size", [1, 7, 500])
def test_the_batch_size_changes_no_number(tmp_path: Path, batch_size: int) -> None:
    protocol = Protocol(metrics=ALL, samples=101, code="draw")
    expected, given = score(tmp_path / "a", protocol).metrics, score(tmp_path / "b", protocol, batch_size).metrics
    assert given.keys() == expected.keys()
    for key, value in expected.items():
        assert given[key] == (None if value is None else pytest.approx(value, rel=2e-5, abs=1e-6)), key


def test_the_number_of_replicas_changes_no_number(tmp_path: Path, two_replicas: tf.distribute.MirroredStrategy) -> None:
    expected = score(tmp_path / "a").metrics
    given = score(tmp_path / "b", strategy=two_replicas, batch_size=31).metrics  # 31 and 101 do not divide by two
    for key, value in expected.items():
        assert given[key] == (None if value is None else pytest.approx(value, rel=2e-5, abs=1e-6)), key


def test_every_metric_of_the_protocol_has_a_number_or_a_reason(tmp_path: Path) -> None:
    for metrics, options in (
        (ALL, {}),
        (ALL, {"test": None}),
        (ALL, {"reference": None}),
    ):
        scores = score(tmp_path, Protocol(metrics=metrics, samples=101), **options)  # type: ignore[arg-type]
        missing = {key for key, value in scores.metrics.items() if value is None}
        assert missing <= scores.reasons.keys() | {"kernel_classifier_distance_error"}
    assert scores.reasons["frechet_classifier_distance"] == "no reference images"


def test_without_a_classifier_the_other_metrics_still_run() -> None:
    scorer = Scorer(Protocol(metrics=ALL, samples=50), why_no_classifier="no network", test=ArrayImages(images(40)))
    scores = scorer.score(MODEL)
    assert scores.reasons["frechet_inception_distance"] == "no network"
    assert scores.metrics["frechet_inception_distance"] is None
    for key in ("rmse", "latent_mean_rms", "ms_ssim_diversity"):
        assert scores.metrics[key] is not None


def reconstructor(reconstruct: Callable[[np.ndarray], np.ndarray]) -> Subject:
    """A function that stands in for a model."""
    return Subject("reconstructor", pairs=lambda x, code, seed: Pairs(x, reconstruct))


def test_perfect_reconstructions_have_a_rid_of_exactly_one(tmp_path: Path) -> None:
    scorer = Scorer(
        Protocol(metrics=("rid", "rmse")), classifier=linear_classifier(), test=ArrayImages(images(50)), cache_dir=tmp_path
    )
    metrics = scorer.score(reconstructor(lambda x: x)).metrics
    assert metrics["reconstruction_classifier_dissimilarity_mean"] == 1.0
    assert metrics["reconstruction_classifier_dissimilarity_std"] == 0.0
    assert metrics["class_kept"] == 1.0
    assert (metrics["rmse"], metrics["psnr"]) == (0.0, None)


def test_rid_fid_and_rmse_grow_with_noise(tmp_path: Path) -> None:
    x = images(200)
    scorer = Scorer(
        Protocol(metrics=("rid", "rmse", "fid_rec")),
        classifier=linear_classifier(),
        test=ArrayImages(x),
        reference=ArrayImages(x),
        cache_dir=tmp_path,
    )
    noise = np.random.default_rng(5).normal(size=[200, PX, PX, 3]).astype(np.float32)

    def noisy(scale: float) -> Callable[[np.ndarray], np.ndarray]:
        place = iter(range(0, 10_000, 64))
        return lambda batch: np.clip(batch + scale * noise[(i := next(place)) : i + len(batch)], -1, 1)

    rows = [scorer.score(reconstructor(noisy(s))).metrics for s in (0.0, 0.1, 0.3, 1.0)]
    for key in rows[0].keys() - {"class_kept", "psnr", "rmse_error"}:
        values = [row[key] for row in rows]
        assert values == sorted(values), key  # type: ignore[type-var]


def test_the_reference_is_read_once_for_many_subjects(tmp_path: Path) -> None:
    real = ArrayImages(images(60, 2), "train")
    scorer = Scorer(Protocol(metrics=("fid",), samples=40), classifier=linear_classifier(), reference=real, cache_dir=tmp_path)
    first_time = scorer.score(MODEL).metrics
    real.batches = None  # type: ignore[assignment, method-assign]
    assert scorer.score(MODEL).metrics == first_time


RID = Protocol(metrics=("rid",), samples=40)


def classified(tmp_path: Path, test: np.ndarray, batch_size: int = 32) -> tuple[dict[str, float | None], int]:
    """The RID of a new scorer, and how many images its classifier was given."""
    classifier, given = linear_classifier(), []
    outputs = classifier.outputs
    counting = dataclasses.replace(
        classifier, outputs=lambda x: (tf.py_function(lambda n: given.append(int(n)), [tf.shape(x)[0]], []), outputs(x))[1]
    )
    scorer = Scorer(RID, classifier=counting, test=ArrayImages(test), cache_dir=tmp_path, batch_size=batch_size)
    return scorer.score(MODEL).metrics, sum(given)


def test_test_images_are_classified_once_for_all_evaluations(tmp_path: Path) -> None:
    """90 images and their reconstructions; then, in another process too, the reconstructions alone; other images anew."""
    test = images(90, 1)
    first, given = classified(tmp_path, test)
    assert given == 180
    later, given = classified(tmp_path, test, batch_size=17)
    assert given == 90
    assert later == pytest.approx(first, rel=1e-6)
    assert classified(tmp_path, test[::-1].copy())[1] == 180


def test_damaged_logits_are_computed_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    first, _ = classified(tmp_path, images(90, 1))
    (file,) = tmp_path.glob("*-logits-*.npz")
    whole = file.read_bytes()
    for damaged in (whole[:100], whole.replace(whole[600:620], b"\0" * 20), b""):
        file.write_bytes(damaged)
        again, given = classified(tmp_path, images(90, 1))
        assert (again, given) == (pytest.approx(first), 180)
        assert "computing the logits again" in caplog.text
        assert file.read_bytes() == whole
        caplog.clear()


def test_an_evaluation_that_was_given_up_keeps_no_logits(tmp_path: Path) -> None:
    left = iter([False] * 8)  # the check-sums' batches, and some of the pass
    scorer = Scorer(
        RID,
        classifier=linear_classifier(),
        test=ArrayImages(images(90, 1)),
        cache_dir=tmp_path,
        batch_size=10,
        interrupted=lambda: next(left, True),
    )
    with pytest.raises(GivenUpError):
        scorer.score(MODEL)
    assert list(tmp_path.glob("*-logits-*.npz")) == []


def test_fewer_images_than_a_metric_needs_are_refused(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match="test has 90 images, but 10000 are requested"):
        score(tmp_path, protocols.get("rid10k"))
    few = score(tmp_path, Protocol(metrics=("is", "fid"), samples=5))
    assert few.reasons["classifier_score_mean"] == "5 images cannot make 10 splits of the Inception Score"
    assert few.metrics["frechet_classifier_distance"] > 0  # type: ignore[operator]
    assert few.failed.keys() == {"is"}


def test_images_of_another_size_than_the_real_ones_are_refused(tmp_path: Path) -> None:
    small = of_images(ArrayImages(images(30)[:, :8, :8], "small"))
    scorer = Scorer(
        Protocol(metrics=("is",), samples=30), classifier=linear_classifier(), test=ArrayImages(images(30)), cache_dir=tmp_path
    )
    with pytest.raises(EvaluationError, match=r"small are \[8, 8, 3\], but the real ones are \[16, 16, 3\]"):
        scorer.score(small)


def test_an_evaluation_can_be_given_up_between_batches(tmp_path: Path) -> None:
    for after in (1, 4, 7):  # in the reference, among the samples, among the test images
        left = iter([False] * after)
        options = {"reference": ArrayImages(images(90, 2)), "interrupted": lambda left=left: next(left, True)}
        with pytest.raises(GivenUpError):
            score(tmp_path / str(after), Protocol(metrics=("fid", "rmse"), samples=90), **options)
        assert next(left, None) is None


def test_two_folders_are_scored_against_each_other_in_one_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = images(30), images(30, 1)
    real = FolderImages(folder_of(tmp_path / "real", {f"{i:02d}.png": x[i] for i in range(30)}))
    fake = FolderImages(folder_of(tmp_path / "fake", {f"{i:02d}.png": y[i] for i in range(30)}))
    scorer = Scorer(
        Protocol(metrics=("fid", "rid", "rmse"), samples=30),
        classifier=linear_classifier(),
        test=real,
        reference=real,
        cache_dir=tmp_path,
    )
    seen: list[int] = []
    extract = FeatureExtractor.__call__

    def counted(self: FeatureExtractor, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        seen.append(len(x))
        return extract(self, x)

    monkeypatch.setattr(FeatureExtractor, "__call__", counted)
    metrics = scorer.score(of_images(fake)).metrics
    assert sum(seen) == 90  # the reference, the fakes once, and the originals of RID
    apart = Scorer(Protocol(metrics=("fid",), samples=30), classifier=linear_classifier(), reference=real, cache_dir=tmp_path)
    assert metrics["frechet_classifier_distance"] == pytest.approx(
        apart.score(of_images(fake)).metrics["frechet_classifier_distance"], rel=1e-9
    )
    rmse = np.linalg.norm((x / 255.0 - y / 255.0).reshape(30, -1), axis=1).mean()
    assert metrics["rmse"] == pytest.approx(rmse, rel=1e-9)
    assert scorer.score(of_images(real)).metrics["frechet_classifier_distance"] == pytest.approx(0.0, abs=1e-9)


def test_folders_pair_by_name_and_what_does_not_leaves_the_other_metrics(tmp_path: Path) -> None:
    x = images(12)
    real = FolderImages(folder_of(tmp_path / "real", {f"{i:02d}.png": x[i] for i in range(12)}))
    fake = FolderImages(folder_of(tmp_path / "fake", {f"{i}.png": x[i] for i in range(12)}))  # sorted 0, 1, 10, 11, 2
    fewer = FolderImages(folder_of(tmp_path / "fewer", {f"{i:02d}.png": x[i] for i in range(8)}))
    named = "00 in .*real and 0 in .*fake cannot be paired: give them the same name"
    for other, count, reason in ((fake, 12, named), (fake, 8, named), (fewer, 8, "12 images in .* cannot be paired")):
        protocol = Protocol(metrics=("is", "rmse", "critic"), samples=count, splits=2)
        scorer = Scorer(protocol, classifier=linear_classifier(), test=real)
        scores = scorer.score(of_images(other))
        assert scores.metrics["classifier_score_mean"] is not None
        assert scores.metrics["rmse"] is None
        assert re.search(reason, scores.reasons["rmse"])
        assert scores.metrics["negative_wasserstein_distance"] is None


def test_kid_of_images_that_come_class_by_class_is_of_all_classes(tmp_path: Path) -> None:
    """More images than KID looks at, sorted: the first ones alone would be of one kind."""
    dark, bright = images(3000, 1) // 4, images(3000, 2) // 4 + 190
    sorted_ones = np.concatenate([dark, bright])
    mixed = ArrayImages(sorted_ones[np.random.default_rng(0).permutation(6000)], "mixed")
    scorer = Scorer(
        Protocol(metrics=("kid",), samples=6000),
        classifier=linear_classifier(),
        reference=ArrayImages(sorted_ones, "sorted"),
        batch_size=500,
        cache_dir=tmp_path,
    )
    metrics = scorer.score(of_images(mixed)).metrics
    distance, error = metrics["kernel_classifier_distance"], metrics["kernel_classifier_distance_error"]
    assert distance is not None
    assert error is not None
    assert abs(distance) < 4 * error
    assert scorer.score(of_images(mixed)).protocol["kid_images"] == 5000
