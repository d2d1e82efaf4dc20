"""The pass that scores: sources, the classifier on every batch and replica, the reference's cache, results and comparison."""

import csv
import dataclasses
import json
import math
import multiprocessing
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from tensorflow_gan.python.eval import classifier_metrics as tfgan

from tfpagan.evaluation import protocols, reference
from tfpagan.evaluation.classifiers.classifier import Classifier
from tfpagan.evaluation.classifiers.features import FeatureExtractor
from tfpagan.evaluation.classifiers.preprocessing import for_classifier
from tfpagan.evaluation.errors import EvaluationError, GivenUpError
from tfpagan.evaluation.images import (
    ArrayImages,
    DatasetImages,
    FolderImages,
    GeneratedImages,
    Pairs,
    checksum,
    first,
    to_bytes,
)
from tfpagan.evaluation.protocols import Protocol
from tfpagan.evaluation.results import Scores, append_csv_row, comparison, last_row, result
from tfpagan.evaluation.scorer import Scorer
from tfpagan.evaluation.subjects import Subject, of_images, of_networks, of_saved_model

PX = 16
ALL = tuple(name for name in protocols.METRICS if name != "critic")


def images(n: int, seed: int = 0, channels: int = 3) -> np.ndarray:
    """Smooth random images, so that a classifier has something to see."""
    coarse = np.random.default_rng(seed).integers(0, 256, [n, 4, 4, channels]).astype(np.uint8)
    return coarse.repeat(4, 1).repeat(4, 2)


def linear_classifier(classes: int = 5, dimensions: int = 6, channels: int = 3, name: str = "linear") -> Classifier:
    """Logits and features that are linear in the pixels: small, exact and different for different images."""
    random = np.random.default_rng(9)
    to_features = tf.constant(random.normal(size=[PX * PX * channels, dimensions]) / 10, tf.float32)
    to_logits = tf.constant(random.normal(size=[dimensions, classes]), tf.float32)

    def outputs(x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        features = tf.reshape(x, [tf.shape(x)[0], -1]) @ to_features
        return features @ to_logits, features

    return Classifier(name, "0123456789abcdef", (PX, PX, channels), outputs)


Z = 7
DECODER = np.random.default_rng(3).normal(size=[Z, PX * PX * 3]).astype(np.float32)


def decode(z: np.ndarray) -> np.ndarray:
    return np.tanh(z @ DECODER / 3).reshape(-1, PX, PX, 3)


def encode(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    mean = (x.reshape(len(x), -1) @ DECODER.T / 100).astype(np.float32)
    return mean, np.full_like(mean, -2.0)


MODEL = of_networks("model", decode, Z, encode)


def score(tmp_path: Path, protocol: Protocol | None = None, batch_size: int = 32, **options: object) -> Scores:
    settings = {"test": ArrayImages(images(90, 1), "test"), "reference": ArrayImages(images(300, 2), "train")} | options
    chosen = protocol or Protocol(metrics=ALL, samples=101)
    scorer = Scorer(chosen, classifier=linear_classifier(), batch_size=batch_size, cache_dir=tmp_path, **settings)  # type: ignore[arg-type]
    return scorer.score(MODEL)


def test_evaluation_imports_nothing_of_tfpagan() -> None:
    for file in Path(protocols.__file__).parent.glob("*.py"):
        assert not re.search(r"^\s*(from|import) tfpagan", file.read_text(), re.MULTILINE), file


# The whole pass


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


# Sources


def folder_of(tmp_path: Path, pictures: dict[str, np.ndarray]) -> Path:
    for name, picture in pictures.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(tf.io.encode_png(picture).numpy())
    return tmp_path


def test_arrays_folders_and_data_sets_are_the_same_images(tmp_path: Path) -> None:
    x = images(10)
    folder = FolderImages(folder_of(tmp_path, {f"{i % 2}/{i:02d}.png": x[i] for i in range(10)}))
    expected = checksum(ArrayImages(np.concatenate([x[::2], x[1::2]])))  # by path: 0/ before 1/
    assert checksum(folder) == expected
    assert checksum(ArrayImages(x)) == checksum(DatasetImages(tf.data.Dataset.from_tensor_slices(x), 10)) != expected
    floats = tf.data.Dataset.from_tensor_slices((x.astype(np.float32) / 127.5 - 1, np.arange(10)))
    assert checksum(DatasetImages(floats, 10)) == checksum(ArrayImages(x))
    as_tfds = tf.data.Dataset.from_tensor_slices({"image": x, "label": np.arange(10)})
    assert checksum(DatasetImages(as_tfds, 10)) == checksum(ArrayImages(x))


@pytest.mark.parametrize(
    ("name", "picture", "message"),
    [
        ("b.png", np.zeros([PX, 8, 3], np.uint8), r"b.png is 16 x 8 with 3 channel\(s\), and .*a.png is 16 x 16"),
        ("b.png", np.zeros([PX, PX, 1], np.uint8), "16 x 16 with 1 channel"),
        ("b.png", np.zeros([PX, PX, 4], np.uint8), "b.png has 4 channels; 1 or 3 are wanted, without transparency"),
        ("b.png", np.zeros([PX, PX, 3], np.uint16), "b.png has 16 bits a sample; 8 are wanted"),
    ],
)
def test_folders_of_mixed_images_are_refused(tmp_path: Path, name: str, picture: np.ndarray, message: str) -> None:
    folder = FolderImages(folder_of(tmp_path, {"a.png": images(1)[0], name: picture}))
    with pytest.raises(EvaluationError, match=message):
        list(folder.batches(10))


def test_links_are_followed_and_hidden_folders_are_not(tmp_path: Path) -> None:
    folder_of(tmp_path / "elsewhere", {"b.png": images(1, 1)[0], ".thumbs/c.png": images(1, 2)[0]})
    folder = folder_of(tmp_path / "here", {"a.png": images(1)[0], ".hidden.png": images(1)[0]})
    (folder / "more").symlink_to(tmp_path / "elsewhere")
    assert FolderImages(folder).names == ["a", "more/b"]
    (folder / "gone.png").symlink_to(tmp_path / "nowhere.png")
    with pytest.raises(EvaluationError, match=r"gone\.png is no file that can be read"):
        FolderImages(folder)
    (folder / "gone.png").unlink()
    (folder / "loop").symlink_to(folder)
    with pytest.raises(EvaluationError, match="loop is a link that leads back to where it lies"):
        FolderImages(folder)


def test_files_that_are_no_images_are_named(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match="there is no folder"):
        FolderImages(tmp_path / "nowhere")
    with pytest.raises(EvaluationError, match="holds no images"):
        FolderImages(tmp_path)
    folder_of(tmp_path, {"a.png": images(1)[0]})
    (tmp_path / ".hidden").write_text("")
    (tmp_path / "b.png").write_bytes(b"\x89PNG and no more")
    with pytest.raises(EvaluationError, match=r"b.png cannot be decoded"):
        list(FolderImages(tmp_path).batches(10))
    (tmp_path / "notes.txt").write_text("")
    with pytest.raises(EvaluationError, match=r"notes\.txt is no image"):
        FolderImages(tmp_path)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (np.zeros([2, PX, PX, 2], np.uint8), r"\[2, 16, 16, 2\] cannot be scored"),
        (np.zeros([PX, PX, 3], np.uint8), r"\[N, H, W, C\] with 1 or 3 channels is wanted"),
        (np.zeros([2, PX, PX, 3], np.int32), "type int32"),
        (np.full([2, PX, PX, 3], 255.0), r"in \[0, 255\] cannot be scored; they must be in \[-1, 1\]"),
        (np.full([2, PX, PX, 3], np.nan), "cannot be scored"),
    ],
)
def test_arrays_that_are_no_images_are_refused(wrong: np.ndarray, message: str) -> None:
    with pytest.raises(EvaluationError, match=message):
        to_bytes(wrong)


def test_floats_between_zero_and_one_are_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    to_bytes(images(5).astype(np.float32) / 255)
    assert "taken as in [-1, 1], not [0, 1]" in caplog.text


def test_a_data_set_that_ends_early_says_so() -> None:
    short = DatasetImages(tf.data.Dataset.from_tensor_slices(images(5)), 8)
    with pytest.raises(EvaluationError, match="ended 3 images before the 8"):
        list(short.batches(2))


def test_data_sets_that_are_no_images_of_one_size_are_refused() -> None:
    sizes = tf.data.Dataset.from_generator(
        lambda: (np.zeros([n, n, 3], np.uint8) for n in (8, 9)), output_signature=tf.TensorSpec([None, None, 3], tf.uint8)
    )
    with pytest.raises(EvaluationError, match="cannot be read as images of one size: Cannot batch tensors"):
        list(DatasetImages(sizes, 2).batches(2))
    with pytest.raises(EvaluationError, match="elements with label have no image"):
        list(DatasetImages(tf.data.Dataset.from_tensor_slices({"label": [1]}), 1).batches(1))


def test_the_first_images_are_the_first_whatever_the_batch() -> None:
    x = images(10)
    for size in (3, 7, 20):
        np.testing.assert_array_equal(np.concatenate(list(first(ArrayImages(x), 7).batches(size))), x[:7])
    with pytest.raises(EvaluationError, match="has 10 images; 11 are asked for"):
        first(ArrayImages(x), 11)


def test_samples_depend_on_the_seed_alone() -> None:
    def drawn(seed: int, size: int) -> np.ndarray:
        return np.concatenate(list(GeneratedImages(decode, Z, 11, seed=seed, name="").batches(size)))

    np.testing.assert_array_equal(drawn(0, 3), drawn(0, 11))
    assert (drawn(0, 3) != drawn(1, 3)).any()


def test_pairs_must_match() -> None:
    with pytest.raises(EvaluationError, match="make no pairs"):
        Pairs(ArrayImages(images(3)), ArrayImages(images(4)))
    with pytest.raises(EvaluationError, match="do not have the shape"):
        list(Pairs(ArrayImages(images(3)), lambda x: x[:, :8]).batches(2))


# Preprocessing and features


def test_the_resize_is_tensorflow_1s() -> None:
    """Output i looks at input i * (in / out), without half pixels: 2 px become 4 as a, (a + b) / 2, b, b."""
    x = tf.constant([[[[0], [200]], [[0], [200]]]], tf.uint8)
    given = for_classifier(x, (4, 4, 3)).numpy() * 128 + 128
    np.testing.assert_allclose(given[0, 1, :, 2], [0, 100, 200, 200])
    same = images(2)
    np.testing.assert_array_equal(for_classifier(tf.constant(same), (PX, PX, 3)), (same.astype(np.float32) - 128) / 128)


def test_features_that_are_not_finite_are_an_error() -> None:
    for bad in (np.nan, np.inf):

        def outputs(x: tf.Tensor, bad: float = bad) -> tuple[tf.Tensor, tf.Tensor]:
            features = tf.reduce_mean(x, [1, 2])
            return features, features * bad

        with pytest.raises(EvaluationError, match="gives features that are not finite"):
            FeatureExtractor(Classifier("bad", "0", (PX, PX, 3), outputs))(images(4))


def test_colour_for_a_greyscale_classifier_is_refused() -> None:
    with pytest.raises(EvaluationError, match="takes greyscale images"):
        FeatureExtractor(linear_classifier(channels=1))(images(4))


# The reference


def test_a_file_of_other_images_under_the_name_is_not_taken(tmp_path: Path) -> None:
    extract = FeatureExtractor(linear_classifier())
    expected = reference.of_images(ArrayImages(images(30, 2)), extract, cache_dir=tmp_path / "a", batch_size=8)
    reference.of_images(ArrayImages(images(30, 3)), extract, cache_dir=tmp_path / "b", batch_size=8)
    (right,), (wrong,) = (list((tmp_path / name).iterdir()) for name in ("a", "b"))
    wrong.replace(right)
    again = reference.of_images(ArrayImages(images(30, 2)), extract, cache_dir=tmp_path / "a", batch_size=8)
    np.testing.assert_array_equal(again.moments.covariance(), expected.moments.covariance())


def test_the_reference_is_cached_under_everything_that_matters(tmp_path: Path) -> None:
    extract, other = FeatureExtractor(linear_classifier()), FeatureExtractor(linear_classifier(name="other"))
    real = images(30, 2)
    one = reference.of_images(ArrayImages(real), extract, cache_dir=tmp_path, batch_size=8)
    (file,) = tmp_path.iterdir()
    again = reference.of_images(ArrayImages(real, "by another name"), extract, cache_dir=tmp_path, batch_size=30)
    np.testing.assert_array_equal(one.moments.covariance(), again.moments.covariance())
    np.testing.assert_array_equal(one.features, again.features)
    real[0, 0, 0, 0] ^= 1
    reference.of_images(ArrayImages(real), extract, cache_dir=tmp_path, batch_size=8)
    reference.of_images(ArrayImages(real), other, cache_dir=tmp_path, batch_size=8)
    assert len(list(tmp_path.iterdir())) == 3
    file.write_bytes(file.read_bytes()[:100])  # half a file is made again
    real[0, 0, 0, 0] ^= 1
    mended = reference.of_images(ArrayImages(real), extract, cache_dir=tmp_path, batch_size=8)
    np.testing.assert_allclose(mended.moments.covariance(), one.moments.covariance(), rtol=1e-12)


def test_statistics_of_other_tools_give_a_fid_and_no_kid(tmp_path: Path) -> None:
    _, features = FeatureExtractor(linear_classifier())(images(300, 2))
    np.savez(tmp_path / "theirs.npz", mu=features.mean(0), sigma=np.cov(features.T))
    protocol = Protocol(metrics=("fid", "kid"), samples=101)
    theirs = score(tmp_path, protocol, reference=reference.of_file(tmp_path / "theirs.npz"))
    ours = score(tmp_path, protocol)
    key = "frechet_classifier_distance"
    assert theirs.metrics[key] == pytest.approx(ours.metrics[key], rel=1e-5)
    assert "holds no features" in theirs.reasons["kernel_classifier_distance"]


# Protocols


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"metrics": ("fdi",)}, "unknown metric 'fdi'; known: is, fid"),
        ({"metrics": ()}, "no metric is asked for"),
        ({"samples": 1}, "1 images cannot be scored; at least 2"),
        ({"code": "mode"}, "code 'mode' is not legal; it must be mean or draw"),
        ({"splits": 0}, "0 splits"),
    ],
)
def test_protocols_that_cannot_be_are_refused(fields: dict, message: str) -> None:
    with pytest.raises(EvaluationError, match=message):
        Protocol(**fields)
    with pytest.raises(EvaluationError, match=r"unknown protocol 'is5k'; known: .*is50k, fid50k, rid10k"):
        protocols.get("is5k")


def test_fewer_images_than_a_metric_needs_are_refused(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match="test has 90 images; 10000 are asked for"):
        score(tmp_path, protocols.get("rid10k"))
    few = score(tmp_path, Protocol(metrics=("is", "fid"), samples=5))
    assert few.reasons["classifier_score_mean"] == "5 images cannot make 10 splits of the Inception Score"
    assert few.metrics["frechet_classifier_distance"] > 0  # type: ignore[operator]
    assert few.failed.keys() == {"is"}


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


def test_images_of_another_size_than_the_real_ones_are_refused(tmp_path: Path) -> None:
    small = of_images(ArrayImages(images(30)[:, :8, :8], "small"))
    scorer = Scorer(
        Protocol(metrics=("is",), samples=30), classifier=linear_classifier(), test=ArrayImages(images(30)), cache_dir=tmp_path
    )
    with pytest.raises(EvaluationError, match=r"small are \[8, 8, 3\], and the real ones \[16, 16, 3\]"):
        scorer.score(small)


def test_statistics_of_another_classifier_are_refused(tmp_path: Path) -> None:
    extract = FeatureExtractor(linear_classifier())
    reference.of_images(ArrayImages(images(30, 2)), extract, cache_dir=tmp_path, batch_size=8)
    (file,) = tmp_path.iterdir()
    assert reference.of_file(file, linear_classifier()).count == 30
    other = dataclasses.replace(linear_classifier(name="other"), checksum="f" * 16)
    with pytest.raises(EvaluationError, match="was made with classifier 0123456789abcdef, and other is ffffffffffffffff"):
        reference.of_file(file, other)


# Subjects


def test_an_export_is_scored_as_the_model_is(tmp_path: Path) -> None:
    class Served(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None, Z], tf.float32, "latents")])
        def decode(self, latents: tf.Tensor) -> dict[str, tf.Tensor]:
            return {"images": tf.reshape(tf.tanh(latents @ DECODER / 3), [-1, PX, PX, 3])}

        @tf.function(input_signature=[tf.TensorSpec([None, PX, PX, 3], tf.float32, "images")])
        def encode(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
            mean = tf.reshape(images, [-1, PX * PX * 3]) @ DECODER.T / 100
            return {"latents": mean, "mean": mean, "log_variance": tf.fill(tf.shape(mean), -2.0)}

        @tf.function(input_signature=[tf.TensorSpec([None, PX, PX, 3], tf.float32, "images")])
        def reconstruct(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
            return self.decode(self.encode(images)["mean"])

    served = Served()
    reconstructions = Scorer(
        Protocol(metrics=("rmse", "fid"), samples=101), classifier=linear_classifier(), test=ArrayImages(images(90, 1))
    )
    tf.saved_model.save(served, str(tmp_path / "export"), {"decode": served.decode, "encode": served.encode})
    scorer = Scorer(Protocol(metrics=ALL, samples=101), classifier=linear_classifier(), test=ArrayImages(images(90, 1)))
    given = scorer.score(of_saved_model(tmp_path / "export")).metrics
    for key, value in scorer.score(MODEL).metrics.items():
        assert given[key] == (None if value is None else pytest.approx(value, rel=1e-3, abs=1e-4)), key
    with pytest.raises(EvaluationError, match="is no SavedModel that can be read"):
        of_saved_model(tmp_path / "nowhere")
    tf.saved_model.save(served, str(tmp_path / "swapped"), {"decode": served.encode, "encode": served.encode})
    with pytest.raises(
        EvaluationError, match=r"the signature decode takes images and gives .*; one input and images are wanted"
    ):
        of_saved_model(tmp_path / "swapped")
    other = Scorer(Protocol(metrics=("rmse",)), test=ArrayImages(images(9, channels=1)))
    with pytest.raises(EvaluationError, match=r"takes images \[16, 16, 3\]; these are \[16, 16, 1\]"):
        other.score(of_saved_model(tmp_path / "export"))
    known = reconstructions.score(MODEL).metrics
    tf.saved_model.save(served, str(tmp_path / "reconstructing"), {"reconstruct": served.reconstruct})
    found = reconstructions.score(of_saved_model(tmp_path / "reconstructing"))
    assert found.metrics["rmse"] == pytest.approx(known["rmse"], rel=1e-3)
    assert found.reasons["frechet_classifier_distance"].endswith("gives no samples")
    with pytest.raises(EvaluationError, match=r"takes images \[16, 16, 3\]; these are \[16, 16, 1\]"):
        other.score(of_saved_model(tmp_path / "reconstructing"))
    drawn = Scorer(Protocol(metrics=("rmse",), code="draw"), test=ArrayImages(images(9)))
    assert "of codes that are drawn it has none" in drawn.score(of_saved_model(tmp_path / "reconstructing")).reasons["rmse"]
    tf.saved_model.save(tf.Module(), str(tmp_path / "empty"))
    with pytest.raises(EvaluationError, match="no signature decode"):
        of_saved_model(tmp_path / "empty")


FOREIGN: dict[str, tuple[Callable[[tf.Tensor], tf.Tensor], Callable[[tf.Tensor], dict[str, tf.Tensor]], str]] = {
    "bytes": (
        lambda z: tf.zeros([tf.shape(z)[0], PX, PX, 3], tf.uint8),
        lambda x: dict.fromkeys(("mean", "log_variance"), tf.zeros([tf.shape(x)[0], Z])),
        "decode gives uint8",
    ),
    "another Z": (
        lambda z: tf.zeros([tf.shape(z)[0], PX, PX, 3]),
        lambda x: dict.fromkeys(("mean", "log_variance"), tf.zeros([tf.shape(x)[0], Z + 1])),
        "encode gives mean of 8 dimensions, and decode takes 7",
    ),
    "one variance": (
        lambda z: tf.zeros([tf.shape(z)[0], PX, PX, 3]),
        lambda x: {"mean": tf.zeros([tf.shape(x)[0], Z]), "log_variance": tf.zeros([tf.shape(x)[0], 1])},
        "encode gives log_variance of 1 dimensions, and decode takes 7",
    ),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_exports_of_another_form_are_refused_in_one_line(tmp_path: Path, name: str) -> None:
    decoder, encoder, message = FOREIGN[name]
    module = tf.Module()
    module.decode = tf.function(lambda z: {"images": decoder(z)}, input_signature=[tf.TensorSpec([None, Z], tf.float32, "z")])
    module.encode = tf.function(encoder, input_signature=[tf.TensorSpec([None, PX, PX, 3], tf.float32, "x")])
    tf.saved_model.save(module, str(tmp_path / "e"), {"decode": module.decode, "encode": module.encode})
    with pytest.raises(EvaluationError, match=message):
        of_saved_model(tmp_path / "e")


def test_folders_pair_by_name_and_what_does_not_leaves_the_other_metrics(tmp_path: Path) -> None:
    x = images(12)
    real = FolderImages(folder_of(tmp_path / "real", {f"{i:02d}.png": x[i] for i in range(12)}))
    fake = FolderImages(folder_of(tmp_path / "fake", {f"{i}.png": x[i] for i in range(12)}))  # sorted 0, 1, 10, 11, 2
    fewer = FolderImages(folder_of(tmp_path / "fewer", {f"{i:02d}.png": x[i] for i in range(8)}))
    named = "00 in .*real and 0 in .*fake make no pair: name them alike"
    for other, count, reason in ((fake, 12, named), (fake, 8, named), (fewer, 8, "make no pairs")):
        protocol = Protocol(metrics=("is", "rmse", "critic"), samples=count, splits=2)
        scorer = Scorer(protocol, classifier=linear_classifier(), test=real)
        scores = scorer.score(of_images(other))
        assert scores.metrics["classifier_score_mean"] is not None
        assert scores.metrics["rmse"] is None
        assert re.search(reason, scores.reasons["rmse"])
        assert scores.metrics["negative_wasserstein_distance"] is None


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


# Results


def test_values_that_are_not_finite_are_null_with_a_reason() -> None:
    r = result({"a": math.inf, "b": None, "c": 1.5}, {"b": "why"}, {"name": "p"}, subject={}, versions={})
    assert json.loads(r.to_json())["metrics"] == {"a": None, "b": None, "c": 1.5}
    assert r.reasons == {"a": "it is inf", "b": "why"}
    assert "- (why)" in r.table()
    details = {"per": {"mean": [1.0, math.inf]}, "of": "m"}
    kept = result({}, {}, {}, subject={}, versions={}, details=details)
    assert json.loads(kept.to_json())["details"] == {"per": {"mean": [1.0, None]}, "of": "m"}


def row(step: int, value: float, **protocol: object):  # type: ignore[no-untyped-def]
    facts = {"name": "p", "samples": 10} | protocol
    return result({"rmse": value}, {}, facts, subject={"model": "m", "step": step}, versions={})


def test_scores_csv_grows_new_columns_and_keeps_every_digit(tmp_path: Path) -> None:
    append_csv_row(tmp_path / "scores.csv", row(1, 1 / 3))
    more = result({"rid": 2.0, "psnr": None}, {"psnr": "exact"}, {"name": "p"}, subject={"model": "m", "step": 2}, versions={})
    append_csv_row(tmp_path / "scores.csv", more)
    with (tmp_path / "scores.csv").open(newline="") as f:
        rows = list(csv.DictReader(f))
    assert [r["rmse"] for r in rows] == [repr(1 / 3), ""]
    assert [r["rid"] for r in rows] == ["", "2.0"]
    assert sorted(p.name for p in tmp_path.iterdir()) == [".scores.csv.lock", "scores.csv"]


def _append_rows(file: Path) -> None:
    for step in range(20):
        append_csv_row(file, row(step, 1.0))


def test_two_processes_lose_no_row_of_each_other(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        pool.map(_append_rows, [tmp_path / "s.csv"] * 2)
    with (tmp_path / "s.csv").open(newline="") as f:
        assert len(list(csv.DictReader(f))) == 40


def test_runs_under_one_protocol_stand_side_by_side(tmp_path: Path) -> None:
    for name, value in (("a", 1.25), ("b", 2.5)):
        append_csv_row(tmp_path / name, row(7, value))
    table = comparison({name: last_row(tmp_path / name) for name in ("a", "b")})
    assert "rmse  1.25  2.5" in table
    assert "step     7    7" in table


def test_mixed_protocols_are_refused_and_the_field_is_named(tmp_path: Path) -> None:
    append_csv_row(tmp_path / "a", row(7, 1.0))
    append_csv_row(tmp_path / "b", row(7, 1.0, samples=20))
    with pytest.raises(EvaluationError, match=r"different protocols \(samples: 10 and 20\)"):
        comparison({name: last_row(tmp_path / name) for name in ("a", "b")})
    with pytest.raises(EvaluationError, match="holds no scores of protocol fid50k"):
        last_row(tmp_path / "a", "fid50k")
    with pytest.raises(EvaluationError, match="holds no scores"):
        last_row(tmp_path / "nowhere")


def test_a_damaged_table_loses_only_what_is_damaged(tmp_path: Path) -> None:
    append_csv_row(tmp_path / "s.csv", row(7, 1.0))
    with (tmp_path / "s.csv").open("ab") as f:
        f.write(b"\xff\xfe,1,{broken\n")
    assert last_row(tmp_path / "s.csv")["step"] == "7"
    append_csv_row(tmp_path / "s.csv", row(8, 2.0))
    assert last_row(tmp_path / "s.csv", "p")["rmse"] == "2.0"
