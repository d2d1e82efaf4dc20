"""Classifiers from SavedModels, archives, frozen graphs and the hub; and the in-domain one that is trained here."""

import dataclasses
import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from helpers.classifiers import Network, write

from tfpagan import cli
from tfpagan.evaluation.classifiers import classifier, inception, vgg
from tfpagan.evaluation.classifiers.classifier import INCEPTION_SHAPE, from_saved_model
from tfpagan.evaluation.classifiers.features import FeatureExtractor
from tfpagan.evaluation.classifiers.preprocessing import for_classifier
from tfpagan.evaluation.errors import EvaluationError

X = np.random.default_rng(1).integers(0, 256, [5, 16, 16, 3]).astype(np.uint8)


@pytest.mark.parametrize("signature", [False, True])
def test_a_saved_model_is_called_or_its_signature_is(tmp_path: Path, signature: bool) -> None:
    found = from_saved_model(write(tmp_path / "net", signature=signature))
    assert (found.name, found.shape, found.official) == ("net", (16, 16, 3), False)
    logits, features = FeatureExtractor(found)(X)
    assert (logits.shape, features.shape) == ((5, 10), (5, 8))
    network = Network(10, 8, (16, 16, 3), ("logits", "pool_3"))
    expected = network.outputs((X.astype(np.float32) - 128) / 128)["logits"]
    np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-5)


def test_an_input_without_a_size_gets_inceptions(tmp_path: Path) -> None:
    assert from_saved_model(write(tmp_path / "net", shape=(None, None, 3))).shape == INCEPTION_SHAPE


def test_the_checksum_follows_the_weights(tmp_path: Path) -> None:
    first = from_saved_model(write(tmp_path / "a")).checksum
    data = next((tmp_path / "a/variables").glob("*.data*"))
    data.write_bytes(data.read_bytes()[:-1] + b"x")
    assert classifier.checksum(tmp_path / "a") != first
    assert len(first) == 16


def test_what_is_no_classifier_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match=r"holds no classifier: saved_model\.pb is missing"):
        from_saved_model(tmp_path)
    with pytest.raises(EvaluationError, match=r"net gives features, probs; a classifier gives logits \[N, K\] and pool_3"):
        from_saved_model(write(tmp_path / "net", keys=("probs", "features")))
    model = write(tmp_path / "half") / "saved_model.pb"
    model.write_bytes(model.read_bytes()[:100])
    with pytest.raises(EvaluationError, match="cannot be read"):
        from_saved_model(tmp_path / "half")


# Inception


def test_the_module_is_the_one_that_tf_gan_names() -> None:
    from tensorflow_gan.python.eval import inception_metrics

    assert inception.HANDLE == inception_metrics.INCEPTION_TFHUB


def test_inception_is_told_by_its_two_widths(tmp_path: Path) -> None:
    official = inception.load(str(write(tmp_path / "right", 1008, 2048, (None, None, 3))))
    assert (official.name, official.official, official.shape) == ("inception-2015-12-05", True, INCEPTION_SHAPE)
    with pytest.raises(EvaluationError, match="gives 10 logits and 8 features; the Inception of 2015 gives 1008 and 2048"):
        inception.load(str(write(tmp_path / "wrong", shape=(None, None, 3))))


def test_inception_comes_from_an_archive_that_is_unpacked_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write(tmp_path / "module", 1008, 2048, (None, None, 3))
    archive, cache = tmp_path / "inception.tar.gz", tmp_path / "cache"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(folder, ".")
    monkeypatch.setenv(inception.PATH_VARIABLE, str(archive))
    first = inception.load(cache_dir=str(cache))
    (unpacked,) = (p for p in cache.iterdir() if p.is_dir())
    stamp = unpacked.stat().st_mtime_ns
    assert inception.load(cache_dir=str(cache)).checksum == first.checksum
    assert unpacked.stat().st_mtime_ns == stamp
    whole = archive.read_bytes()
    flipped = whole[: len(whole) // 2] + bytes([whole[len(whole) // 2] ^ 0x10]) + whole[len(whole) // 2 + 1 :]
    for damaged in (whole[:1000], flipped, b"no archive"):
        archive.write_bytes(damaged)
        with pytest.raises(EvaluationError, match=r"inception\.tar\.gz cannot be unpacked"):
            inception.load(cache_dir=str(cache))
    assert [p.name for p in cache.iterdir() if p.is_dir()] == [unpacked.name]
    archive.write_bytes(whole)
    (unpacked / "variables/more").write_text("")
    with pytest.raises(EvaluationError, match="has changed since its first use"):
        inception.load(cache_dir=str(cache))
    with pytest.raises(EvaluationError, match="cannot be unpacked into /proc/x"):
        inception.load(cache_dir="/proc/x")


def test_a_cache_that_cannot_be_written_is_still_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write(tmp_path / "module", 1008, 2048, (None, None, 3))
    (tmp_path / "module.sha256").mkdir()
    monkeypatch.delenv(inception.PATH_VARIABLE, raising=False)
    monkeypatch.setattr("tensorflow_hub.resolve", lambda handle: str(folder))
    assert inception.load(cache_dir=str(tmp_path)).official


def test_a_damaged_download_is_kept_until_there_is_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write(tmp_path / "module", 1008, 2048, (None, None, 3))

    def resolve(handle: str) -> str:
        if not folder.exists():
            raise OSError("no network")
        return str(folder)

    monkeypatch.delenv(inception.PATH_VARIABLE, raising=False)
    monkeypatch.setattr("tensorflow_hub.resolve", resolve)
    inception.load(cache_dir=str(tmp_path))
    (folder / "variables/more").write_text("")
    with pytest.raises(EvaluationError, match="no network"):
        inception.load(cache_dir=str(tmp_path))
    assert (tmp_path / "module.damaged/saved_model.pb").exists()


def frozen_graph(features: int, classes: int) -> tf.compat.v1.GraphDef:
    """The nodes of the 2015 graph that matter, with its fixed batch of 1 and a resize that must be skipped."""
    v1, random = tf.compat.v1, np.random.default_rng(2)
    with tf.Graph().as_default() as graph:
        contents = v1.placeholder(tf.string, [], "DecodeJpeg/contents")
        image = tf.expand_dims(tf.cast(tf.io.decode_jpeg(contents, channels=3), tf.float32), 0, name="ExpandDims")
        resized = v1.image.resize_bilinear(image, [299, 299], name="ResizeBilinear")
        scaled = tf.multiply(tf.subtract(resized, 128.0, name="Sub"), 1 / 128, name="Mul")
        kernel = tf.constant(random.normal(size=[40, 40, 3, features]) / 70, tf.float32)
        maps = tf.nn.relu(tf.nn.conv2d(scaled, kernel, 36, "VALID"))
        pooled = tf.nn.avg_pool(maps, 8, 1, "VALID", name="pool_3")
        flat = tf.reshape(pooled, tf.constant([1, features]), name="pool_3/_reshape")
        weights = tf.constant(random.normal(size=[features, classes]), tf.float32, name="softmax/weights")
        product = tf.matmul(flat, weights, name="softmax/logits/MatMul")
        tf.nn.softmax(tf.nn.bias_add(product, tf.ones([classes]), name="softmax/logits"), name="softmax")
    return graph.as_graph_def()


def test_the_frozen_graph_takes_any_number_of_images_and_gives_logits_without_the_bias(tmp_path: Path) -> None:
    file = tmp_path / "classify_image_graph_def.pb"
    file.write_bytes(frozen_graph(16, 12).SerializeToString())
    found = inception.from_frozen_graph(file)
    x = tf.random.stateless_uniform([3, *INCEPTION_SHAPE], [1, 2], -1.0, 1.0)
    logits, features = found.outputs(x)
    imported = tf.compat.v1.wrap_function(
        lambda image: tf.graph_util.import_graph_def(
            frozen_graph(16, 12), {"Mul:0": image}, ["pool_3/_reshape:0", "softmax/logits:0"], name=""
        ),
        [tf.TensorSpec([1, *INCEPTION_SHAPE], tf.float32)],
    )
    for i in range(3):  # one by one, as the graph was made
        pool, biased = imported(x[i : i + 1])
        np.testing.assert_allclose(features[i], pool[0], rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(logits[i], biased[0] - 1.0, rtol=1e-4, atol=1e-4)
    with pytest.raises(EvaluationError, match="gives 12 logits and 16 features"):
        inception.load(str(file))


def test_other_files_are_no_frozen_graph(tmp_path: Path) -> None:
    (tmp_path / "a.pb").write_bytes(b"no graph")
    (tmp_path / "b.pb").write_bytes(tf.Graph().as_graph_def().SerializeToString())
    for name in ("a.pb", "b.pb"):
        with pytest.raises(EvaluationError, match=rf"{name[0]}\.pb is not Inception's frozen graph of 2015"):
            inception.load(str(tmp_path / name))
    (tmp_path / "c.txt").write_text("")
    for name in ("c.txt", "nowhere"):
        with pytest.raises(EvaluationError, match="classify_image_graph_def"):
            inception.load(str(tmp_path / name))


def test_without_a_network_one_message_says_all_the_ways(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(inception.PATH_VARIABLE, raising=False)
    monkeypatch.setattr("tensorflow_hub.resolve", lambda handle: (_ for _ in ()).throw(OSError("no network")))
    with pytest.raises(EvaluationError) as caught:
        inception.load(cache_dir=str(tmp_path))
    message = str(caught.value)
    for part in (inception.HANDLE, "no network", "--inception", "TFPAGAN_INCEPTION", "bin/train_classifier", "rmse"):
        assert part in message
    assert "\n" not in message


def test_a_damaged_download_is_fetched_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, fetched = tmp_path / "module", []

    def resolve(handle: str) -> str:
        if not folder.exists():
            fetched.append(handle)
            write(folder, 1008, 2048, (None, None, 3))
        return str(folder)

    monkeypatch.delenv(inception.PATH_VARIABLE, raising=False)
    monkeypatch.setattr("tensorflow_hub.resolve", resolve)
    inception.load(cache_dir=str(tmp_path))
    inception.load(cache_dir=str(tmp_path))
    assert len(fetched) == 1
    (folder / "saved_model.pb").unlink()  # half a cache
    inception.load(cache_dir=str(tmp_path))
    assert len(fetched) == 2
    (folder / "variables/more").write_text("")  # not what was downloaded
    inception.load(cache_dir=str(tmp_path))
    assert fetched == [inception.HANDLE] * 3


def test_a_full_size_inception_is_loaded_once_and_takes_images_of_any_size(tmp_path: Path) -> None:
    """Inception v3 of keras.applications with random weights: 21.8 million parameters, 2048 features."""
    body = tf.keras.applications.InceptionV3(include_top=False, weights=None, pooling="avg", input_shape=INCEPTION_SHAPE)
    network = tf.keras.Model(body.input, {"logits": tf.keras.layers.Dense(1008)(body.output), "pool_3": body.output})
    module = tf.Module()
    module.network = network
    module.__call__ = tf.function(
        lambda x: network(x, training=False), input_signature=[tf.TensorSpec([None, None, None, 3], tf.float32)]
    )
    tf.saved_model.save(module, str(tmp_path / "inception"))
    found = inception.load(str(tmp_path / "inception"))
    assert (found.official, found.shape) == (True, INCEPTION_SHAPE)
    extract = FeatureExtractor(found)
    x = X[:4].repeat(2, 1).repeat(2, 2)  # 32 px
    logits, features = extract(x)
    assert (logits.shape, features.shape) == ((4, 1008), (4, 2048))
    resized = (tf.raw_ops.ResizeBilinear(images=tf.cast(x, tf.float32), size=[299, 299]) - 128) / 128
    np.testing.assert_allclose(for_classifier(tf.constant(x), INCEPTION_SHAPE), resized, atol=1e-6)
    np.testing.assert_allclose(features, network(resized, training=False)["pool_3"], rtol=1e-3, atol=1e-5)


# The in-domain classifier


Outputs = dict[str, tf.Tensor]
FOREIGN: dict[str, tuple[tuple[int | None, ...], Callable[[tf.Tensor], Outputs], str]] = {
    "a vector": ((None, 8, 8, 3), lambda x: {"logits": x[:, 0, 0, 0], "pool_3": x[:, 0, 0]}, r"gives logits \(3,\)"),
    "a number": ((None, 8, 8, 3), lambda x: {"logits": tf.reduce_mean(x), "pool_3": x[:, 0, 0]}, r"gives logits \(\)"),
    "no features": ((None, 8, 8, 3), lambda x: {"logits": x[:, 0, 0], "pool_3": x[:, 0, 0, :0]}, r"pool_3 \(3, 0\)"),
    "one row": ((None, 8, 8, 3), lambda x: {"logits": x[:1, 0, 0], "pool_3": x[:, 0, 0]}, r"gives logits \(1, 3\)"),
    "words": ((None, 8, 8, 3), lambda x: {"logits": tf.as_string(x[:, 0, 0]), "pool_3": x[:, 0, 0]}, "string"),
    "four channels": ((None, 8, 8, 4), lambda x: {"logits": x[:, 0, 0], "pool_3": x[:, 0, 0]}, "C is 4"),
    "a fixed batch": ((2, 8, 8, 3), lambda x: {"logits": x[:, 0, 0], "pool_3": x[:, 0, 0]}, "does not take images"),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_foreign_networks_are_refused_in_one_line(tmp_path: Path, name: str) -> None:
    shape, function, message = FOREIGN[name]
    module = tf.Module()
    module.__call__ = tf.function(function, input_signature=[tf.TensorSpec(shape, tf.float32, "images")])
    tf.saved_model.save(module, str(tmp_path / "net"), signatures={"serving_default": module.__call__})
    with pytest.raises(EvaluationError, match=message) as caught:
        from_saved_model(tmp_path / "net")
    assert "\n" not in str(caught.value)


def labelled(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Dark and bright noise."""
    labels = np.arange(n) % 2
    noise = np.random.default_rng(0).integers(0, 100, [n, 8, 8, 1])
    return (noise + 120 * labels[:, None, None, None]).astype(np.uint8), labels


RECIPE = vgg.Recipe(channels=4, train_steps=60, batch_size=16, learning_rate=0.02)


def test_the_classifier_learns_is_exported_and_gives_the_same_outputs(tmp_path: Path) -> None:
    images, labels = labelled(200)
    model = vgg.train(images[:100], labels[:100], RECIPE, say=lambda line: None)
    assert vgg.accuracy(model, images[100:], labels[100:]) > 0.95
    vgg.export(model, tmp_path / "net", (8, 8, 1), {"dataset": "noise"})
    found = from_saved_model(tmp_path / "net")
    assert found.shape == (8, 8, 1)
    assert json.loads((tmp_path / "net/classifier.json").read_text()) == {"dataset": "noise"}
    logits, features = FeatureExtractor(found)(images[:7])
    assert features.shape == (7, 32)
    expected = model((images[:7].astype(np.float32) - 128) / 128, training=False)["logits"]
    np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-5)


def test_it_trains_as_many_steps_as_it_says_and_an_export_takes_the_place_of_the_last(tmp_path: Path) -> None:
    images, labels = labelled(32)
    said: list[str] = []
    for steps in (7, 3, 5):
        recipe = dataclasses.replace(RECIPE, train_steps=steps)
        model = vgg.train(images, labels, recipe, say=said.append, every_steps=5)
        assert int(model.optimizer.iterations.numpy()) == steps
        vgg.export(model, tmp_path / "net", (8, 8, 1), {"train_steps": steps})
        assert json.loads((tmp_path / "net/classifier.json").read_text()) == {"train_steps": steps}
    assert [line.split(":")[0] for line in said] == ["step 5 of 7", "step 7 of 7", "step 3 of 3", "step 5 of 5"]
    assert [p.name for p in tmp_path.iterdir()] == ["net"]


def test_a_loss_that_is_not_finite_is_an_error_and_no_classifier() -> None:
    images, labels = labelled(64)
    with pytest.raises(EvaluationError, match="became NaN or infinite; try a smaller learning rate"):
        vgg.train(images, labels, dataclasses.replace(RECIPE, learning_rate=1e30, train_steps=6), say=lambda line: None)


def test_the_network_is_h5s_at_its_width() -> None:
    model = vgg.network(vgg.Recipe(), 3, 10)
    widths = [layer.filters for layer in model.layers if isinstance(layer, tf.keras.layers.Conv2D)]
    assert widths == [64] * 2 + [128] * 3 + [256] * 3 + [512] * 3
    assert len([layer for layer in model.layers if isinstance(layer, tf.keras.layers.BatchNormalization)]) == 11
    assert model(tf.zeros([1, 24, 24, 3]))["pool_3"].shape == (1, 512)


def test_bin_train_classifier_needs_labels_and_legal_numbers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for i in range(4):
        (tmp_path / "images").mkdir(exist_ok=True)
        (tmp_path / f"images/{i}.png").write_bytes(tf.io.encode_png(X[i]).numpy())
    argv = [f"--dataset=folder:{tmp_path}/images", "--image_size=16", f"--cache_dir={tmp_path}/cache"]
    for flag, message in (
        ("--seed=0", "has no labels; a classifier needs them"),
        ("--channels=0", "--channels=0 is not legal: it must be at least 1"),
        ("--crop_fraction=2", "--crop_fraction=2.0 is not legal"),
        ("--learning_rate=nan", "--learning_rate=nan is not legal: it must be at least 1e-09 and at most 100.0"),
        ("--seed=-1", "--seed=-1 is not legal: it must be at least 0"),
        ("--model_dir=/proc/x/y", "cannot write in --model_dir=/proc/x/y"),
        (f"--model_dir={tmp_path}/images", "is there and is no classifier"),
    ):
        assert cli.run("train_classifier", [*argv, f"--model_dir={tmp_path}/net", flag]) == 1
        assert message in capsys.readouterr().err
