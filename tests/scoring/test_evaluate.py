"""bin/evaluate, bin/compare, and evaluation during training, on a tiny run with a tiny classifier."""

import csv
import importlib
import json
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from helpers.brightness import Brightness
from helpers.classifiers import write
from PIL import Image
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

from tfpagan import cli
from tfpagan.cli import evaluate
from tfpagan.evaluation import metrics, protocols
from tfpagan.evaluation.classifiers import vgg
from tfpagan.evaluation.errors import EvaluationError
from tfpagan.evaluation.images import GeneratedImages
from tfpagan.evaluation.metrics.ais import Annealing
from tfpagan.evaluation.results import Scores
from tfpagan.evaluation.scorer import Scorer
from tfpagan.evaluation.subjects import Subject
from tfpagan.scoring import adapters
from tfpagan.settings.sections import DataConfig

PX = 16
LAYERS = [
    "--objective=vae",
    "--architecture=color_mnist",
    "--channels=8",
    "--latent_dim=4",
]  # traced soon
SIZES = [*LAYERS, f"--image_size={PX}", "--batch_size=4", "--train_steps=4"]
FEW = ["--metrics=is,fid,kid,rid,rmse,ms_ssim,fid_rec,panel", "--samples=21", "--splits=2"]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    root = tmp_path_factory.mktemp("data")
    for i in range(40):
        picture = np.random.default_rng(i).integers(0, 256, [PX, PX, 3]).astype(np.uint8)
        (root / f"{i:02d}.png").write_bytes(tf.io.encode_png(picture).numpy())
    return [f"--dataset=folder:{root}", f"--cache_dir={root}-cache"]


@pytest.fixture(scope="module")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"--classifier={write(tmp_path_factory.mktemp('classifier') / 'net')}"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, data: list[str]) -> Path:
    model_dir = tmp_path_factory.mktemp("runs") / "run"
    assert cli.run("train", [*data, *SIZES, "--ema_decay=0.5", f"--model_dir={model_dir}"]) == 0
    return model_dir


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    """A copy that a test may write to."""
    return Path(shutil.copytree(trained, tmp_path / "run"))


def printed(capsys: pytest.CaptureFixture[str]) -> dict:
    return json.loads(capsys.readouterr().out)


@pytest.mark.slow
def test_a_run_is_scored_and_the_numbers_are_kept_with_it(
    run: Path, classifier: str, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert cli.run("evaluate", [f"--model_dir={run}", classifier, *FEW, "--json"]) == 0
    given = printed(capsys)
    assert given["subject"] == {"model": str(run), "step": 4}
    for key in ("classifier_score_mean", "frechet_classifier_distance", "rmse", "latent_cycle_rmse", "class_kept"):
        assert given["metrics"][key] is not None, key
    assert given["reasons"].keys() == {key for key, value in given["metrics"].items() if value is None}
    protocol = given["protocol"]
    assert (protocol["name"], protocol["samples"], protocol["splits"], protocol["code"]) == ("custom", 21, 2, "mean")
    assert (protocol["classifier"], protocol["test_count"], protocol["reference_count"]) == ("net", 4, 36)
    with (run / "scores.csv").open(newline="") as f:
        (row,) = csv.DictReader(f)
    assert float(row["rmse"]) == given["metrics"]["rmse"]
    line = json.loads((run / "metrics.jsonl").read_text().splitlines()[-1])
    assert (line["step"], line["metrics"]) == (4, given["metrics"])
    assert json.loads((run / "eval/custom_step_00000004.json").read_text()) == given
    assert tf.io.decode_png((run / "eval/worst_step_00000004.png").read_bytes()).shape == (PX, 16 * PX, 3)
    covariance = tf.io.decode_png((run / "eval/code_covariance_step_00000004.png").read_bytes()).numpy()[32::64, 32::64]
    assert covariance.shape == (4, 4, 3)  # of four dimensions
    np.testing.assert_array_equal(covariance, covariance.transpose(1, 0, 2))
    assert np.all(np.diagonal(covariance)[0] == 255)  # variances are not negative: white to red
    (events,) = (run / "eval").glob("events*")
    tags = {v.tag for event in EventFileLoader(str(events)).Load() for v in event.summary.value}
    assert {"metrics/rmse", "metrics/frechet_classifier_distance"} <= tags
    assert cli.run("train", [f"--model_dir={run}", "--train_steps=5"]) == 0  # and the run goes on


def test_a_protocol_of_likelihoods_has_its_own_chains_unless_flags_change_them() -> None:
    command = evaluate.COMMAND
    options: dict[str, Any] = {o.name: o.default for o in command.options} | {"protocol": "ais1k"}
    assert evaluate._protocol(options) is protocols.get("ais1k")
    assert protocols.get("ais1k").annealing == Annealing(images=1000, chains=16, distributions=10_000)
    changed = evaluate._protocol(options | {"ais_images": 5, "ais_sigma": 0.1})
    assert (changed.name, changed.annealing) == ("custom", Annealing(5, 16, 10_000, 0.1))
    critics = evaluate._protocol(options | {"protocol": "alpha_gan", "critics": 1, "critic_updates": 7}).critics
    assert (critics.seeds, critics.steps, critics.channels) == (1, 7, 32)


def test_the_same_evaluation_twice_gives_the_same_numbers(
    run: Path, classifier: str, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    results = []
    for _ in range(2):
        assert cli.run("evaluate", [f"--model_dir={run}", classifier, *FEW, "--code=draw", "--seed=3", "--json"]) == 0
        results.append(printed(capsys)["metrics"])
    assert results[0] == results[1]


def test_without_inception_the_rest_is_scored_and_the_exit_code_says_so(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def unreachable(handle: str) -> str:
        raise OSError("no network")

    monkeypatch.delenv("TFPAGAN_INCEPTION", raising=False)
    monkeypatch.setattr("tensorflow_hub.resolve", unreachable)
    capsys.readouterr()
    assert cli.run("evaluate", [f"--model_dir={run}", "--metrics=fid,rmse", "--samples=10", "--json"]) == 1
    given = capsys.readouterr()
    result = json.loads(given.out)
    assert result["metrics"]["frechet_inception_distance"] is None
    assert "Inception is not available" in result["reasons"]["frechet_inception_distance"]
    assert result["metrics"]["rmse"] > 0
    assert "fid cannot be computed: no classifier: Inception is not available" in given.err


def test_an_augmentation_stands_in_for_a_model(data: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    argv = ["--reconstructor=augment:pad_crop", *data, f"--image_size={PX}", "--metrics=rmse", "--json"]
    capsys.readouterr()
    assert cli.run("evaluate", [*argv, f"--output={tmp_path}/out"]) == 0
    rmse = printed(capsys)["metrics"]["rmse"]
    assert 1.0 < rmse < np.sqrt(PX * PX * 3)
    assert (tmp_path / "out/scores.csv").exists()
    assert cli.run("evaluate", [*argv, "--batch_size=3"]) == 0
    assert printed(capsys)["metrics"]["rmse"] == pytest.approx(rmse, rel=1e-6)
    assert cli.run("evaluate", [*argv, "--seed=1"]) == 0
    assert printed(capsys)["metrics"]["rmse"] != pytest.approx(rmse, rel=1e-6)
    assert cli.run("evaluate", [*argv[1:], "--reconstructor=augment:none"]) == 0
    assert printed(capsys)["metrics"]["rmse"] == 0.0


def test_two_folders_are_scored(data: list[str], classifier: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = data[0].removeprefix("--dataset=folder:")
    argv = [f"--real={folder}", f"--fake={folder}", classifier, "--json"]
    assert cli.run("evaluate", [*argv, "--splits=2", "--seed=3", "--samples=30"]) == 0
    capsys.readouterr()
    assert cli.run("evaluate", [*argv, "--metrics=fid,rid,rmse"]) == 0
    metrics = printed(capsys)["metrics"]
    assert metrics["frechet_classifier_distance"] == pytest.approx(0.0, abs=1e-6)
    assert (metrics["reconstruction_classifier_dissimilarity_mean"], metrics["rmse"]) == (1.0, 0.0)


def test_statistics_on_both_sides_give_the_frechet_distance(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of Gaussians whose covariances have the same axes: |m|^2 + the sum of (sqrt a - sqrt b)^2 over their variances."""
    random = np.random.default_rng(5)
    axes, _ = np.linalg.qr(random.normal(size=[96, 96]))
    a, b = random.uniform(0.1, 3.0, [2, 96])
    mean = random.normal(size=96)
    np.savez(tmp_path / "a.npz", mu=np.zeros(96), sigma=(axes * a) @ axes.T)
    np.savez(tmp_path / "b.npz", mu=mean, sigma=(axes * b) @ axes.T)
    argv = [f"--real={tmp_path}/a.npz", f"--fake={tmp_path}/b.npz", "--json"]
    assert cli.run("evaluate", argv) == 0
    exact = mean @ mean + np.sum((np.sqrt(a) - np.sqrt(b)) ** 2)
    assert printed(capsys)["metrics"] == {"frechet_classifier_distance": pytest.approx(exact, rel=1e-9)}
    assert cli.run("evaluate", [*argv, "--metrics=fid,kid"]) == 1
    said = printed(capsys)
    assert said["metrics"]["kernel_classifier_distance"] is None
    assert said["reasons"]["kernel_classifier_distance"] == f"{tmp_path}/b.npz has statistics, not images"


def test_saved_statistics_take_the_place_of_the_images(
    run: Path, data: list[str], classifier: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, file = data[0].removeprefix("--dataset=folder:"), f"{tmp_path}/new/images.npz"
    assert cli.run("evaluate", [f"--fake={folder}", classifier, f"--save_statistics={file}", "--json"]) == 0
    assert list(printed(capsys)["metrics"]) == ["classifier_score_mean", "classifier_score_std"]
    samples = f"{tmp_path}/samples.npz"
    np.save(tmp_path / "samples.npy", np.random.default_rng(0).integers(0, 256, [21, PX, PX, 3]).astype(np.uint8))
    own = [f"--real={folder}", f"--fake={tmp_path}/samples.npy", classifier, f"--save_statistics={samples}", "--json"]
    assert cli.run("evaluate", own) == 0
    key, distances = "frechet_classifier_distance", [printed(capsys)["metrics"]["frechet_classifier_distance"]]
    for real, fake in ((folder, samples), (file, samples), (samples, file)):
        both = real.endswith("npz") and fake.endswith("npz")
        assert cli.run("evaluate", [f"--real={real}", f"--fake={fake}", "--json", *([] if both else [classifier])]) == 0
        distances.append(printed(capsys)["metrics"][key])
    assert distances[1:] == pytest.approx([distances[0]] * 3, rel=1e-6)
    assert cli.run("evaluate", [f"--real={file}", f"--fake={file}", "--json"]) == 0
    assert printed(capsys)["metrics"][key] == pytest.approx(0.0, abs=1e-9)


def test_statistics_of_a_runs_samples_are_saved_whatever_is_measured(
    run: Path, data: list[str], classifier: str, tmp_path: Path
) -> None:
    file = tmp_path / "samples.npz"
    argv = [f"--model_dir={run}", data[1], "--samples=21", "--metrics=rmse", f"--save_statistics={file}"]
    assert cli.run("evaluate", argv) == 1  # without a classifier
    assert not file.exists()
    assert cli.run("evaluate", [*argv, classifier]) == 0
    with np.load(file) as stored:
        assert (int(stored["count"]), stored["sigma"].shape) == (21, 2 * stored["mu"].shape)
        assert stored["features"].shape == (21, *stored["mu"].shape)


@pytest.fixture
def brightness() -> Iterator[None]:
    metrics.register(Brightness())
    yield
    del metrics.METRICS["brightness"]


@pytest.mark.slow
@pytest.mark.usefixtures("brightness")
def test_a_metric_from_outside_is_a_metric_like_others(
    run: Path, data: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert cli.run("evaluate", [f"--model_dir={run}", "--metrics=brightness,rmse", "--samples=10", "--json"]) == 0
    value = printed(capsys)["metrics"]["brightness"]
    assert 0.0 < value < 255.0
    assert cli.run("evaluate", [f"--model_dir={run}", "--metrics=nothing"]) == 1
    assert "known: is, fid, kid, ms_ssim, rid, rmse, fid_rec, panel, nll, ais, critic, brightness" in capsys.readouterr().err
    monkeypatch.setitem(protocols.NAMED, "quick1k", protocols.Protocol("quick1k", ("brightness",), samples=8))
    argv = [*data, *SIZES, "--eval_every_steps=4", "--best_metric=brightness", f"--model_dir={tmp_path}/new"]
    assert cli.run("train", argv) == 0
    assert json.loads((tmp_path / "new/best/best.json").read_text())["metric"] == "brightness"
    tags = {
        value.tag
        for events in (tmp_path / "new/eval").glob("events*")
        for event in EventFileLoader(str(events)).Load()
        for value in event.summary.value
    }
    assert "metrics/bright" in tags


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The data sets that are opened, one after the other."""
    names: list[str] = []
    module = importlib.import_module("tfpagan.data.prepare")  # `data.prepare` is its function
    original = module._open

    def counted(config: DataConfig) -> object:
        names.append(config.dataset)
        return original(config)

    monkeypatch.setattr(module, "_open", counted)
    return names


def test_an_evaluation_opens_its_data_set_once(run: Path, data: list[str], opened: list[str]) -> None:
    assert cli.run("evaluate", [f"--model_dir={run}", "--metrics=rmse"]) == 0
    assert len(opened) == 1
    argv = ["--reconstructor=augment:blur", *data, f"--image_size={PX}", "--metrics=rmse"]
    assert cli.run("evaluate", argv) == 0
    assert len(opened) == 2


def test_runs_are_compared_under_one_protocol_only(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = Path(shutil.copytree(run, tmp_path / "other"))
    for folder in (run, other):
        assert cli.run("evaluate", [f"--model_dir={folder}", "--metrics=rmse"]) == 0
    capsys.readouterr()
    assert cli.run("compare", [f"--runs={run},{other}"]) == 0
    assert "rmse" in capsys.readouterr().out
    swept = Path(shutil.copytree(other, tmp_path / "seed=0,channels=8"))  # as bin/sweep names them
    assert cli.run("compare", [f"--runs={run}, {swept},{other}"]) == 0
    assert "seed=0,channels=8" in capsys.readouterr().out
    assert cli.run("evaluate", [f"--model_dir={other}", "--metrics=rmse", "--code=draw"]) == 0
    assert cli.run("compare", [f"--runs={run},{other}"]) == 1
    assert "different protocols (code: mean and draw)" in capsys.readouterr().err
    refused = {"/a": "two or more run folders", "/a,/b,/a": "--runs names /a twice", "/a,/b": "/a/scores.csv holds no scores"}
    for runs, message in refused.items():
        assert cli.run("compare", [f"--runs={runs}"]) == 1
        assert message in capsys.readouterr().err


def sorted_by_class(folder: Path) -> Path:
    """40 dark images, then 40 bright ones: the first of a folder are all of one class."""
    for name, level in (("a", 30), ("b", 200)):
        (folder / name).mkdir(parents=True)
        for i in range(40):
            picture = np.full([PX, PX, 3], level + i, np.uint8)
            (folder / name / f"{i:02d}.png").write_bytes(tf.io.encode_png(picture).numpy())
    return folder


def test_samples_of_a_folder_are_chosen_from_all_its_classes(
    tmp_path: Path, classifier: str, capsys: pytest.CaptureFixture[str]
) -> None:
    real = sorted_by_class(tmp_path / "real")
    shutil.copytree(real, tmp_path / "fake")
    argv = [f"--real={real}", f"--fake={tmp_path}/fake", classifier, f"--cache_dir={tmp_path}/cache", "--metrics=fid", "--json"]
    distances = []
    for more in ([], ["--samples=40"], ["--samples=40"], ["--samples=40", "--seed=1"]):
        capsys.readouterr()
        assert cli.run("evaluate", [*argv, *more]) == 0
        distances.append(printed(capsys)["metrics"]["frechet_classifier_distance"])
    whole, half, again, other = distances
    assert half == again != other
    (tmp_path / "dark").mkdir()
    shutil.copytree(real / "a", tmp_path / "dark/a")
    assert cli.run("evaluate", [argv[0], f"--fake={tmp_path}/dark", *argv[2:]]) == 0
    one_class = printed(capsys)["metrics"]["frechet_classifier_distance"]
    assert whole < half < 0.1 * one_class


def test_reconstructions_are_of_a_seeded_choice_that_the_protocol_names(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sorted_by_class(tmp_path / "images/test"), sorted_by_class(tmp_path / "images/train")
    data = [f"--dataset=folder:{tmp_path}/images", f"--image_size={PX}", f"--cache_dir={tmp_path}/cache"]
    argv = [*data, "--reconstructor=augment:contrast", "--metrics=rmse", "--reconstructions=20", "--json"]
    found = []
    for more in ([], [], ["--seed=1"]):
        assert cli.run("evaluate", [*argv, *more]) == 0
        found.append(printed(capsys)["protocol"])
    assert found[0] == found[1]
    assert found[0]["test_checksum"] != found[2]["test_checksum"]
    assert [facts["test_images"].rpartition(", ")[2] for facts in found[1:]] == [
        "20 chosen with seed 0",
        "20 chosen with seed 1",
    ]


def test_a_folder_is_scored_beside_grey_images_and_turned_ones(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What a camera stores on its side with an EXIF tag, and what was saved in grey, are the same pictures."""
    exif = Image.Exif()
    exif[0x0112] = 6
    for i in range(3):
        x = np.add.outer(np.arange(PX) * 9, np.arange(PX) * 5)[..., None].repeat(3, 2).astype(np.uint8) + np.uint8(i)
        for name in ("upright", "turned", "grey"):
            (tmp_path / name).mkdir(exist_ok=True)
        Image.fromarray(x).save(tmp_path / f"upright/{i}.png")
        Image.fromarray(x).transpose(Image.Transpose.ROTATE_90).save(tmp_path / f"turned/{i}.png", exif=exif)
        Image.fromarray(x[..., 0]).save(tmp_path / f"grey/{i}.png")
    for other in ("turned", "grey"):
        argv = [f"--real={tmp_path}/upright", f"--fake={tmp_path}/{other}", "--metrics=rmse", "--json"]
        capsys.readouterr()
        assert cli.run("evaluate", argv) == 0
        assert printed(capsys)["metrics"]["rmse"] == 0.0


def test_a_run_whose_data_set_has_changed_is_neither_scored_nor_gone_on_with(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    for i in range(20):
        (folder / f"{i:02d}.png").write_bytes(tf.io.encode_png(np.full([8, 8, 3], 10 * i, np.uint8)).numpy())
    argv = [f"--dataset=folder:{folder}", "--image_size=8", *LAYERS, "--batch_size=4", f"--cache_dir={tmp_path}/cache"]
    assert cli.run("train", [*argv, "--train_steps=1", f"--model_dir={tmp_path}/run"]) == 0
    first = (folder / "00.png").read_bytes()
    for name, content, message in (
        ("a.png", first, "train had 18 images and has 18; test had 2 images and has 3"),
        ("00.png", (folder / "19.png").read_bytes(), "the 2 images of test are others, or in another order"),
    ):
        (folder / name).write_bytes(content)
        encoded = [f"--model={tmp_path}/run", *argv[:1], *argv[-1:], f"--output={tmp_path}/c.npz"]
        own = f"--model_dir={tmp_path}/run"
        for command, given in (
            ("train", [own, "--train_steps=2"]),
            ("evaluate", [own, "--metrics=rmse"]),
            ("probe", [own]),
            ("encode", encoded),
        ):
            assert cli.run(command, given) == 1
            error = capsys.readouterr().err
            assert f"has changed since the run in {tmp_path}/run began" in error, command
        assert message.split("; ")[-1] in error
        if name == "a.png":
            (folder / name).unlink()
        else:
            (folder / name).write_bytes(first)
    assert cli.run("evaluate", [f"--model_dir={tmp_path}/run", "--metrics=rmse"]) == 0
    assert cli.run("train", [f"--model_dir={tmp_path}/run", "--train_steps=2"]) == 0


def test_a_run_within_its_data_set_is_refused(tmp_path: Path, data: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    folder = Path(data[0].removeprefix("--dataset=folder:"))
    (tmp_path / "link").symlink_to(folder)
    for place in (folder / "run", tmp_path / "link" / "run"):
        assert cli.run("train", [*data, *SIZES, f"--model_dir={place}"]) == 1
        assert f"--model_dir={place} lies in folder:{folder}" in capsys.readouterr().err
    assert not (folder / "run").exists()


def test_a_refused_evaluation_leaves_no_folder(trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "old").mkdir()
    for folder in ("new/scores", "old"):
        code = cli.run("evaluate", [f"--model_dir={trained}", "--dataset=shapes", f"--output={tmp_path / folder}"])
        assert (code, "--dataset cannot be given with --model_dir" in capsys.readouterr().err) == (1, True)
    assert list(tmp_path.rglob("*")) == [tmp_path / "old"]


# During training

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


def test_more_is_better_for_scores_and_less_for_distances() -> None:
    assert metrics.keys()["rmse"].better
    assert not metrics.keys()["latent_cycle_rmse"].better
    assert metrics.keys()["inception_score_mean"].improves(2.0, 1.0)
    assert metrics.keys()["frechet_inception_distance"].improves(1.0, 2.0)
    assert not metrics.keys()["rmse"].improves(2.0, 1.0)
