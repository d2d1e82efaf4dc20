"""bin/sample, bin/reconstruct, bin/interpolate, bin/encode: what they write, from runs and exports, and what they refuse."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from helpers import exports, tiny
from PIL import Image

import tfpagan
from tfpagan import cli
from tfpagan.cli import files
from tfpagan.errors import UserError
from tfpagan.images import grid, interleaved
from tfpagan.inference import restore

SHAPE = (8, 8, 3)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "tiny"
    tiny.write_run(folder, SHAPE)
    exports.publish(restore.restored(folder), folder / "export")
    return folder


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of six images, one of them in a folder of its own, as JPEG and with more px."""
    folder = tmp_path_factory.mktemp("images")
    for i, x in enumerate(tiny.images(5, SHAPE)):
        (folder / f"{i}.png").write_bytes(tf.io.encode_png(x).numpy())
    (folder / "more").mkdir()
    (folder / "more/5.jpg").write_bytes(tf.io.encode_jpeg(np.full([8, 8, 3], 90, np.uint8), quality=100).numpy())
    return folder


def png(file: Path) -> np.ndarray:
    return tf.io.decode_png(file.read_bytes()).numpy()


@pytest.mark.slow
@pytest.mark.parametrize("part", ["", "export", "export/1"])
def test_samples_are_a_grid_an_array_or_files_of_the_same_images(run: Path, part: str, tmp_path: Path) -> None:
    expected = tfpagan.load(run).sample(7, seed=3)
    for output in ("all.png", "all.npz", "files"):
        assert cli.run("sample", [f"--model={run / part}", "--count=7", "--seed=3", f"--output={tmp_path}/deep/{output}"]) == 0
    with np.load(tmp_path / "deep/all.npz") as arrays:
        assert np.abs(arrays["arr_0"].astype(int) - expected).max() <= 1
        given = arrays["arr_0"]
    np.testing.assert_array_equal(png(tmp_path / "deep/all.png"), grid(given, 3))
    files = sorted((tmp_path / "deep/files").iterdir())
    assert [f.name for f in files] == [f"{i:06d}.png" for i in range(7)]
    np.testing.assert_array_equal(np.stack([png(f) for f in files]), given)


def test_files_of_two_calls_are_not_mixed(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    argv = [f"--model={run}", f"--output={tmp_path}/files"]
    assert cli.run("sample", [*argv, "--count=3"]) == 0
    before = [file.read_bytes() for file in sorted((tmp_path / "files").iterdir())]
    assert cli.run("sample", [*argv, "--count=2", "--seed=1"]) == 1
    assert "files is not empty; name a new folder" in capsys.readouterr().err
    assert [file.read_bytes() for file in sorted((tmp_path / "files").iterdir())] == before


def test_the_columns_of_a_grid_can_be_said(run: Path, tmp_path: Path) -> None:
    assert cli.run("sample", [f"--model={run}", "--count=4", "--columns=4", f"--output={tmp_path}/g.png"]) == 0
    assert png(tmp_path / "g.png").shape == (8, 32, 3)


def test_pictures_can_be_enlarged_pixel_by_pixel(run: Path, tmp_path: Path) -> None:
    for scale in (1, 3):
        named = [f"--model={run}", "--count=4", f"--scale={scale}"]
        assert cli.run("sample", [*named, f"--output={tmp_path}/{scale}.png"]) == 0
        assert cli.run("interpolate", [*named, "--start=seed:1", "--end=seed:2", f"--output={tmp_path}/{scale}.gif"]) == 0
    large = png(tmp_path / "3.png")
    assert large.shape == (48, 48, 3)
    np.testing.assert_array_equal(large, png(tmp_path / "1.png").repeat(3, 0).repeat(3, 1))
    with Image.open(tmp_path / "3.gif") as animation:
        assert animation.size == (24, 24)


def test_an_array_larger_than_the_disk_is_not_begun(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    usage = shutil.disk_usage(tmp_path)
    for free, code in ((4 * 8 * 8 * 3 - 1, 1), (4 * 8 * 8 * 3, 0)):
        monkeypatch.setattr(files.shutil, "disk_usage", lambda folder, free=free: usage._replace(free=free))
        assert cli.run("sample", [f"--model={run}", "--count=4", f"--output={tmp_path}/s.npz"]) == code
        assert ("cannot write" in capsys.readouterr().err) == bool(code)
        assert [path.name for path in tmp_path.iterdir()] == ["s.npz"][code:]


def test_transparent_pixels_show_the_background_that_is_asked_for(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in").mkdir()
    Image.new("RGBA", (8, 8), (1, 2, 3, 0)).save(tmp_path / "in/a.png")
    argv = [f"--model={run}", f"--input={tmp_path}/in", f"--output={tmp_path}/out"]
    assert cli.run("reconstruct", argv) == 1
    assert "it has transparent pixels; name a background, white or black" in capsys.readouterr().err
    assert cli.run("reconstruct", [*argv, "--background=white"]) == 0
    assert (png(tmp_path / "out/pairs/0000.png")[:8, :8] == 255).all()


def test_reconstructions_keep_their_names_and_stand_beside_the_originals(
    run: Path, images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "PAIRS", 4)
    monkeypatch.setattr(files, "PAIR_COLUMNS", 4)
    monkeypatch.setattr(files, "AT_ONCE", 5)
    assert cli.run("reconstruct", [f"--model={run}", f"--input={images}", f"--output={tmp_path}/out"]) == 0
    names = ["0", "1", "2", "3", "4", "more/5"]
    x = np.concatenate([tiny.images(5, SHAPE), np.full([1, 8, 8, 3], 90, np.uint8)])
    expected = tfpagan.load(run).reconstruct(x)
    given = np.stack([png(tmp_path / f"out/reconstructions/{name}.png") for name in names])
    assert np.abs(given.astype(int) - expected).max() <= 1
    assert [p.name for p in sorted((tmp_path / "out/pairs").iterdir())] == ["0000.png", "0001.png"]
    np.testing.assert_array_equal(png(tmp_path / "out/pairs/0000.png"), grid(interleaved(x[:4], given[:4]), 4))
    np.testing.assert_array_equal(png(tmp_path / "out/pairs/0001.png"), grid(interleaved(x[4:], given[4:]), 4))
    assert cli.run("reconstruct", [f"--model={run}", f"--input={images}", f"--output={tmp_path}/large", "--scale=3"]) == 0
    large = grid(interleaved(x[:4], given[:4]), 4).repeat(3, 0).repeat(3, 1)
    np.testing.assert_array_equal(png(tmp_path / "large/pairs/0000.png"), large)
    np.testing.assert_array_equal(png(tmp_path / "large/reconstructions/0.png"), given[0])


def test_larger_images_are_cut_and_shrunk_where_that_is_asked_for(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in").mkdir()
    wide = np.zeros([16, 32, 3], np.uint8)
    wide[:, 8:24] = tiny.images(1, SHAPE)[0].repeat(2, 0).repeat(2, 1)
    (tmp_path / "in/wide.png").write_bytes(tf.io.encode_png(wide).numpy())
    argv = [f"--model={run}", f"--input={tmp_path}/in", f"--output={tmp_path}/out"]
    assert cli.run("reconstruct", argv) == 1
    assert not list((tmp_path / "out").rglob("*.png"))
    assert (
        "wide.png is 16 x 32 px (height x width), and the model takes 8 x 8; --fit crops and shrinks" in capsys.readouterr().err
    )
    assert cli.run("reconstruct", [*argv, "--fit"]) == 0
    np.testing.assert_array_equal(png(tmp_path / "out/pairs/0000.png")[:8, :8], tiny.images(1, SHAPE)[0])
    (tmp_path / "in/small.png").write_bytes(tf.io.encode_png(wide[:4, :4]).numpy())
    assert cli.run("reconstruct", [*argv, "--fit"]) == 1
    assert "out/reconstructions is not empty; name a new folder" in capsys.readouterr().err
    shutil.rmtree(tmp_path / "out")
    assert cli.run("reconstruct", [*argv, "--fit"]) == 1
    assert (
        "small.png is 4 x 4 px (height x width), and the model takes 8 x 8; images are never enlarged"
        in capsys.readouterr().err
    )


def test_two_images_of_one_name_are_refused_and_a_grid_too_large_for_a_png(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in").mkdir()
    for name in ("a.gif", "a.jpg", "b.jpg"):
        (tmp_path / "in" / name).write_bytes(tf.io.encode_jpeg(tiny.images(1, SHAPE)[0]).numpy())
    assert cli.run("reconstruct", [f"--model={run}", f"--input={tmp_path}/in", f"--output={tmp_path}/out"]) == 1
    assert "a.jpg would be written over another image of that name" in capsys.readouterr().err
    assert cli.run("sample", [f"--model={run}", "--count=4", "--columns=200000", f"--output={tmp_path}/w.png"]) == 1
    assert "a PNG of 1600000 x 8 px is too large" in capsys.readouterr().err


def test_interpolations_go_between_images_seeds_and_stored_codes(run: Path, images: Path, tmp_path: Path) -> None:
    model = tfpagan.load(run)
    assert cli.run("encode", [f"--model={run}", f"--input={images}", f"--output={tmp_path}/codes.npz"]) == 0
    ends = {f"{images}/2.png": model.encode(tiny.images(5, SHAPE)[2:3]), "seed:5": model.prior(1, 5)}
    ends[f"{tmp_path}/codes.npz:3"] = model.encode(tiny.images(5, SHAPE)[3:4])
    for (start, a), (end, b) in (((*ends.items(),)[0:2]), ((*ends.items(),)[1:3])):
        for way in ("spherical", "linear"):
            argv = [f"--model={run}", f"--start={start}", f"--end={end}", "--count=5", f"--way={way}"]
            assert cli.run("interpolate", [*argv, f"--output={tmp_path}/strip.png"]) == 0
            expected = model.interpolate(a, b, 5, way)[0]
            assert np.abs(png(tmp_path / "strip.png").astype(int) - grid(expected, 5)).max() <= 1


def test_a_gif_that_meets_the_end_of_the_disk_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def save(image: Image.Image, file: Any, **options: Any) -> None:
        file.write(b"GIF8")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", save)
    with pytest.raises(UserError, match=r"cannot write .*a\.gif: \[Errno 28\] No space left on device"):
        files.write_gif([np.zeros([2, 4, 4, 3], np.uint8)], tmp_path / "a.gif", frames_per_second=20)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("channels", [1, 3])
def test_a_gif_goes_there_and_back(tmp_path: Path, channels: int) -> None:
    frames = np.zeros([4, 8, 8, channels], np.uint8) + np.arange(0, 200, 50, dtype=np.uint8)[:, None, None, None]
    files.write_gif([frames[:3], frames[3:]], tmp_path / "a.gif", frames_per_second=20)
    with Image.open(tmp_path / "a.gif") as gif:
        assert (gif.n_frames, gif.info["duration"], gif.info["loop"]) == (6, 50, 0)
        shown = []
        for i in range(6):
            gif.seek(i)
            shown.append(int(np.asarray(gif.convert("RGB"))[0, 0, 0]))
    assert shown == [0, 50, 100, 150, 100, 50]


def test_codes_are_those_of_the_encoder_with_the_names_of_the_files(run: Path, images: Path, tmp_path: Path) -> None:
    assert cli.run("encode", [f"--model={run}", f"--input={images}", f"--output={tmp_path}/c.npz"]) == 0
    mean, log_variance = tfpagan.load(run).posterior(tiny.images(5, SHAPE))
    with np.load(tmp_path / "c.npz") as arrays:
        np.testing.assert_allclose(arrays["mean"][:5], mean, rtol=1e-4)
        np.testing.assert_allclose(arrays["log_variance"][:5], log_variance, rtol=1e-4)
        assert arrays["files"].tolist() == [*(f"{images}/{i}.png" for i in range(5)), f"{images}/more/5.jpg"]


@pytest.mark.slow
def test_the_images_of_the_run_are_cut_as_in_training(tmp_path: Path) -> None:
    whole = tiny.images(40, (16, 16, 3))
    (tmp_path / "d").mkdir()
    for i, x in enumerate(whole):
        (tmp_path / f"d/{i:02d}.png").write_bytes(tf.io.encode_png(x).numpy())
    name = f"folder:{tmp_path}/d"
    tiny.write_run(tmp_path / "run", SHAPE, dataset=name, crop="center:8", channels=8)
    exports.publish(restore.restored(tmp_path / "run"), tmp_path / "run/export")
    codes = {}
    for model in ("run", "run/export"):
        for crop in ("", "center:8", "center"):
            more = [f"--crop={crop}"] if crop else []
            argv = [f"--model={tmp_path}/{model}", f"--dataset={name}", f"--cache_dir={tmp_path}/cache", *more]
            assert cli.run("encode", [*argv, "--split=train", f"--output={tmp_path}/c.npz"]) == 0
            with np.load(tmp_path / "c.npz") as arrays:
                codes[model, crop] = arrays["mean"]
        np.testing.assert_array_equal(codes[model, ""], codes[model, "center:8"])
        assert np.abs(codes[model, ""] - codes[model, "center"]).max() > 1e-3


def test_codes_of_a_data_set_have_its_labels(run: Path, tmp_path: Path) -> None:
    for label in ("cat", "dog"):
        for i in range(20):
            (tmp_path / "d" / label).mkdir(parents=True, exist_ok=True)
            (tmp_path / f"d/{label}/{i:02d}.png").write_bytes(tf.io.encode_png(tiny.images(1, SHAPE, seed=i)[0]).numpy())
    data = [f"--dataset=folder:{tmp_path}/d", f"--cache_dir={tmp_path}/cache"]
    for split, count in (("train", 36), ("test", 4)):
        assert cli.run("encode", [f"--model={run}", *data, f"--split={split}", f"--output={tmp_path}/c.npz"]) == 0
        with np.load(tmp_path / "c.npz") as arrays:
            assert arrays["mean"].shape == (count, tiny.Z)
            assert set(arrays["labels"].tolist()) == {0, 1}
            assert arrays["label_names"].tolist() == ["cat", "dog"]


def test_a_data_set_of_other_channels_is_refused_before_it_is_decoded(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from tfpagan import data
    from tfpagan.settings.sections import DataConfig

    config = DataConfig(dataset="mnist", crop="pad", image_size=8)
    grey = data.Described(config, 1, "", {"train": 1, "test": 1}, lambda folder: False)
    monkeypatch.setattr(data, "describe", lambda config: grey)
    monkeypatch.setattr(data, "prepare", lambda config: pytest.fail("it was decoded"))
    assert cli.run("encode", [f"--model={run}", "--dataset=mnist", f"--output={tmp_path}/c.npz"]) == 1
    assert "the images of --dataset=mnist are in grey; the model takes images in colour" in capsys.readouterr().err


def test_files_of_codes_are_checked(tmp_path: Path) -> None:
    from tfpagan.errors import UserError

    with (tmp_path / "n.npz").open("wb") as f:
        np.save(f, np.zeros([3, 4]))
    with pytest.raises(UserError, match="is not a file of codes"):
        files.read_code(tmp_path / "n.npz", 0)
    np.savez(tmp_path / "w.npz", mean=np.full([3, 4], "x"))
    with pytest.raises(UserError, match="has no code in row 0"):
        files.read_code(tmp_path / "w.npz", 0)
    np.savez(tmp_path / "c.npz", mean=np.zeros([3, 4]))
    assert files.read_code(tmp_path / "c.npz", 2).shape == (1, 4)
    with pytest.raises(UserError, match=r"has no code in row 3: its mean is float64 of shape \[3, 4\]"):
        files.read_code(tmp_path / "c.npz", 3)
