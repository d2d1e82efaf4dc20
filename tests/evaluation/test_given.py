"""`tfpagan.evaluation.score`: the same images as arrays, tf.data, folders and files score the same."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from helpers.classifiers import write
from helpers.scored import PX, folder_of, images, linear_classifier

from tfpagan import cli
from tfpagan.evaluation import score
from tfpagan.evaluation.errors import EvaluationError
from tfpagan.evaluation.statistics import Moments, write_npz

REAL, FAKE, AGAIN = images(60, 1), images(50, 2), images(60, 3)
LINEAR = linear_classifier()
ALL = ["is", "fid", "kid", "rid", "rmse", "fid_rec", "ms_ssim"]


def scored(tmp_path: Path, metrics: Any = None, **given: Any) -> Any:
    return score(metrics=metrics, **{"classifier": LINEAR, "cache_dir": tmp_path, **given})


def written(folder: Path, pictures: np.ndarray) -> Path:
    return folder_of(folder, {f"{i:03d}.png": picture for i, picture in enumerate(pictures)})


def forms(tmp_path: Path, name: str, pictures: np.ndarray) -> list[Any]:
    np.savez(tmp_path / f"{name}.npz", arr_0=pictures)
    np.save(tmp_path / f"{name}.npy", pictures)
    data = tf.data.Dataset.from_tensor_slices((pictures, np.zeros(len(pictures))))
    return [
        pictures.astype(np.float32) / 127.5 - 1.0,
        tf.constant(pictures),
        list(pictures),
        data,
        data.batch(7),
        data.map(lambda image, label: {"image": image, "label": label}),
        data.filter(lambda image, label: True),  # of a length that is not known
        written(tmp_path / name, pictures),
        str(tmp_path / f"{name}.npz"),
        tmp_path / f"{name}.npy",
    ]


def test_all_forms_have_the_same_scores(tmp_path: Path) -> None:
    wanted = scored(tmp_path, ALL, real=REAL, fake=FAKE, reconstructions=AGAIN)
    assert [key for key, value in wanted.metrics.items() if value is None] == ["kernel_classifier_distance_error"]
    kinds = (forms(tmp_path, name, pictures) for name, pictures in (("real", REAL), ("fake", FAKE), ("again", AGAIN)))
    for real, fake, again in zip(*kinds, strict=True):
        found = scored(tmp_path, ",".join(ALL), real=real, fake=fake, reconstructions=again, batch_size=13)
        for key, value in wanted.metrics.items():
            assert found.metrics[key] == (value if value is None else pytest.approx(value, rel=1e-5)), key
        same = ("test_checksum", "reference_checksum", "samples", "test_count", "classifier_checksum", "splits", "seed")
        assert {name: found.protocol[name] for name in same} == {name: wanted.protocol[name] for name in same}


def test_they_are_what_the_command_prints(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    network = write(tmp_path / "network", shape=(PX, PX, 3))
    real, fake = written(tmp_path / "real", REAL), written(tmp_path / "fake", AGAIN)
    flags = [f"--real={real}", f"--fake={fake}", "--metrics=is,fid,rid,rmse", f"--classifier={network}", "--json"]
    assert cli.run("evaluate", [*flags, f"--cache_dir={tmp_path}"]) == 0
    printed = json.loads(capsys.readouterr().out)
    found = scored(tmp_path, "is,fid,rid,rmse", real=REAL, fake=AGAIN, reconstructions=AGAIN, classifier=network)
    assert found.metrics == pytest.approx(printed["metrics"], rel=1e-5)
    assert found.versions == printed["versions"]
    assert json.loads(found.to_json())["protocol"]["reference_checksum"] == printed["protocol"]["reference_checksum"]
    of_numpy = {"samples": np.int64(len(AGAIN)), "splits": np.int32(2), "seed": np.uint8(3)}
    protocol = json.loads(scored(tmp_path, "is", fake=AGAIN, classifier=network, **of_numpy).to_json())["protocol"]
    assert (protocol["samples"], protocol["splits"], protocol["seed"]) == (len(AGAIN), 2, 3)


@pytest.mark.parametrize(
    ("given", "keys"),
    [
        ({"fake": FAKE}, {"classifier_score_mean", "classifier_score_std"}),
        (
            {"fake": FAKE, "real": REAL},
            {"classifier_score_mean", "frechet_classifier_distance", "kernel_classifier_distance"},
        ),
        ({"reconstructions": AGAIN, "real": REAL}, {"rmse", "class_kept"}),
    ],
)
def test_the_metrics_suit_what_is_given(given: dict[str, Any], keys: set[str], tmp_path: Path) -> None:
    found = scored(tmp_path, **given)
    assert keys <= found.metrics.keys()
    assert found.reasons.keys() <= {"kernel_classifier_distance_error"}


def test_a_metric_without_its_images_has_a_reason(tmp_path: Path) -> None:
    found = scored(tmp_path, ["is", "fid", "rmse"], fake=FAKE)
    assert found.metrics["classifier_score_mean"] is not None
    assert found.reasons["frechet_classifier_distance"] == "no reference images"
    assert found.reasons["rmse"] == "fake gives no reconstructions"
    assert "frechet_classifier_distance  - (no reference images)" in found.table()


def test_a_choice_of_samples_is_seeded_and_said(tmp_path: Path) -> None:
    one, again, other = (scored(tmp_path, "is", fake=FAKE, samples=30, splits=2, seed=seed) for seed in (0, 0, 1))
    assert one.metrics == again.metrics != other.metrics
    assert (one.protocol["samples"], one.protocol["splits"], one.protocol["samples_chosen_with_seed"]) == (30, 2, 0)


def statistics_of(file: Path, pictures: np.ndarray) -> Path:
    _, features = LINEAR(tf.constant(pictures))
    write_npz(file, Moments.of(np.mean(features, 0), np.cov(features, rowvar=False), len(pictures)))
    return file


def test_statistics_stand_for_images(tmp_path: Path) -> None:
    wanted = scored(tmp_path, "fid", real=REAL, fake=FAKE).metrics
    real, fake = statistics_of(tmp_path / "a.npz", REAL), statistics_of(tmp_path / "b.npz", FAKE)
    for one, other in ((real, FAKE), (REAL, fake)):
        assert scored(tmp_path, "fid", real=one, fake=other).metrics == pytest.approx(wanted, rel=1e-4)
    (found,) = score(real=real, fake=fake, metrics="fid").metrics.values()  # of whatever features they are
    assert found == pytest.approx(wanted["frechet_classifier_distance"], rel=1e-4)
    with pytest.raises(EvaluationError, match="has nothing to do where both real and fake are statistics"):
        scored(tmp_path, "fid", real=real, fake=fake)


def test_the_classifier_that_comes_along_has_a_name(tmp_path: Path) -> None:
    digits = np.random.default_rng(0).integers(0, 256, [20, 28, 28]).astype(np.uint8)
    found = scored(tmp_path, real=digits, reconstructions=digits, classifier="mnist")
    assert (found.metrics["class_kept"], found.metrics["rmse"], found.protocol["classifier"]) == (1.0, 0.0, "mnist")


def test_without_inception_the_other_metrics_are_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TFHUB_CACHE_DIR", str(tmp_path))
    monkeypatch.delenv("TFPAGAN_INCEPTION", raising=False)
    found = score(real=REAL, reconstructions=AGAIN, metrics=["rid", "rmse"], cache_dir=tmp_path)
    assert found.metrics["rmse"] is not None
    assert found.reasons["reconstruction_inception_dissimilarity_mean"] == "no classifier: Inception is not available"
    with pytest.raises(EvaluationError, match="there is no /nowhere"):
        score(real=REAL, fake=FAKE, inception="/nowhere")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "there is nothing to score: give fake, reconstructions or both"),
        ({"real": REAL}, "there is nothing to score"),
        ({"reconstructions": AGAIN}, "reconstructions are scored beside real, the images that they are of"),
        ({"real": REAL, "reconstructions": AGAIN[:5]}, "60 images in real and 5 in reconstructions cannot be paired"),
        (
            {"real": REAL, "reconstructions": "FOLDER"},
            "has names to pair by, and real has none: give two folders",
        ),
        ({"fake": FAKE / 255.0}, "fake is float64 in [0, 1], with no value below 0: give uint8, or floats in [-1, 1]"),
        ({"fake": tf.data.Dataset.from_tensor_slices(FAKE / 255.0)}, "the first batch of fake is float64 in [0, 1], with no"),
        ({"fake": FAKE.astype(np.int32)}, "images of type int32 cannot be scored"),
        ({"fake": np.moveaxis(FAKE, 3, 1)}, "images of shape [50, 3, 16, 16] cannot be scored"),
        ({"fake": [FAKE[0], FAKE[0, :3]]}, "fake is list of shape [0]; it must be an array [N, H, W, C], a finite tf.data"),
        ({"fake": 3}, "fake is int of shape []; it must be"),
        ({"fake": FAKE[:1]}, "fake has 1 images; at least 2 are needed"),
        ({"fake": "/nowhere"}, "/nowhere does not exist; expected a folder of images, or an array"),
        ({"fake": FAKE, "metrics": "fids"}, "unknown metric 'fids' (did you mean fid?); known: is, fid"),
        ({"fake": FAKE, "samples": 51}, "fake has 50 images, but 51 are requested"),
        ({"fake": FAKE, "splits": 0}, "0 splits cannot be made"),
        ({"fake": FAKE, "seed": -1}, "seed -1 is not legal"),
        ({"fake": FAKE, "batch_size": 0}, "batch_size=0 is not legal"),
        ({"fake": tf.data.Dataset.from_tensors(FAKE[0]).repeat()}, "fake is a tf.data.Dataset without an end"),
        ({"fake": tf.data.Dataset.from_tensor_slices({"x": FAKE})}, "elements with x have no image to score"),
        ({"fake": FAKE, "classifier": "/nowhere"}, "/nowhere holds no classifier"),
        ({"fake": FAKE, "real": images(9, channels=1)}, "images of fake are [16, 16, 3], but the real ones are [16, 16, 1]"),
        ({"fake": images(19), "classifier": linear_classifier(channels=1)}, "takes greyscale images"),
    ],
)
def test_what_cannot_be_scored_is_one_line(given: dict[str, Any], message: str, tmp_path: Path) -> None:
    if isinstance(given.get("reconstructions"), str):
        given = given | {"reconstructions": written(tmp_path / "folder", REAL)}
    with pytest.raises(EvaluationError, match=f"^.*{re.escape(message)}.*$"):
        scored(tmp_path, **given)
