"""The statistics of real images: kept under everything that matters, or read from a file."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from helpers.scored import images, linear_classifier, score

from tfpagan.evaluation import reference
from tfpagan.evaluation.classifiers.features import FeatureExtractor
from tfpagan.evaluation.errors import EvaluationError
from tfpagan.evaluation.images import ArrayImages
from tfpagan.evaluation.protocols import Protocol


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


def test_statistics_of_another_classifier_are_refused(tmp_path: Path) -> None:
    extract = FeatureExtractor(linear_classifier())
    reference.of_images(ArrayImages(images(30, 2)), extract, cache_dir=tmp_path, batch_size=8)
    (file,) = tmp_path.iterdir()
    assert reference.of_file(file, linear_classifier()).count == 30
    other = dataclasses.replace(linear_classifier(name="other"), checksum="f" * 16)
    with pytest.raises(EvaluationError, match="was computed with classifier 0123456789abcdef, but other is ffffffffffffffff"):
        reference.of_file(file, other)
