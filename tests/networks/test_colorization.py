"""A system that is given lightness: in training, in use, from an export, served, from the command line."""

import base64
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from helpers import exports, tiny
from werkzeug.test import Client

import tfpagan
from tfpagan import cli, networks
from tfpagan import images as colours
from tfpagan.config import Config
from tfpagan.errors import UserError
from tfpagan.forward.condition import LIGHTNESS
from tfpagan.images import normalize, write_png
from tfpagan.inference import restore
from tfpagan.inference.model import Model
from tfpagan.networks import arrays
from tfpagan.serving.application import Application
from tfpagan.serving.hosted import Hosted
from tfpagan.serving.servable import Servable
from tfpagan.settings.sections import NetworkConfig
from tfpagan.training.trainer import Trainer

SHAPE = (16, 16, 3)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("colours") / "run"
    tiny.write_run(folder, SHAPE, objective="conditional_age", latent_dim=3)
    return folder


@pytest.fixture(scope="module")
def version(run: Path) -> Path:
    return exports.publish(restore.restored(run), run / "export", name="colours")


def images(n: int = 3) -> np.ndarray:
    return tiny.images(n, SHAPE)


def lightness(x: np.ndarray) -> np.ndarray:
    return colours.lightness(colours.to_lab(normalize(x))).numpy()


def muted(n: int = 3) -> np.ndarray:
    """Images of middle greys, where every colour that the tests make is one of sRGB's."""
    return np.repeat(np.random.default_rng(1).integers(110, 150, [n, 16, 16, 1]), 3, 3).astype(np.uint8)


def test_a_model_keeps_lightness_and_makes_colours_of_codes(run: Path) -> None:
    model, x = tfpagan.load(run), muted()
    generator = restore.restored(run).networks["generator"].network
    generator.to_image.kernel.assign(generator.to_image.kernel * 0.0)  # colours of the biases alone
    generator.to_image.bias.assign([0.1, -0.1])
    made = arrays.recolouring(LIGHTNESS.generator_in_use(generator))(model.prior(3), x / np.float32(127.5) - 1)
    lab = colours.to_lab(tf.constant(made)).numpy()
    np.testing.assert_allclose(lab[..., 0], lightness(x)[..., 0], atol=2e-3)
    np.testing.assert_allclose(lab[..., 1], np.tanh(0.1), atol=2e-3)
    np.testing.assert_allclose(lab[..., 2], -np.tanh(0.1), atol=2e-3)


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_mixed_precision_copies_lightness_as_it_is(precision: str) -> None:
    config = NetworkConfig(posterior="sphere", channels=8, latent_dim=3)
    mixed, plain = (
        networks.build("generator", config, SHAPE, condition=LIGHTNESS, mixed_precision=p) for p in (precision, "none")
    )
    assert mixed.first.conv.compute_dtype == precision
    codes = tf.random.stateless_normal([3, 3], [0, 1])
    given = colours.lightness(colours.to_lab(normalize(images())))
    made = mixed((codes, given), training=True)
    np.testing.assert_array_equal(made[..., :1], given)
    np.testing.assert_allclose(made, plain((codes, given), training=True), atol=0.03)


def test_what_a_model_looks_at_of_the_images_is_their_lightness(run: Path) -> None:
    model, x = tfpagan.load(run), images()
    codes = model.prior(3, seed=1)
    grey = colours.grey(normalize(x)).numpy()
    of_grey, of_colours = model.colourise(grey, codes), model.colourise(x.astype(np.float32) / 127.5 - 1, codes)
    np.testing.assert_allclose(of_grey, of_colours, atol=0.02)
    assert np.abs(model.encode(grey) - model.encode(x)).max() > 1e-5  # the encoder sees the colours


@pytest.mark.slow
def test_a_run_and_its_export_colourise_alike(run: Path, version: Path) -> None:
    model, exported, x = tfpagan.load(run), tfpagan.load(version), images()
    codes = model.prior(3)
    np.testing.assert_allclose(exported.encode(x), model.encode(x), atol=1e-5)
    for one, other in ((exported, model), (model, exported)):
        assert np.abs(one.colourise(x, codes).astype(int) - other.colourise(x, codes)).max() <= 1
        assert np.abs(one.reconstruct(x).astype(int) - other.reconstruct(x)).max() <= 1
    signatures = tf.saved_model.load(str(version)).signatures
    made = {f"{name}{ending}" for name in ("colourise", "reconstruct") for ending in ("", "_bytes", "_jpeg_bytes")}
    assert set(signatures) == made | {"encode", "encode_bytes", "serving_default"}


@pytest.fixture
def served(version: Path) -> Iterator[Client]:
    with closing(Hosted("colours", 1)) as hosted:
        hosted.available(Servable(version, max_rows=4))
        yield Client(Application(hosted, max_body_bytes=2**20))


@pytest.mark.slow
def test_a_server_colourises(run: Path, served: Client) -> None:
    model, x = tfpagan.load(run), images(2)
    codes = model.prior(2)
    files = [{"b64": base64.b64encode(tf.io.encode_png(image).numpy()).decode()} for image in x]
    body = {"signature_name": "colourise_bytes", "inputs": {"images_bytes": files, "latents": codes.tolist()}}
    answer = served.post("/v1/models/colours:predict", json=body).json["outputs"]
    for one, expected in zip(answer, model.colourise(x, codes), strict=True):
        assert np.abs(tf.io.decode_png(base64.b64decode(one["b64"])).numpy().astype(int) - expected).max() <= 1
    body["inputs"]["latents"] = codes[:1].tolist()
    refused = served.post("/v1/models/colours:predict", json=body)
    assert (refused.status_code, refused.json) == (400, {"error": "the inputs differ in their number of rows"})
    facts = served.get("/model.json").json
    assert (facts["encoder"], facts["prior"], facts["image_shape"]) == (True, False, list(SHAPE))


def test_what_a_model_that_makes_colours_cannot_do_is_refused(run: Path) -> None:
    model: Model = tfpagan.load(run)
    with pytest.raises(UserError, match="cannot generate images from codes alone"):
        model.sample(2)
    with pytest.raises(UserError, match="images and codes differ in number: 3 and 2"):
        model.colourise(images(), model.prior(2))
    with pytest.raises(UserError, match="codes of shape"):
        model.colourise(images(), np.zeros([3, 4]))


def test_other_models_make_no_colours(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tiny.write_run(tmp_path / "pagan", SHAPE)
    model = tfpagan.load(tmp_path / "pagan")
    with pytest.raises(UserError, match="does not colourise images"):
        model.colourise(images(), model.prior(3))
    assert cli.run("colourise", [f"--model={tmp_path}/pagan", f"--output={tmp_path}/a.png"]) == 1
    assert "does not colourise: a run of --objective=conditional_age does" in capsys.readouterr().err


@pytest.mark.slow
def test_bin_colourise_draws_a_row_an_image(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "in").mkdir()
    for i, image in enumerate(images(4)):
        write_png(image, str(tmp_path / "in" / f"{i}.png"))
    own = [f"--model={run}", f"--input={tmp_path}/in", "--rows=2"]
    assert cli.run("colourise", [*own, "--count=3", f"--output={tmp_path}/drawn.png"]) == 0
    assert cli.run("colourise", [*own, f"--colours={tmp_path}/in", f"--output={tmp_path}/given.png"]) == 0
    drawn, given = (tf.io.decode_png((tmp_path / f"{name}.png").read_bytes()).numpy() for name in ("drawn", "given"))
    assert drawn.shape == (2 * 16, 5 * 16, 3)
    assert given.shape == (2 * 16, 6 * 16, 3)
    np.testing.assert_array_equal(drawn[:16, 16:32], images(4)[0])
    assert np.abs(drawn[:16, :16, 0].astype(int) - drawn[:16, :16, 2]).max() <= 1  # grey
    model = tfpagan.load(run)
    own_colours = model.colourise(images(4)[:1], model.encode(images(4)[:1]))[0]
    assert np.abs(given[:16, 32:48].astype(int) - own_colours).max() <= 1
    assert cli.run("colourise", [*own, f"--output={tmp_path}/drawn.gif"]) == 1
    assert "it must end in .png" in capsys.readouterr().err


def test_pictures_while_training_are_colourisations_and_transfers(
    one_device: tf.distribute.Strategy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tfpagan.training import hooks

    config = Config().with_changes({"objective": "conditional_age", "channels": 8, "batch_size": 4, "image_size": 16})
    trainer = Trainer(config=config, image_shape=SHAPE, strategy=one_device)
    pictures = hooks.PictureHook(
        tmp_path, tf.summary.create_noop_writer(), trainer, tiny.images(64, SHAPE), tiny.images(64, SHAPE), every_steps=1
    )
    pictures.act(1)
    sizes = {path.parent.name: tf.io.decode_png(path.read_bytes()).shape for path in tmp_path.glob("*/step_00000001.png")}
    assert {name: tuple(shape) for name, shape in sizes.items()} == {
        "colourisations": (8 * 16, 8 * 16, 3),
        "transfers": (8 * 16, 3 * 16, 3),
        "reconstructions": (8 * 16, 16 * 16, 3),
        "training_reconstructions": (8 * 16, 16 * 16, 3),
    }


def test_greyscale_images_are_refused(one_device: tf.distribute.Strategy) -> None:
    config = Config().with_changes({"objective": "conditional_age", "channels": 8})
    with pytest.raises(UserError, match="needs images in colour"):
        Trainer(config=config, image_shape=(8, 8, 1), strategy=one_device)
    with pytest.raises(UserError, match="--architecture=resnet is not legal with --objective=conditional_age"):
        Config().with_changes({"objective": "conditional_age", "architecture": "resnet"})
