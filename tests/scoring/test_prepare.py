"""The classifier that scores a run: where it is looked for, and what is said when it is not available."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from helpers.classifiers import write

from tfpagan.data import Images
from tfpagan.data.shapes import builder
from tfpagan.evaluation.classifiers import inception, trained
from tfpagan.evaluation.classifiers.classifier import from_saved_model
from tfpagan.evaluation.errors import EvaluationError
from tfpagan.evaluation.protocols import Protocol
from tfpagan.scoring import prepare
from tfpagan.settings.sections import DataConfig

FID = Protocol(metrics=("fid", "rmse"))


def test_a_protocol_without_a_classifier_loads_none() -> None:
    assert prepare.classifier(Protocol(metrics=("rmse",)), "/nowhere") == (None, "no classifier is needed")


def test_inception_is_where_the_flag_or_the_variable_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TFHUB_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("TFPAGAN_INCEPTION", str(write(tmp_path / "one", 1008, 2048, (None, None, 3))))
    other = write(tmp_path / "two", 1008, 2048, (None, None, 3), signature=True)
    (first, _), (second, _) = prepare.classifier(FID, "inception"), prepare.classifier(FID, "inception", str(other))
    assert first is not None
    assert second is not None
    assert first.official
    assert first.checksum != second.checksum


def test_what_was_named_and_is_not_there_ends_the_evaluation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TFPAGAN_INCEPTION", str(tmp_path / "nowhere"))
    for flag, place in (("--inception", r"--inception or \$TFPAGAN_INCEPTION"), ("", r"\$TFPAGAN_INCEPTION")):
        with pytest.raises(EvaluationError, match=rf"there is no .*nowhere\. Set {place} to one of: "):
            prepare.classifier(FID, "inception", inception_flag=flag)


@pytest.mark.parametrize(
    ("flags", "named", "other"),
    [
        (
            {"inception_flag": "--inception"},
            ("Set --inception or $TFPAGAN_INCEPTION", "with --classifier"),
            "--eval_classifier",
        ),
        ({"flag": "--eval_classifier"}, ("Set $TFPAGAN_INCEPTION", "with --eval_classifier"), "--inception"),
    ],
)
def test_without_a_network_one_message_says_all_the_ways(
    flags: dict[str, str],
    named: tuple[str, ...],
    other: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("TFHUB_CACHE_DIR", str(tmp_path))
    monkeypatch.delenv("TFPAGAN_INCEPTION", raising=False)
    monkeypatch.setattr("tensorflow_hub.resolve", lambda handle: (_ for _ in ()).throw(OSError("no network")))
    assert prepare.classifier(FID, "inception", **flags) == (None, "no classifier: Inception is not available")
    (message,) = (record.getMessage() for record in caplog.records if "Inception" in record.getMessage())
    ways = (*named, "bin/train_classifier", "(ms_ssim, rmse, ")
    for part in (inception.HANDLE, "no network", "classify_image_graph_def.pb", *ways):
        assert part in message
    assert other not in message
    assert "\n" not in message


def test_downloads_stay_in_the_cache_of_this_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TFHUB_CACHE_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    folders: list[Path] = []
    monkeypatch.setattr(inception, "load", lambda path, cache_dir, how_to_get_it: folders.append(cache_dir))
    prepare.classifier(FID, "inception")
    assert folders == [tmp_path / "tfpagan/tfhub"]


@pytest.mark.parametrize(("dataset", "warns"), [("shapes", False), ("folder:/photos", True)])
def test_a_classifier_of_other_classes_is_said(dataset: str, warns: bool, caplog: pytest.LogCaptureFixture) -> None:
    pixels = np.zeros([4, 32, 32, 3], np.uint8)
    config = DataConfig(dataset=dataset, image_size=32, crop="none")
    images = Images(config, pixels, pixels, None, None, None, {"train": "0", "test": "1"}, 0)
    known, _ = prepare.classifier(FID, "shapes")
    prepare.scorer(FID, images, None, known, "")
    message = "classifier shapes knows the classes of shapes, not of these images"
    assert [message in record.getMessage() for record in caplog.records] == [True] * warns


def test_features_are_the_classifiers_and_have_gradients() -> None:
    images = builder.images_of("test", 0)[0][:3]
    x = tf.constant(images / 127.5 - 1.0, tf.float32)
    of_classifier = from_saved_model(trained.folder(Path("shapes")))(images)[1]
    with tf.GradientTape() as tape:
        tape.watch(x)
        found = prepare.features("shapes", 3)(x)
    np.testing.assert_allclose(found, of_classifier, rtol=1e-4, atol=1e-4)
    assert float(tf.reduce_min(tf.reduce_max(tf.abs(tape.gradient(found, x)), [1, 2, 3]))) > 0.0
    with pytest.raises(EvaluationError, match="classifier mnist takes greyscale images, but these have 3 channels"):
        prepare.features("mnist", 3)
