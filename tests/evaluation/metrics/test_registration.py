"""What metrics declare: those of the package, and one from outside."""

import subprocess
import sys
from collections.abc import Iterator

import numpy as np
import pytest
from helpers.brightness import Brightness
from helpers.scored import MODEL, images, linear_classifier

from tfpagan.evaluation import metrics, protocols
from tfpagan.evaluation.errors import EvaluationError
from tfpagan.evaluation.images import ArrayImages
from tfpagan.evaluation.metrics import METRICS, Key, Metric, Need, Over
from tfpagan.evaluation.protocols import Protocol
from tfpagan.evaluation.scorer import Scorer
from tfpagan.evaluation.subjects import Subject

HIGHER = {
    *("inception_score_mean", "classifier_score_mean", "class_kept", "psnr"),
    *("ais_log_likelihood_nats", "negative_wasserstein_distance"),
}
LOWER = {
    *("frechet_inception_distance", "frechet_classifier_distance", "rmse", "nll_bound_nats", "nll_bound_bits_per_dim"),
    *("kernel_inception_distance", "kernel_classifier_distance"),
    *("frechet_inception_distance_of_reconstructions", "frechet_classifier_distance_of_reconstructions"),
    *("reconstruction_inception_dissimilarity_mean", "reconstruction_classifier_dissimilarity_mean"),
    *("reconstruction_inception_dissimilarity_median", "reconstruction_classifier_dissimilarity_median"),
}


@pytest.fixture
def brightness() -> Iterator[Metric]:
    yield metrics.register(Brightness())
    del METRICS["brightness"]


def test_the_directions_are_these() -> None:
    directions = {name: key.better for name, key in metrics.keys().items()}
    assert {name for name, better in directions.items() if better == "higher"} == HIGHER
    assert {name for name, better in directions.items() if better == "lower"} == LOWER


@pytest.mark.parametrize("name", METRICS)
def test_keys_are_the_metrics_own_and_say_inception_of_the_official_classifier_only(name: str) -> None:
    official, other = METRICS[name].keys(True), METRICS[name].keys(False)
    assert len(official) == len(other)
    assert not any("inception" in key.name for key in other)
    assert not any("classifier" in key.name for key in official)
    for key in (*official, *other):
        assert metrics.keys()[key.name] == key
        assert key.beside in ("", *(k.name for k in (*official, *other)))


def test_short_tags_are_the_official_classifiers() -> None:
    tags = {key.tag: name for name, key in metrics.keys().items() if key.tag}
    assert tags == {
        "inception_score": "inception_score_mean",
        "fid": "frechet_inception_distance",
        "kid": "kernel_inception_distance",
        "rid": "reconstruction_inception_dissimilarity_mean",
    }


def test_the_full_protocol_leaves_out_what_takes_long_or_few_models_have() -> None:
    assert protocols.get("full").metrics == ("is", "fid", "kid", "ms_ssim", "rid", "rmse", "fid_rec", "panel")


def test_a_metric_from_outside_is_measured_beside_the_others(brightness: Metric) -> None:
    protocol = Protocol(metrics=("brightness", "rmse"), samples=30)
    scorer = Scorer(protocol, classifier=linear_classifier(), test=ArrayImages(images(20)))
    assert "brightness" in [key.name for key in scorer.measured(MODEL)]
    scores = scorer.score(MODEL)
    samples = np.concatenate(list(MODEL.samples(30, 0).batches(7)))  # type: ignore[misc]
    assert scores.metrics["brightness"] == pytest.approx(samples.mean())
    assert next(iter(scores.metrics)) == "brightness"
    assert scores.protocol["samples"] == 30
    assert metrics.keys()["brightness"].improves(2.0, 1.0)
    with pytest.raises(
        EvaluationError, match=r"unknown metric 'brigtness' \(did you mean brightness\?\); known: is, .*, brightness"
    ):
        Protocol(metrics=("brigtness",))


def test_a_metric_is_known_while_it_is_registered_only() -> None:
    with pytest.raises(EvaluationError, match="unknown metric 'brightness'"):
        Protocol(metrics=("brightness",))


class Nameless(Brightness):
    name = "Bright Ness"


class Taken(Brightness):
    name = "rmse"


class TakenKey(Brightness):
    def keys(self, official: bool) -> tuple[Key, ...]:
        return (Key("psnr"),)


class Keyless(Brightness):
    def keys(self, official: bool) -> tuple[Key, ...]:
        return ()


class Undeclared(Brightness):
    needs = frozenset({Need.REFERENCE})


class Everywhere(Brightness):
    over = None  # type: ignore[assignment]


@pytest.mark.parametrize(
    ("metric", "message"),
    [
        (Taken(), "metric 'rmse' exists already; register yours under another name"),
        (TakenKey(), "metric 'brightness' has the key 'psnr' of another metric; name yours differently"),
        (Nameless(), "'Bright Ness' is not a legal metric name"),
        (Keyless(), "metric 'brightness' has no keys"),
        (Undeclared(), "needs a classifier's outputs but does not declare Need.CLASSIFIER"),
        (Everywhere(), "does not declare help, one line, and over, an Over"),
        (Brightness, "is not a metric: expected an instance of a class that derives from Metric"),
        (len, "<built-in function len> is not a metric"),
    ],
)
def test_what_cannot_be_registered_is_refused_in_one_line(metric: Metric, message: str) -> None:
    before = dict(METRICS)
    with pytest.raises(EvaluationError) as caught:
        metrics.register(metric)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert before == METRICS


def test_declarations_need_no_tensorflow() -> None:
    program = "import sys; from tfpagan.evaluation import metrics, protocols; assert 'tensorflow' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize(
    ("need", "reason"),
    [
        (Need.SAMPLES, "nothing gives no samples"),
        (Need.CLASSIFIER, "no network"),
        (Need.REFERENCE, "no reference images"),
        (Need.ENCODER, "nothing has no encoder"),
        (Need.DECODER, "nothing has no decoder that takes only codes"),
        (Need.LIKELIHOOD_BOUND, "nothing has no likelihood: its decoder returns images without a density"),
        (Need.DIFFERENTIABLE_DECODER, "nothing has no differentiable decoder"),
    ],
)
def test_what_a_metric_needs_and_is_not_there_is_the_reason_in_the_place_of_its_numbers(
    need: Need, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Demanding(Brightness):
        name, over, needs = "demanding", Over.TEST_IMAGES, frozenset({need})

    monkeypatch.setitem(METRICS, "demanding", Demanding())
    protocol = Protocol(metrics=("demanding",))
    scorer = Scorer(protocol, why_no_classifier="no network", test=ArrayImages(images(20)))
    assert scorer.score(Subject("nothing")).reasons["brightness"] == reason


def test_test_images_that_are_not_there_are_such_a_reason() -> None:
    scores = Scorer(Protocol(metrics=("critic", "rmse", "panel"))).score(MODEL)
    assert set(scores.reasons.values()) == {"no test images"}
