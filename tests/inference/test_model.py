"""A trained model from Python: the same from a run as from its export, interpolation by hand, what it refuses."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from helpers import exports, tiny

import tfpagan
from tfpagan.errors import UserError
from tfpagan.images import normalize, to_bytes
from tfpagan.inference import model, restore
from tfpagan.inference.model import Model
from tfpagan.latents import WAYS, between
from tfpagan.networks import arrays
from tfpagan.training.trainer import Trainer

SHAPE = (8, 8, 3)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Trainer]:
    folder = tmp_path_factory.mktemp("runs") / "tiny"
    trainer = tiny.write_run(folder, SHAPE)
    for role in ("encoder", "generator"):  # codes and pixels of order 1
        for v in trainer.averages[role].trainable_variables:
            v.assign(np.random.default_rng(0).normal(0.0, 0.3, v.shape))
    trainer.step.assign(2)
    from tfpagan.run_folder.checkpoints import Checkpoints

    Checkpoints(trainer.checkpoint(), folder / "ckpt", keep=3).save()
    exports.publish(restore.restored(folder), folder / "export")
    return folder, trainer


@pytest.fixture(scope="module", params=["run", "versions", "version"])
def loaded(run: tuple[Path, Trainer], request: pytest.FixtureRequest) -> Model:
    return tfpagan.load(run[0] / {"run": "", "versions": "export", "version": "export/1"}[request.param])


def pixels(n: int) -> np.ndarray:
    return tiny.images(n, SHAPE)


@pytest.mark.slow
def test_it_gives_what_the_networks_give_on_bytes_and_on_floats(run: tuple[Path, Trainer], loaded: Model) -> None:
    generator, encoder = (run[1].inference(role) for role in ("generator", "encoder"))
    assert (loaded.image_shape, loaded.latent_dim) == (SHAPE, tiny.Z)
    x = normalize(pixels(5)).numpy()
    mean, log_variance = encoder(x)
    for images in (pixels(5), x, x.astype(np.float64)):
        np.testing.assert_allclose(loaded.encode(images), mean, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(loaded.posterior(x)[1], log_variance, rtol=1e-4, atol=1e-5)
    rec = generator(mean).numpy()
    np.testing.assert_allclose(loaded.reconstruct(x), rec, atol=1e-4)
    assert loaded.reconstruct(pixels(5)).dtype == np.uint8
    assert np.abs(loaded.reconstruct(pixels(5)).astype(int) - to_bytes(rec)).max() <= 1
    for dtype in (np.float32, "float32", np.dtype(np.float32)):
        assert loaded.decode(mean.numpy(), dtype).dtype == np.float32
    for dtype in (np.uint8, "uint8", pixels(1).dtype):
        np.testing.assert_array_equal(loaded.decode(mean.numpy(), dtype), loaded.decode(mean.numpy()))


def test_a_run_and_its_export_give_the_same_samples(run: tuple[Path, Trainer], loaded: Model) -> None:
    of_run = tfpagan.load(run[0]).sample(5, seed=3, dtype=np.float32)
    np.testing.assert_allclose(loaded.sample(5, seed=3, dtype=np.float32), of_run, atol=1e-5)
    np.testing.assert_allclose(loaded.sample(2, seed=3, dtype=np.float32), of_run[:2], atol=1e-5)
    assert np.abs(loaded.sample(5, seed=4, dtype=np.float32) - of_run).max() > 1e-4


def test_many_images_go_through_in_parts(loaded: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = loaded.encode(pixels(7))
    monkeypatch.setattr(model, "AT_ONCE", 3)
    np.testing.assert_allclose(loaded.encode(pixels(7)), whole, rtol=1e-4, atol=1e-5)


def test_interpolation_begins_at_one_end_and_ends_at_the_other(loaded: Model) -> None:
    a, b = pixels(4)[:2], pixels(4)[2:]
    for way in WAYS:
        images = loaded.interpolate(a, b, count=5, way=way)
        assert images.shape == (2, 5, *SHAPE)
        for end, x in ((0, a), (-1, b)):
            assert np.abs(images[:, end].astype(int) - loaded.reconstruct(x)).max() <= 1
    codes = loaded.interpolate(loaded.encode(a), loaded.encode(b), count=3, way="linear")
    middle = loaded.decode((loaded.encode(a) + loaded.encode(b)) / 2)
    assert np.abs(codes[:, 1].astype(int) - middle).max() <= 1


def test_the_arc_keeps_the_norm_and_the_angle_and_is_a_line_where_there_is_no_arc() -> None:
    a, b = np.array([[3.0, 0.0, 0.0]]), np.array([[0.0, 3.0, 0.0]])
    arc = between(a, b, 4, "spherical")[:, 0]
    np.testing.assert_allclose(np.linalg.norm(arc, axis=1), 3.0, rtol=1e-6)
    np.testing.assert_allclose(arc[1], [3 * np.cos(np.pi / 6), 3 * np.sin(np.pi / 6), 0], rtol=1e-6, atol=1e-7)
    for other in (2 * a, -a, 0 * a):
        straight = between(a, other, 5, "linear")
        np.testing.assert_allclose(between(a, other, 5, "spherical"), straight, atol=1e-3)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda m: m.encode(pixels(2)[0]),
            r"images of shape \[8, 8, 3\] cannot be encoded; expected \[N, 8, 8, 3\], as fitted",
        ),
        (lambda m: m.encode(pixels(2)[:, :4]), r"images of shape \[2, 4, 8, 3\]"),
        (lambda m: m.encode(pixels(2)[:0]), r"images of shape \[0, 8, 8, 3\]"),
        (lambda m: m.encode(pixels(2).astype(np.int64)), "images of type int64 cannot be encoded"),
        (lambda m: m.encode(pixels(2).astype(np.float32)), r"float images in \[0, 255\] cannot be encoded"),
        (lambda m: m.encode(np.full([1, *SHAPE], np.nan)), "must be in"),
        (lambda m: m.decode(np.zeros([2, 5])), r"codes of shape \[2, 5\] cannot be decoded; expected \[N, 4\]"),
        (lambda m: m.decode(np.full([2, 4], np.inf)), "codes that are not finite numbers"),
        (lambda m: m.decode(np.zeros([2, 4]), np.float64), "images cannot be of type float64"),
        (lambda m: m.decode(np.full([2, 4], 1e300)), "codes that are not finite numbers"),
        (lambda m: m.decode(np.zeros([2, 4], bool)), "codes of type bool cannot be decoded"),
        (lambda m: m.interpolate(np.zeros([0, 4]), np.zeros([0, 4])), "cannot be interpolated"),
        (lambda m: m.interpolate(np.zeros([2, 4]), np.zeros([2, 4]), way=[]), "is not legal: it must be one of"),
        (lambda m: m.decode([[1, 2], [3]]), "nested lists of different lengths"),
        (lambda m: m.sample(1, dtype="foo"), "images cannot be of type foo"),
        (lambda m: m.sample(2.5), "2.5 samples cannot be drawn"),
        (lambda m: m.sample(True), "True samples cannot be drawn"),
        (lambda m: m.sample(10**9), "1000000000 samples cannot be drawn; expected a whole number from 1 to 1000000"),
        (lambda m: m.sample(1, seed=1.5), "seed 1.5 is not legal"),
        (lambda m: m.interpolate(np.zeros(4), np.zeros(4)), r"float64 of shape \[4\] cannot be interpolated"),
        (lambda m: m.interpolate(np.zeros([1, 5]), np.zeros([1, 5])), r"expected images, or codes \[N, 4\]"),
        (lambda m: m.interpolate(pixels(2), pixels(2), count=2.5), "2.5 images cannot be interpolated"),
        (lambda m: m.sample(0), "0 samples cannot be drawn"),
        (lambda m: m.sample(1, seed=-1), "seed -1 is not legal"),
        (lambda m: m.interpolate(pixels(2), pixels(1)), "start and end points differ in number: 2 and 1"),
        (
            lambda m: m.interpolate(pixels(2), pixels(2), way="cubic"),
            "'cubic' is not legal: it must be one of spherical",
        ),
        (lambda m: m.interpolate(pixels(2), pixels(2), count=1), "expected a whole number from 2 to 500000"),
    ],
)
def test_what_it_cannot_take_gets_a_clear_error(run: tuple[Path, Trainer], call: object, message: str) -> None:
    with pytest.raises(UserError, match=message):
        call(tfpagan.load(run[0]))  # type: ignore[operator]


def test_images_of_other_sizes_are_fitted_as_in_training(tmp_path: Path) -> None:
    tiny.write_run(tmp_path, (8, 8, 1), crop="pad")
    model = tfpagan.load(tmp_path)
    x = tiny.images(3, (6, 6, 1))
    fitted = model.fitted(x[..., 0])
    np.testing.assert_array_equal(fitted, np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0))))
    np.testing.assert_array_equal(model.encode(fitted[..., 0]), model.encode(fitted))
    with pytest.raises(
        UserError, match=r"uint8 of shape \[3, 6, 6, 3\] cannot be fitted; expected uint8 \[N, height, width, 1\]"
    ):
        model.fitted(tiny.images(3, (6, 6, 3)))
    with pytest.raises(UserError, match="does not fit into --image_size=8"):
        model.fitted(tiny.images(3, (9, 9, 1)))


def test_floats_between_0_and_1_are_warned_of(run: tuple[Path, Trainer], caplog: pytest.LogCaptureFixture) -> None:
    tfpagan.load(run[0]).encode(pixels(2) / 255.0)
    assert "no pixel of these 2 images is below 0: floats must be in [-1, 1], not [0, 1]" in caplog.text


def test_a_model_without_an_encoder_says_so(run: tuple[Path, Trainer]) -> None:
    whole = restore.restored(run[0])
    decoder = Model("dcgan", SHAPE, tiny.Z, arrays.decoding(whole.networks["generator"]), None)
    assert decoder.sample(2).shape == (2, *SHAPE)
    with pytest.raises(UserError, match="dcgan has no encoder"):
        decoder.reconstruct(pixels(1))


def test_what_is_neither_a_run_nor_an_export_is_refused(run: tuple[Path, Trainer], tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is neither a run, with ckpt/, nor an export"):
        tfpagan.load(tmp_path)
    with pytest.raises(UserError, match=r"^x{100} cannot be read: File name too long$"):
        tfpagan.load("x" * 5000)
    (tmp_path / "saved_model.pb").write_bytes(b"damaged")
    with pytest.raises(UserError, match="is not a readable export"):
        tfpagan.load(tmp_path)
    with pytest.raises(UserError, match="is an export, which has no checkpoints to choose from"):
        tfpagan.load(run[0] / "export", step=3)


def test_importing_tfpagan_imports_no_tensorflow() -> None:
    subprocess.run([sys.executable, "-c", "import sys, tfpagan; assert 'tensorflow' not in sys.modules"], check=True)
