"""TensorFlow Serving's REST format: what is answered, and what is refused."""

import base64
import io
import json
import struct
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from helpers import tiny
from helpers.serving import SHAPE, images
from PIL import Image
from werkzeug.test import Client

from tfpagan.serving.application import Application
from tfpagan.serving.hosted import Hosted
from tfpagan.serving.servable import Servable

ONE_LONG_TEXT = json.dumps({"inputs": np.full([5, 8, 8, 3], "").tolist()}).replace('""', f'"{"x" * 50_000}"', 1)


@pytest.fixture(scope="module")
def client(servable: Servable) -> Iterator[Client]:
    hosted = Hosted("tiny", 1, ["stable", "next"])
    hosted.available(servable)
    yield Client(Application(hosted, max_body_bytes=100_000))
    hosted.close()


def ask(client: Client, body: Any, path: str = "/v1/models/tiny:predict") -> tuple[int, dict]:
    response = client.post(path, data=body if isinstance(body, (str, bytes)) else json.dumps(body))
    return response.status_code, response.json


def files(n: int) -> list[dict[str, str]]:
    return [{"b64": base64.b64encode(tf.io.encode_png(x).numpy()).decode()} for x in tiny.images(n, SHAPE)]


@pytest.mark.slow
def test_rows_and_columns_give_the_same_numbers(client: Client, servable: Servable) -> None:
    x = images(3)
    expected = servable.run("encode", {"images": x})
    by_row = [x.tolist(), [{"images": image} for image in x.tolist()]]
    by_column = [x.tolist(), {"images": x.tolist()}]
    for instances in by_row:
        status, answer = ask(client, {"signature_name": "encode", "instances": instances})
        assert status == 200
        given = np.array([row["mean"] for row in answer["predictions"]])
        np.testing.assert_allclose(given, expected["mean"], rtol=1e-5)
    for inputs in by_column:
        status, answer = ask(client, {"signature_name": "encode", "inputs": inputs})
        assert status == 200
        np.testing.assert_allclose(answer["outputs"]["log_variance"], expected["log_variance"], rtol=1e-5)


def test_the_default_signature_reconstructs_and_a_single_output_has_no_name(client: Client, servable: Servable) -> None:
    expected = servable.run("reconstruct", {"images": images(2)})["images"]
    assert np.allclose(ask(client, {"instances": images(2).tolist()})[1]["predictions"], expected, atol=1e-5)
    assert np.allclose(ask(client, {"inputs": images(2).tolist()})[1]["outputs"], expected, atol=1e-5)


def test_bytes_go_as_base64_both_ways(client: Client, servable: Servable) -> None:
    status, answer = ask(client, {"signature_name": "reconstruct_bytes", "instances": [{"images_bytes": f} for f in files(2)]})
    assert status == 200
    given = np.stack([tf.io.decode_png(base64.b64decode(p["b64"])) for p in answer["predictions"]]).astype(int)
    expected = servable.run("reconstruct", {"images": images(2)})["images"]
    assert np.abs(given - (expected + 1) * 127.5).max() <= 1
    status, answer = ask(client, {"signature_name": "sample_jpeg_bytes", "inputs": {"seed": 1, "num": 2}})
    assert [base64.b64decode(p["b64"])[:3] for p in answer["outputs"]] == [b"\xff\xd8\xff"] * 2


def test_status_and_metadata_are_tensorflow_servings(client: Client, servable: Servable) -> None:
    row = {"version": "1", "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
    for path in ("/v1/models/tiny", "/v1/models/tiny/versions/1", "/v1/models/tiny/labels/stable"):
        assert client.get(path).json == {"model_version_status": [row]}
    metadata = client.get("/v1/models/tiny/metadata").json
    assert metadata == client.get("/v1/models/tiny/labels/next/metadata").json
    unknown = {"error": "unrecognized servable version label: canary; this server has stable, next"}
    for path in ("", "/metadata"):
        refused = client.get(f"/v1/models/tiny/labels/canary{path}")
        assert (refused.status_code, refused.json) == (400, unknown)
    assert ask(client, {"instances": [1]}, "/v1/models/tiny/labels/canary:predict") == (400, unknown)
    assert metadata["model_spec"] == {"name": "tiny", "signature_name": "", "version": "1"}
    definition = metadata["metadata"]["signature_def"]["signature_def"]["decode"]
    assert definition["inputs"]["latents"]["dtype"] == "DT_FLOAT"
    assert definition["inputs"]["latents"]["tensor_shape"] == {
        "dim": [{"size": "-1", "name": ""}, {"size": str(tiny.Z), "name": ""}],
        "unknown_rank": False,
    }
    assert list(metadata["metadata"]["signature_def"]) == ["signature_def"]
    assert definition["method_name"] == "tensorflow/serving/predict"


def test_until_it_is_loaded_it_says_so() -> None:
    client = Client(Application(Hosted("tiny", 1), max_body_bytes=1000))
    row = client.get("/v1/models/tiny").json["model_version_status"][0]
    assert (row["version"], row["state"]) == ("1", "LOADING")
    assert client.get("/v1/models/tiny/versions/7").status_code == 404
    assert ask(client, {"instances": [1]}) == (503, {"error": "model tiny is loading"})


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (" ", "the body is not JSON"),
        (b"\xff\xfe", "the body is not JSON"),
        ("[1]", "the body is not a JSON object"),
        ('{"instances": ' + "[" * 3_000 + "]" * 3_000 + "}", "nested too deeply"),
        ({}, "either instances, by row, or inputs, by column"),
        ({"instances": [1], "inputs": [1]}, "either instances, by row, or inputs, by column"),
        ({"instances": []}, "instances is not a list of at least one row"),
        ({"instances": {"images": 1}}, "instances is not a list of at least one row"),
        ({"signature_name": 3, "inputs": 1}, "signature_name is not a string"),
        ({"signature_name": "evil", "inputs": 1}, "signature_name 'evil' is unknown; known: decode, decode_bytes"),
        ({"inputs": [[1, 2]]}, "images must be float32 of shape [None, 8, 8, 3]; given: [1, 2]"),
        ({"inputs": [[1], [1, 2]]}, "the given lists differ in length"),
        ({"inputs": {"image": 1}}, "signature serving_default takes the inputs images; given: image"),
        ({"inputs": np.zeros([6, 8, 8, 3]).tolist()}, "images asks for 6 images; this server answers 1 to 5 at a time"),
        ({"inputs": np.full([1, 8, 8, 3], 1e39).tolist()}, "numbers out of its range"),
        ({"inputs": np.full([1, 8, 8, 3], 255).tolist()}, "images must be in [-1, 1]; given: values from 255 to 255"),
        ({"signature_name": "encode", "inputs": np.full([1, 8, 8, 3], -1.01).tolist()}, "images must be in [-1, 1]"),
        ({"inputs": np.full([1, 8, 8, 3], "x").tolist()}, "given: values of another type"),
        (ONE_LONG_TEXT, "given: values of another type"),
        ({"inputs": [{"b64": "AAAA"}, [1]]}, "the given lists differ in length"),
        ({"inputs": [[]] * 1_500}, "images asks for 1500 images; this server answers 1 to 5 at a time"),
        (
            {"inputs": [[]] * 20_000},
            "a body of 40001 commas and brackets is not parsed: the 5 images that this server answers at a time have fewer",
        ),
        ('{"inputs": [NaN]}', "NaN is not a JSON number"),
        ('{"inputs": [' + ",".join(["[" * 400 + "]" * 400] * 20) + "]}", "a body of 8021 commas and brackets is not parsed"),
        ({"signature_name": "decode", "inputs": []}, "latents must be float32 of shape [None, 4]; given: [0]"),
        ({"signature_name": "sample", "inputs": 3}, "the inputs num, seed must be given by name"),
        ({"signature_name": "sample", "inputs": {"seed": 1, "num": 6}}, "num asks for 6 images"),
        ({"signature_name": "sample", "inputs": {"seed": 1, "num": -1}}, "num asks for -1 images"),
        ({"signature_name": "sample", "inputs": {"seed": -1, "num": 1}}, "seed -1 is not legal"),
        ({"signature_name": "sample", "inputs": {"seed": 2**40, "num": 1}}, "numbers out of its range"),
        ({"signature_name": "sample", "inputs": {"seed": 10**30, "num": 1}}, "seed must be int32"),
        ({"signature_name": "sample", "inputs": {"seed": True, "num": 1}}, "seed must be int32"),
        ({"signature_name": "sample", "inputs": {"seed": 1.5, "num": 1}}, "seed must be int32"),
        ({"signature_name": "sample", "instances": [{"seed": 1, "num": 1}]}, "seed must be int32 of shape []; given: [1]"),
        ({"signature_name": "reconstruct_bytes", "inputs": ["x"]}, 'each {"b64": "..."}'),
        ({"signature_name": "reconstruct_bytes", "inputs": [{"b64": "%"}]}, "b64 holds no base64"),
        ({"signature_name": "reconstruct_bytes", "inputs": [{"b64": 3}]}, "b64 holds no base64"),
        (
            {"signature_name": "reconstruct_bytes", "inputs": [{"b64": "AAAA"}]},
            "images_bytes holds a file that cannot be used: its contents are not PNG or JPEG",
        ),
        ({"signature_name": "encode", "instances": [{"images": 1}, {"image": 2}]}, "must name the same inputs"),
    ],
)
def test_what_is_no_request_gets_a_400_that_says_why(client: Client, body: Any, message: str) -> None:
    status, answer = ask(client, body)
    assert (status, list(answer)) == (400, ["error"])
    assert message in answer["error"]


def test_a_file_of_another_size_is_named_with_both_sizes(client: Client) -> None:
    file = base64.b64encode(tf.io.encode_png(np.zeros([16, 8, 3], np.uint8)).numpy()).decode()
    body = {"signature_name": "encode_bytes", "inputs": [{"b64": file}]}
    assert ask(client, body) == (
        400,
        {"error": "images_bytes holds a file that cannot be used: it is 16 x 8 px, and 8 x 8 are needed"},
    )


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("turned", "its EXIF orientation asks for turning it"),
        ("transparent", "it has transparent pixels"),
        ("16 bits", "it has 16 bits per sample"),
        ("GIF", "its contents are not PNG or JPEG"),
        ("cut off", "it is damaged or cut off"),
    ],
)
def test_a_file_that_the_export_would_decode_otherwise_is_refused(client: Client, kind: str, message: str) -> None:
    x, out = Image.fromarray(tiny.images(1, SHAPE)[0]), io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    alpha = Image.fromarray(np.zeros([8, 8, 4], np.uint8))
    deep = Image.fromarray(np.zeros([8, 8], np.uint16))
    image, format, options = {
        "turned": (x, "JPEG", {"exif": exif}),
        "transparent": (alpha, "PNG", {}),
        "16 bits": (deep, "PNG", {}),
        "GIF": (x, "GIF", {}),
        "cut off": (x, "PNG", {}),
    }[kind]
    image.save(out, format, **options)
    file = out.getvalue()[: 80 if kind == "cut off" else None]
    body = {"signature_name": "encode_bytes", "inputs": [{"b64": base64.b64encode(file).decode()}]}
    status, answer = ask(client, body)
    assert status == 400
    assert f"images_bytes holds a file that cannot be used: {message}" in answer["error"]


def test_a_compressed_body_is_refused(client: Client) -> None:
    response = client.post("/v1/models/tiny:predict", data=b"\x1f\x8b", headers={"Content-Encoding": "gzip"})
    assert (response.status_code, response.json) == (415, {"error": "a body encoded as gzip is not read; send it as it is"})


def test_a_file_that_claims_to_be_huge_is_refused_by_its_header(client: Client) -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0))
    file = b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    body = {"signature_name": "encode_bytes", "inputs": [{"b64": base64.b64encode(file).decode()}]}
    status, answer = ask(client, body)
    assert status == 400
    assert answer["error"].startswith("images_bytes holds a file that cannot be used: it has more than")


def test_other_paths_methods_and_sizes_get_their_status(client: Client) -> None:
    assert client.get("/v1/models/other").status_code == 404
    not_found = {"error": "servable not found: tiny, version 2; this server has tiny, version 1"}
    assert client.get("/v1/models/tiny/versions/2").json == not_found
    refused = client.post("/v1/models/tiny")
    assert (refused.status_code, refused.headers["Allow"]) == (405, "GET, HEAD")
    for model in ("tiny", "tiny/versions/1"):
        refused = client.get(f"/v1/models/{model}:predict")
        assert (refused.status_code, refused.headers["Allow"]) == (405, "POST")
    assert len(client.get("/" + "x" * 5000).json["error"]) < 300
    for path in ("/../setup.py", "/page/index.html", "/%2e%2e/setup.py", "/index.html", "/v1/models/tiny:regress"):
        assert client.get(path).status_code == 404
    for path in ("/v1/models/tiny:predict", "/v1/models/other:predict", "/nope"):  # wherever it goes
        status, answer = ask(client, "x" * 100_001, path)
        assert status == 413
        assert answer["error"].startswith("a body of 100001 bytes is larger than this server reads: 100000")


def test_the_page_gets_the_codes_that_sample_decodes(client: Client, servable: Servable) -> None:
    codes = client.get("/codes/3.json").json["latents"]
    inputs = servable.check("sample", {"seed": 3, "num": 1})
    expected = servable.run("sample", inputs)["images"]
    np.testing.assert_allclose(
        servable.run("decode", servable.check("decode", {"latents": codes}))["images"], expected, atol=1e-5
    )
    assert client.get(f"/codes/{2**31}.json").status_code == 400


def test_answers_are_json_or_refused(client: Client, servable: Servable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servable, "run", lambda signature, inputs: {"images": np.array([1.0, np.nan])})
    hosted = Hosted("tiny", 1)
    hosted.available(servable)
    status, answer = ask(
        Client(Application(hosted, max_body_bytes=1000)), {"signature_name": "decode", "inputs": [[3e38] * tiny.Z]}
    )
    hosted.close()
    assert status == 400
    assert "the resulting images are not all finite" in answer["error"]
