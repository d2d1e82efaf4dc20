"""Evaluations during training: on which images, which checkpoint they keep, and what interrupts them."""

import csv
import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from helpers.small_runs import PX, SIZES

from tfpagan import cli
from tfpagan.evaluation import protocols
from tfpagan.evaluation.classifiers import vgg
from tfpagan.evaluation.errors import EvaluationError
from tfpagan.evaluation.images import GeneratedImages
from tfpagan.evaluation.results import Scores
from tfpagan.evaluation.scorer import Scorer
from tfpagan.evaluation.subjects import Subject
from tfpagan.scoring import adapters

EVALUATED = ["--eval_every_steps=2", "--best_metric=rmse", "--train_steps=4"]


def with_errors(monkeypatch: pytest.MonkeyPatch, errors: list[float]) -> None:
    """Evaluations find these RMSEs, one after the other."""
    score, values = Scorer.score, iter(errors)

    def scored(self: Scorer, subject: Subject) -> Scores:
        scores = score(self, subject)
        scores.metrics["rmse"] = next(values)
        return scores

    monkeypatch.setattr(Scorer, "score", scored)


@pytest.fixture
def few_images(monkeypatch: pytest.MonkeyPatch) -> None:
    """quick1k, but of the images that there are here."""
    small = protocols.Protocol("quick1k", ("fid", "rid", "rmse"), samples=20, splits=2)
    monkeypatch.setitem(protocols.NAMED, "quick1k", small)


@pytest.mark.slow
@pytest.mark.usefixtures("few_images")
def test_training_evaluates_and_keeps_the_best_checkpoint(
    data: list[str], classifier: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_errors(monkeypatch, [2.0, 1.0, 3.0])
    evaluated = [*EVALUATED, classifier.replace("--classifier", "--eval_classifier")]
    assert cli.run("train", [*data, *SIZES, *evaluated, f"--model_dir={tmp_path}/run"]) == 0
    run = tmp_path / "run"
    assert json.loads((run / "best/best.json").read_text()) == {"metric": "rmse", "value": 1.0, "step": 4}
    assert cli.run("train", [f"--model_dir={run}", "--train_steps=6"]) == 0  # a worse one after a restart
    assert tf.train.latest_checkpoint(str(run / "best")) == f"{run}/best/ckpt-4"
    with (run / "scores.csv").open(newline="") as f:
        assert [(row["step"], row["rmse"]) for row in csv.DictReader(f)] == [("2", "2.0"), ("4", "1.0"), ("6", "3.0")]
    steps = [json.loads(line)["step"] for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert steps == sorted(steps)


@pytest.mark.slow
@pytest.mark.usefixtures("few_images")
def test_a_run_ends_early_when_its_patience_does_and_goes_on_without_it(
    data: list[str],
    classifier: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Errors at steps 2, 4, 6, ...: the second is the best, and two evaluations after it there is none better."""
    with_errors(monkeypatch, [2.0, 1.0, 3.0, 1.5, 0.5])
    run = tmp_path / "run"
    evaluated = [*EVALUATED, "--train_steps=1000", "--patience=2", classifier.replace("--classifier", "--eval_classifier")]
    argv = [*data, *SIZES, *evaluated, f"--model_dir={run}"]
    for _ in range(2):  # the same command again does nothing
        assert cli.run("train", argv) == 0
        assert tf.train.latest_checkpoint(str(run / "ckpt")) == f"{run}/ckpt/ckpt-8"
        assert "stopped at step 8: --best_metric was no better in 2 evaluations after step 4 (--patience)" in caplog.text
        assert f"--model_dir={run} --train_steps=1000 --patience=0" in capsys.readouterr().out
        caplog.clear()
    assert json.loads((run / "best/best.json").read_text())["step"] == 4
    assert cli.run("train", [f"--model_dir={run}", "--train_steps=10", "--patience=0"]) == 0
    assert f"--model_dir={run} --train_steps=20\n" in capsys.readouterr().out
    assert json.loads((run / "best/best.json").read_text()) == {"metric": "rmse", "value": 0.5, "step": 10}
    for text, why in (
        ("{broken", "is damaged (Expecting property name"),
        ('{"metric": "rmse", "value": NaN, "step": 4}', "is damaged (value nan at step 4)"),
        ("[]", "is damaged (list indices"),
        ('{"metric": "rmse", "value": 1.0, "step": 4}', "names step 4, and the checkpoint is of step 10"),
        ("", "is missing"),
    ):
        (run / "best/best.json").unlink(missing_ok=True)
        if text:
            (run / "best/best.json").write_text(text)
        (run / "scores.csv").rename(tmp_path / "scores")  # the best checkpoint would be replaced by the next one
        assert cli.run("train", [f"--model_dir={run}", "--train_steps=10", "--patience=0"]) == 1
        assert f"{run}/best/best.json {why}" in capsys.readouterr().err
        (tmp_path / "scores").rename(run / "scores.csv")
        assert cli.run("train", [f"--model_dir={run}", "--train_steps=10", "--patience=0"]) == 0
        assert f"{run}/best/best.json {why}" in caplog.text
        assert json.loads((run / "best/best.json").read_text()) == {"metric": "rmse", "value": 0.5, "step": 10}
        assert tf.train.latest_checkpoint(str(run / "best")) == f"{run}/best/ckpt-10"


@pytest.mark.slow
@pytest.mark.usefixtures("few_images")
def test_evaluations_during_training_use_validation_images_where_some_are_held_out(
    data: list[str], classifier: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    evaluated = [classifier.replace("--classifier", "--eval_classifier"), "--eval_every_steps=4", "--validation_images=8"]
    assert cli.run("train", [*data, *SIZES, *evaluated, f"--model_dir={tmp_path}/run"]) == 0
    with (tmp_path / "run/scores.csv").open(newline="") as f:
        (row,) = csv.DictReader(f)
    protocol = json.loads(row["protocol"])
    assert protocol["test_count"] == 8
    assert protocol["test_images"].endswith("train, crop center, 16 px, 8 held out")
    assert protocol["reference_count"] == 36
    said = f"class kept {100 * float(row['class_kept']):.1f} % of 8 reconstructions, by the classifier net, at step 4"
    assert " ".join(capsys.readouterr().out.splitlines()[0].split()) == said


@pytest.mark.slow
def test_a_validation_split_is_used_in_the_place_of_training_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """By evaluations during training and by the critic afterwards; the run refuses another, as it does other test images."""
    monkeypatch.setitem(protocols.NAMED, "quick1k", protocols.Protocol("quick1k", ("rmse",), reconstructions=3))
    random = np.random.default_rng(0)
    for split, count in (("train", 9), ("val", 5), ("test", 8)):
        for i in range(count):
            (tmp_path / "images" / split).mkdir(parents=True, exist_ok=True)
            picture = random.integers(0, 256, [PX, PX, 3]).astype(np.uint8)
            (tmp_path / "images" / split / f"{i}.png").write_bytes(tf.io.encode_png(picture).numpy())
    data, run = [f"--dataset=folder:{tmp_path}/images", f"--cache_dir={tmp_path}/cache"], tmp_path / "run"
    assert cli.run("train", [*data, *SIZES, *EVALUATED, "--validation_images=4", "--batch_size=9", f"--model_dir={run}"]) == 0
    assert "exceeds the" not in caplog.text  # all nine are trained on
    (row, _) = csv.DictReader((run / "scores.csv").open(newline=""))
    assert (
        json.loads(row["protocol"])["test_images"].split("images ")[1]
        == "validation, crop center, 16 px, 4 held out, 3 chosen with seed 0"
    )
    capsys.readouterr()
    assert cli.run("train", [*data, *SIZES, "--validation_images=6", f"--model_dir={tmp_path}/more"]) == 1
    assert f"--validation_images=6 is not legal: folder:{tmp_path}/images has 5 validation images" in capsys.readouterr().err
    critics = ["--metrics=critic", "--critics=1", "--critic_updates=1", "--json"]
    assert cli.run("evaluate", [f"--model_dir={run}", *critics]) == 1  # four are fewer than a batch
    protocol = json.loads(capsys.readouterr().out)["protocol"]
    assert (protocol["validation_count"], protocol["test_count"]) == (4, 8)
    assert protocol["validation_images"].endswith("images validation, crop center, 16 px, 4 held out")
    (tmp_path / "images" / "val" / "0.png").unlink()
    assert cli.run("evaluate", [f"--model_dir={run}", "--metrics=rmse"]) == 1
    assert "validation had 5 images and has 4" in capsys.readouterr().err


@pytest.mark.slow
def test_a_best_checkpoint_is_chosen_on_training_images_that_are_held_out(
    data: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(protocols.NAMED, "quick1k", protocols.Protocol("quick1k", ("rmse",), reconstructions=3))
    argv = [*data, *SIZES, *EVALUATED, f"--model_dir={tmp_path}/run"]
    assert cli.run("train", argv) == 0
    rows = list(csv.DictReader((tmp_path / "run/scores.csv").open(newline="")))
    assert [json.loads(row["protocol"])["test_images"].split(", ")[-1] for row in rows] == ["3 held out"] * 2
    assert cli.run("train", [*argv, "--train_steps=6"]) == 0  # the same command goes on with the same images
    assert json.loads((tmp_path / "run/config.json").read_text())["training"]["validation_images"] == 3
    assert "test images choose" not in caplog.text
    assert cli.run("train", [*argv[:-1], f"--model_dir={tmp_path}/test", "--validation_images=0", "--train_steps=2"]) == 0
    assert "test images choose the best checkpoint" in caplog.text
    (row,) = csv.DictReader((tmp_path / "test/scores.csv").open(newline=""))
    assert json.loads(row["protocol"])["name"] == "quick1k"


@pytest.mark.slow
def test_small_data_sets_are_evaluated_on_all_that_is_held_out(
    data: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Of 36 training images a tenth, where a protocol asks for 1,000; or as many as a flag says, or the four test images."""
    monkeypatch.setitem(protocols.NAMED, "quick1k", protocols.Protocol("quick1k", ("rmse",), reconstructions=1000))
    for flags, count, kind in (
        ([], 3, "validation"),
        (["--validation_images=8"], 8, "validation"),
        (["--validation_images=0"], 4, "test"),
    ):
        run = tmp_path / str(count)
        assert cli.run("train", [*data, *SIZES, *EVALUATED, *flags, "--train_steps=2", f"--model_dir={run}"]) == 0
        (row,) = csv.DictReader((run / "scores.csv").open(newline=""))
        assert json.loads(row["protocol"])["test_count"] == count
        assert f"evaluations use all {count} {kind} images, where quick1k" in caplog.text
    critic = [
        "--critic_from=0.5",
        "--train_steps=2",
        f"--model_dir={tmp_path}/critic",
    ]  # of the images that are held out by default
    assert cli.run("train", [*data, *SIZES, *EVALUATED, *critic]) == 0
    assert "critic/held_out" in (tmp_path / "critic/metrics.jsonl").read_text()


@pytest.mark.slow
@pytest.mark.usefixtures("few_images")
def test_evaluations_during_training_trace_each_network_once_and_open_no_data_set(
    data: list[str], tmp_path: Path, opened: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    score, traced, before = Scorer.score, [], []

    def counted(original: Callable) -> Callable:
        """The same for a network that notes when it is traced."""

        def of(network: Callable) -> Callable:
            def traces(x: tf.Tensor) -> tf.Tensor:
                traced.append(original.__name__)
                return network(x)

            return original(traces)

        return of

    def scored(self: Scorer, subject: Subject) -> Scores:
        before.append(len(traced))
        return score(self, subject)

    monkeypatch.setattr(Scorer, "score", scored)
    for name in ("decoding", "encoding"):
        monkeypatch.setattr(adapters, name, counted(getattr(adapters, name)))
    small = protocols.Protocol("quick1k", ("ms_ssim", "rmse", "panel"), samples=64)  # whole batches: one shape each
    monkeypatch.setitem(protocols.NAMED, "quick1k", small)
    assert cli.run("train", [*data, *SIZES, "--eval_every_steps=2", f"--model_dir={tmp_path}/run"]) == 0
    assert len(before) == 2
    assert before[0] == 0
    assert set(traced[: before[1]]) == {"decoding", "encoding"}
    assert traced[before[1] :] == []
    assert len(opened) == 2  # once to say what it is, once to read it


@pytest.mark.slow
@pytest.mark.usefixtures("few_images")
def test_an_evaluation_that_fails_does_not_end_the_training(
    data: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fails(self: Scorer, subject: object) -> object:
        raise EvaluationError("features that are not finite")

    monkeypatch.setattr(Scorer, "score", fails)
    monkeypatch.setattr("tensorflow_hub.resolve", lambda handle: (_ for _ in ()).throw(OSError("no network")))
    monkeypatch.delenv("TFPAGAN_INCEPTION", raising=False)
    assert cli.run("train", [*data, *SIZES, "--eval_every_steps=2", f"--model_dir={tmp_path}/run"]) == 1
    assert "the evaluations at steps 2, 4 failed, for the reasons above" in capsys.readouterr().err
    assert "the evaluation at step 2 failed: features that are not finite" in caplog.text
    assert tf.train.latest_checkpoint(f"{tmp_path}/run/ckpt") == f"{tmp_path}/run/ckpt/ckpt-4"


@pytest.mark.slow
@pytest.mark.parametrize("steps", [2, 4], ids=["at the last step", "on the way"])
def test_an_evaluation_that_a_signal_interrupts_is_made_up_when_the_run_goes_on(
    steps: int, data: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    samples, saved, run = GeneratedImages.batches, [], tmp_path / "run"

    def stopped(self: GeneratedImages, size: int) -> Iterator[np.ndarray]:
        for batch in samples(self, size):
            if not saved:
                os.kill(os.getpid(), signal.SIGINT)  # SIGTERM is sent by the tests of experiments
            saved.append(tf.train.latest_checkpoint(f"{run}/ckpt"))
            yield batch

    monkeypatch.setattr(GeneratedImages, "batches", stopped)
    small = protocols.Protocol("quick1k", ("ms_ssim", "rmse"), samples=200)
    monkeypatch.setitem(protocols.NAMED, "quick1k", small)
    every = ["--eval_every_steps=2", "--save_every_steps=2", "--best_metric=rmse", f"--train_steps={steps}"]
    argv = [*data, *SIZES, *every, f"--model_dir={run}"]
    assert cli.run("train", argv) == 128 + signal.SIGINT
    assert saved == [f"{run}/ckpt/ckpt-2"]
    assert "the evaluation at step 2 was interrupted" in caplog.text
    assert not (run / "scores.csv").exists()
    assert cli.run("train", argv) == 0
    assert "there are no scores of step 2 yet: evaluating it first" in caplog.text
    rows = scores_of(run)
    assert [step for step, _ in rows] == list(range(2, steps + 1, 2))
    assert_best(run, min(rows, key=lambda row: row[1]))
    # Killed before the checkpoint, or before the note: the row is there.
    for lost in ("best.json", "*"):
        for file in (run / "best").glob(lost):
            file.unlink()
        assert cli.run("train", argv) == 0
        assert scores_of(run) == rows
        assert_best(run, rows[-1] if lost == "*" else min(rows, key=lambda row: row[1]))


def scores_of(run: Path) -> list[tuple[int, float]]:
    """Steps and errors."""
    with (run / "scores.csv").open(newline="") as f:
        return [(int(row["step"]), float(row["rmse"])) for row in csv.DictReader(f)]


def assert_best(run: Path, row: tuple[int, float]) -> None:
    """The checkpoint and what is said of it are of one step."""
    assert json.loads((run / "best/best.json").read_text()) == {"metric": "rmse", "value": row[1], "step": row[0]}
    assert [file.name for file in (run / "best").glob("*.index")] == [f"ckpt-{row[0]}.index"]


@pytest.mark.slow
def test_a_classifier_for_other_images_is_refused_before_training(
    data: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    vgg.export(vgg.network(vgg.Recipe(channels=4), 1, 10), tmp_path / "grey", (PX, PX, 1), {})
    argv = [*data, *SIZES, "--eval_every_steps=2", f"--eval_classifier={tmp_path}/grey", f"--model_dir={tmp_path}/run"]
    assert cli.run("train", argv) == 1
    assert "classifier grey takes greyscale images, but these have 3 channels" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.usefixtures("few_images")
def test_a_best_metric_that_is_not_measured_is_refused_before_training(
    data: list[str], classifier: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    argv = [*data, *SIZES, classifier.replace("--classifier", "--eval_classifier"), "--eval_every_steps=2"]
    for system, metric in (("pagan", "frechet_inception_distance"), ("dcgan", "rmse")):  # another classifier's; no encoder
        asked = [f"--objective={system}", f"--best_metric={metric}", f"--model_dir={tmp_path}/run"]
        assert cli.run("train", [*argv, *asked]) == 1
        refused = f"--best_metric={metric} is not legal with --objective={system}; it must be one of "
        message = capsys.readouterr().err
        assert refused in message
        assert ("rmse" in message.split(refused)[1]) == (system == "pagan")
        assert not (tmp_path / "run/ckpt").exists()
