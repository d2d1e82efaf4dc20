"""bin/evaluate of folders, arrays, statistics and augmentations, in the place of a run."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from helpers.small_runs import PX, printed
from PIL import Image

from tfpagan import cli


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
