"""Inception from SavedModels, archives, frozen graphs and the hub."""

import io
import tarfile
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from helpers.classifiers import write

from tfpagan.evaluation import tf_gan
from tfpagan.evaluation.classifiers import inception
from tfpagan.evaluation.classifiers.classifier import INCEPTION_SHAPE
from tfpagan.evaluation.classifiers.features import FeatureExtractor
from tfpagan.evaluation.classifiers.preprocessing import for_classifier
from tfpagan.evaluation.errors import EvaluationError

X = np.random.default_rng(1).integers(0, 256, [5, 16, 16, 3]).astype(np.uint8)


def test_the_module_is_the_one_that_tf_gan_names() -> None:
    assert inception.HANDLE == tf_gan.load("inception_metrics").INCEPTION_TFHUB


def test_inception_is_recognised_by_its_output_sizes(tmp_path: Path) -> None:
    official = inception.load(write(tmp_path / "right", 1008, 2048, (None, None, 3)), cache_dir=tmp_path)
    assert (official.name, official.official, official.shape) == ("inception-2015-12-05", True, INCEPTION_SHAPE)
    with pytest.raises(
        EvaluationError, match="returns 10 logits and 8 features; the Inception network of 2015 returns 1008 and 2048"
    ):
        inception.load(write(tmp_path / "wrong", shape=(None, None, 3)), cache_dir=tmp_path)


def test_inception_comes_from_an_archive_that_is_unpacked_once(tmp_path: Path) -> None:
    folder = write(tmp_path / "module", 1008, 2048, (None, None, 3))
    archive, cache = tmp_path / "inception.tar.gz", tmp_path / "cache"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(folder, ".")
    first = inception.load(archive, cache_dir=cache)
    (unpacked,) = (p for p in cache.iterdir() if p.is_dir())
    stamp = unpacked.stat().st_mtime_ns
    assert inception.load(archive, cache_dir=cache).checksum == first.checksum
    assert unpacked.stat().st_mtime_ns == stamp
    whole = archive.read_bytes()
    flipped = whole[: len(whole) // 2] + bytes([whole[len(whole) // 2] ^ 0x10]) + whole[len(whole) // 2 + 1 :]
    for damaged in (whole[:1000], flipped, b"no archive"):
        archive.write_bytes(damaged)
        with pytest.raises(EvaluationError, match=r"inception\.tar\.gz cannot be unpacked"):
            inception.load(archive, cache_dir=cache)
    assert [p.name for p in cache.iterdir() if p.is_dir()] == [unpacked.name]
    archive.write_bytes(whole)
    (unpacked / "variables/more").write_text("")
    with pytest.raises(EvaluationError, match="has changed since its first use"):
        inception.load(archive, cache_dir=cache)
    with pytest.raises(EvaluationError, match="cannot be unpacked into /proc/x"):
        inception.load(archive, cache_dir="/proc/x")


def archive_of(path: Path, *members: tuple[str, bytes, str, int]) -> Path:
    """An archive of members, each with a name, a type, the target of a link, and a size."""
    with tarfile.open(path, "w:gz") as tar:
        for name, kind, target, size in members:
            info = tarfile.TarInfo(name)
            info.type, info.linkname, info.size = kind, target, size
            tar.addfile(info, io.BytesIO(bytes(size)))
    return path


@pytest.mark.parametrize("filtered", [True, False], ids=["", "before Python 3.10.12"])
@pytest.mark.parametrize(
    ("members", "message"),
    [
        ([("../x", tarfile.REGTYPE, "", 1)], "'../x' in it lies outside its folder"),
        ([("a/../../x", tarfile.REGTYPE, "", 1)], "'a/../../x' in it lies outside its folder"),
        ([("/tmp/x", tarfile.REGTYPE, "", 1)], "'/tmp/x' in it lies outside its folder"),
        ([("a", tarfile.SYMTYPE, "..", 0), ("a/x", tarfile.REGTYPE, "", 1)], "'a' in it is neither a file nor a folder"),
        ([("a", tarfile.LNKTYPE, "b", 0)], "'a' in it is neither a file nor a folder"),
        ([("a", tarfile.FIFOTYPE, "", 0)], "'a' in it is neither a file nor a folder"),
        ([("a", tarfile.REGTYPE, "", 6000), ("b", tarfile.REGTYPE, "", 6000)], "it would take more than 10000 bytes"),
        ([("n" * 9000, tarfile.REGTYPE, "", 0)], r"it has a header of 90\d\d bytes, and at most 8192 are read"),
        ([(f"{i}", tarfile.REGTYPE, "", 0) for i in range(5)], "it holds more than 4 files"),
        ([("a/" * 30 + "x", tarfile.REGTYPE, "", 0)], "in it is more than 20 folders deep"),
    ],
)
def test_an_archive_that_would_do_harm_is_refused(
    members: list[tuple[str, bytes, str, int]],
    message: str,
    filtered: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if not filtered:
        monkeypatch.delattr(tarfile, "data_filter")
    monkeypatch.setattr(inception, "MOST_BYTES", 10_000)
    monkeypatch.setattr(inception, "MOST_MEMBERS", 4)
    archive = archive_of(tmp_path / "evil.tgz", *members)
    monkeypatch.setattr(inception, "_require_whole", lambda archive: None)  # which refuses some of them earlier
    with pytest.raises(EvaluationError, match=rf"evil\.tgz cannot be unpacked into .*: .*{message}"):
        inception.load(archive, cache_dir=tmp_path / "cache")
    assert not list((tmp_path / "cache").iterdir())


@pytest.mark.parametrize("header", [{"mtime": "nan"}, {"mtime": "1e400"}, {"path": "a\0b"}, {"GNU.sparse.map": "q"}])
def test_headers_that_make_no_sense_are_refused(header: dict[str, str], tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "odd.tgz", "w:gz", format=tarfile.PAX_FORMAT) as tar:
        info = tarfile.TarInfo("a")
        info.pax_headers = header
        tar.addfile(info)
    with pytest.raises(EvaluationError, match=r"odd\.tgz (cannot be unpacked|holds 0 SavedModels)"):
        inception.load(tmp_path / "odd.tgz", cache_dir=tmp_path / "cache")
    assert not list((tmp_path / "cache").glob("*"))


def test_an_archive_is_refused_as_soon_as_it_is_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inception, "MOST_BYTES", 10_000)
    archive = archive_of(tmp_path / "evil.tgz", ("a", tarfile.REGTYPE, "", 20_000))
    with pytest.raises(EvaluationError, match="it would take more than 10000 bytes"):
        inception.load(archive, cache_dir=tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


def test_a_cache_that_cannot_be_written_is_still_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write(tmp_path / "module", 1008, 2048, (None, None, 3))
    (tmp_path / "module.sha256").mkdir()
    monkeypatch.setattr("tensorflow_hub.resolve", lambda handle: str(folder))
    assert inception.load(cache_dir=tmp_path).official


def test_a_damaged_download_is_kept_until_there_is_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write(tmp_path / "module", 1008, 2048, (None, None, 3))

    def resolve(handle: str) -> str:
        if not folder.exists():
            raise OSError("no network")
        return str(folder)

    monkeypatch.setattr("tensorflow_hub.resolve", resolve)
    inception.load(cache_dir=tmp_path)
    (folder / "variables/more").write_text("")
    with pytest.raises(EvaluationError, match="no network"):
        inception.load(cache_dir=tmp_path)
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
    with pytest.raises(EvaluationError, match="returns 12 logits and 16 features"):
        inception.load(file, cache_dir=tmp_path)


def test_other_files_are_no_frozen_graph(tmp_path: Path) -> None:
    (tmp_path / "a.pb").write_bytes(b"no graph")
    (tmp_path / "b.pb").write_bytes(tf.Graph().as_graph_def().SerializeToString())
    for name in ("a.pb", "b.pb"):
        with pytest.raises(EvaluationError, match=rf"{name[0]}\.pb is not Inception's frozen graph of 2015"):
            inception.load(tmp_path / name, cache_dir=tmp_path)
    (tmp_path / "c.txt").write_text("")
    for name in ("c.txt", "nowhere"):
        with pytest.raises(EvaluationError, match="classify_image_graph_def"):
            inception.load(tmp_path / name, cache_dir=tmp_path)


def test_without_a_network_one_message_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tensorflow_hub.resolve", lambda handle: (_ for _ in ()).throw(OSError("no network")))
    with pytest.raises(EvaluationError) as caught:
        inception.load(cache_dir=tmp_path)
    message = str(caught.value)
    for part in (inception.HANDLE, "no network", "classify_image_graph_def.pb"):
        assert part in message
    assert "\n" not in message
    for path in ("", tmp_path / "nowhere", write(tmp_path / "other", shape=(None, None, 3))):
        with pytest.raises(EvaluationError, match=r"\. Ask the librarian$"):
            inception.load(path, cache_dir=tmp_path, how_to_get_it="Ask the librarian")


def test_a_damaged_download_is_fetched_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, fetched = tmp_path / "module", []

    def resolve(handle: str) -> str:
        if not folder.exists():
            fetched.append(handle)
            write(folder, 1008, 2048, (None, None, 3))
        return str(folder)

    monkeypatch.setattr("tensorflow_hub.resolve", resolve)
    inception.load(cache_dir=tmp_path)
    inception.load(cache_dir=tmp_path)
    assert len(fetched) == 1
    (folder / "saved_model.pb").unlink()  # half a cache
    inception.load(cache_dir=tmp_path)
    assert len(fetched) == 2
    (folder / "variables/more").write_text("")  # not what was downloaded
    inception.load(cache_dir=tmp_path)
    assert fetched == [inception.HANDLE] * 3


@pytest.mark.slow
def test_a_full_size_inception_is_loaded_once_and_takes_images_of_any_size(tmp_path: Path) -> None:
    """Inception v3 of keras.applications with random weights: 21.8 million parameters, 2048 features."""
    body = tf.keras.applications.InceptionV3(include_top=False, weights=None, pooling="avg", input_shape=INCEPTION_SHAPE)
    network = tf.keras.Model(body.input, {"logits": tf.keras.layers.Dense(1008)(body.output), "pool_3": body.output})
    module = tf.Module()
    module.weights = network.variables  # not the network itself: Keras would trace every layer to save it
    module.__call__ = tf.function(
        lambda x: network(x, training=False), input_signature=[tf.TensorSpec([None, None, None, 3], tf.float32)]
    )
    tf.saved_model.save(module, str(tmp_path / "inception"))
    found = inception.load(tmp_path / "inception", cache_dir=tmp_path)
    assert (found.official, found.shape) == (True, INCEPTION_SHAPE)
    extract = FeatureExtractor(found)
    x = X[:4].repeat(2, 1).repeat(2, 2)  # 32 px
    logits, features = extract(x)
    assert (logits.shape, features.shape) == ((4, 1008), (4, 2048))
    resized = (tf.raw_ops.ResizeBilinear(images=tf.cast(x, tf.float32), size=[299, 299]) - 128) / 128
    np.testing.assert_allclose(for_classifier(tf.constant(x), INCEPTION_SHAPE), resized, atol=1e-6)
    np.testing.assert_allclose(features, network(resized, training=False)["pool_3"], rtol=1e-3, atol=1e-5)
