"""bin/serve: TensorFlow Serving's REST format over a real socket, what it refuses, joined requests, a clean end, a load."""

import base64
import errno
import http.client
import io
import json
import logging
import os
import re
import signal
import socket
import struct
import threading
import time
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from helpers import tiny
from helpers.serving import SHAPE, Start
from PIL import Image
from werkzeug.test import Client

from tfpagan import cli
from tfpagan.images import normalize
from tfpagan.serving import connections
from tfpagan.serving.application import Application
from tfpagan.serving.batcher import Batcher
from tfpagan.serving.errors import RequestError
from tfpagan.serving.hosted import Hosted
from tfpagan.serving.servable import Servable
from tfpagan.serving.server import FULL_PAUSE_SECONDS, _Server

HANGS = 300
ONE_LONG_TEXT = json.dumps({"inputs": np.full([5, 8, 8, 3], "").tolist()}).replace('""', f'"{"x" * 50_000}"', 1)


@pytest.fixture(scope="module")
def servable(exported: Path) -> Servable:
    return Servable(exported, max_rows=5)


@pytest.fixture(scope="module")
def client(servable: Servable) -> Iterator[Client]:
    hosted = Hosted("tiny", 1, ["stable", "next"])
    hosted.available(servable)
    yield Client(Application(hosted, max_body_bytes=100_000))
    hosted.close()


def ask(client: Client, body: Any, path: str = "/v1/models/tiny:predict") -> tuple[int, dict]:
    response = client.post(path, data=body if isinstance(body, (str, bytes)) else json.dumps(body))
    return response.status_code, response.json


def images(n: int) -> np.ndarray:
    return normalize(tiny.images(n, SHAPE)).numpy()


def files(n: int) -> list[dict[str, str]]:
    return [{"b64": base64.b64encode(tf.io.encode_png(x).numpy()).decode()} for x in tiny.images(n, SHAPE)]


# The format


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


# Joined requests


def test_requests_that_wait_are_joined_and_each_gets_its_own() -> None:
    calls: list[int] = []
    begun, go = threading.Event(), threading.Event()

    def run(signature: str, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        begun.set()
        assert go.wait(HANGS)
        calls.append(len(inputs["x"]))
        return {"y": 2 * inputs["x"]}

    batcher = Batcher(run, lambda signature: signature == "rows", max_rows=6)
    with ThreadPoolExecutor(8) as pool:
        first = pool.submit(batcher, "rows", {"x": np.array([0])})
        assert begun.wait(HANGS)
        others = []
        for i in range(1, 6):  # in this order
            others.append(pool.submit(batcher, "rows", {"x": np.arange(2) + 10 * i}))
            while len(batcher._waiting) < i:
                time.sleep(0.001)
        go.set()
        assert first.result()["y"].tolist() == [0]
        assert [f.result()["y"].tolist() for f in others] == [[20 * i, 20 * i + 2] for i in range(1, 6)]
    batcher.close()
    assert calls == [1, 6, 4]
    with pytest.raises(RequestError, match="shutting down"):
        batcher("rows", {"x": np.array([0])})


def test_nobody_answers_for_anothers_mistake() -> None:
    begun, go = threading.Event(), threading.Event()

    def run(signature: str, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        begun.set()
        assert go.wait(HANGS)
        if (inputs["x"] < 0).any():
            raise RequestError("negative")
        return {"y": inputs["x"]}

    batcher = Batcher(run, lambda signature: True, max_rows=100)
    with ThreadPoolExecutor(8) as pool:
        first = pool.submit(batcher, "rows", {"x": np.array([0])})
        assert begun.wait(HANGS)
        good, bad, fine = (pool.submit(batcher, "rows", {"x": np.array([i])}) for i in (1, -1, 2))
        go.set()
        assert [f.result()["y"].tolist() for f in (first, good, fine)] == [[0], [1], [2]]
        with pytest.raises(RequestError, match="negative"):
            bad.result()
    batcher.close()


# The process


def post(port: int, body: dict[str, Any]) -> tuple[int, dict]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=HANGS)
    connection.request("POST", "/v1/models/tiny:predict", json.dumps(body))
    response = connection.getresponse()
    return response.status, json.loads(response.read())


def raw(port: int, *, length: int) -> socket.socket:
    """A connection on which a request has begun whose body is yet to come."""
    connection = socket.create_connection(("127.0.0.1", port), HANGS)
    head = f"POST /v1/models/tiny:predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n"
    connection.sendall(head.encode())
    return connection


@pytest.mark.slow
def test_a_process_answers_as_the_model_does_refuses_a_body_that_ends_early_and_logs_no_error(
    start: Start, servable: Servable
) -> None:
    process, port = start()
    expected = servable.run("encode", {"images": images(2)})["mean"]
    status, answer = post(port, {"signature_name": "encode", "inputs": images(2).tolist()})
    assert status == 200
    np.testing.assert_allclose(answer["outputs"]["mean"], expected, rtol=1e-5)
    with raw(port, length=1000) as connection:
        connection.sendall(b"{")
        connection.shutdown(socket.SHUT_WR)
        assert b" 408 " in connection.makefile("rb").read()
    process.send_signal(signal.SIGINT)
    assert "Traceback" not in process.communicate(timeout=HANGS)[1]
    assert process.returncode == 0


@pytest.mark.slow
def test_clients_that_are_silent_or_slow_keep_nobody_waiting(port: int) -> None:
    """As many as there are requests computed at a time, and more."""
    many = [socket.create_connection(("127.0.0.1", port), HANGS) for _ in range(100)]
    try:
        for i, connection in enumerate(many):
            head = b"POST /v1/models/tiny:predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n"
            connection.sendall((b"", b"POST", head)[i % 3])
        begun = time.monotonic()
        assert post(port, {"signature_name": "sample", "inputs": {"seed": 1, "num": 1}})[0] == 200
        assert time.monotonic() - begun < connections.IDLE_SECONDS / 2
    finally:
        for connection in many:
            connection.close()


def test_a_client_that_sends_little_at_a_time_is_read_for_no_longer_than_allowed() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        over, reader = threading.Event(), connections._file(ours, "rb", 1000)
        reader.allow(0.3)

        def send() -> None:
            while not over.wait(0.02):
                theirs.sendall(b"a")

        sender = threading.Thread(target=send)
        sender.start()
        begun = time.monotonic()
        with pytest.raises(TimeoutError, match=r"^timed out$"):  # in the words that cheroot looks for
            reader.read(1000)
        assert 0.25 < time.monotonic() - begun < connections.IDLE_SECONDS / 2
        over.set()
        sender.join()


@pytest.mark.slow
def test_long_headers_and_names_of_others_are_refused(port: int) -> None:
    for minor, head, status in (
        (1, f"Host: localhost\r\nX: {'a' * 2**17}", 413),
        (1, "Host: evil.example:80", 403),
        (1, "Host: LOCALHOST:1", 200),
        (1, "X: no host", 400),
        (0, "X: no host", 200),
    ):
        with socket.create_connection(("127.0.0.1", port), HANGS) as connection:
            connection.sendall(f"GET /v1/models/tiny HTTP/1.{minor}\r\n{head}\r\nConnection: close\r\n\r\n".encode())
            answer = connection.makefile("rb").read()
        assert answer.startswith(b"HTTP/1.1 %d " % status)
        assert json.loads(answer.partition(b"\r\n\r\n")[2])


@pytest.mark.slow
def test_what_is_under_way_at_sigterm_is_answered(start: Start) -> None:
    process, port = start()
    sent = threading.Barrier(9)

    def client(seed: int) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=HANGS)
        body = {"signature_name": "sample", "inputs": {"seed": seed, "num": 64}}
        connection.request("POST", "/v1/models/tiny:predict", json.dumps(body))
        sent.wait(HANGS)
        return connection.getresponse().status

    with ThreadPoolExecutor(8) as pool:
        answers = [pool.submit(client, i) for i in range(8)]
        sent.wait(HANGS)
        process.send_signal(signal.SIGTERM)
        assert [a.result() for a in answers] == [200] * 8
    assert process.wait(HANGS) == 0


@pytest.mark.slow
def test_it_ends_though_requests_keep_coming(start: Start) -> None:
    """And cuts nobody off, but for one who may come in the instant between the last look and the end of listening."""
    process, port = start()
    seen: list[object] = []
    over = threading.Event()

    def client() -> None:
        while not over.is_set():
            try:
                seen.append(post(port, {"signature_name": "sample", "inputs": {"seed": 1, "num": 1}})[0])
            except ConnectionRefusedError:  # it has ended
                return
            except (OSError, http.client.HTTPException) as e:
                seen.append(repr(e))

    with ThreadPoolExecutor(16) as pool:
        clients = [pool.submit(client) for _ in range(16)]
        while not seen:
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        assert process.wait(HANGS) == 0  # though the clients go on
        over.set()
        assert all(c.result() is None for c in clients)
    cut_off = [answer for answer in seen if answer not in (200, 503)]
    assert len(cut_off) <= 1, cut_off
    assert {200, 503} <= set(seen)


@pytest.mark.slow
def test_a_client_that_is_refused_while_it_sends_reads_the_answer(port: int) -> None:
    for head, status in (("Transfer-Encoding: chunked", 411), ("Content-Length: 1000", 404)):
        with socket.create_connection(("127.0.0.1", port), HANGS) as connection:
            connection.sendall(f"POST /nope HTTP/1.1\r\nHost: localhost\r\n{head}\r\n\r\n".encode())
            assert connection.recv(1, socket.MSG_PEEK)  # it has answered
            for _ in range(3):  # a closed socket would answer the first with a reset, and the next would fail
                time.sleep(0.2)
                connection.sendall(b"2\r\n{}\r\n")
            response = http.client.HTTPResponse(connection)
            response.begin()
            assert (response.status, response.getheader("Connection")) == (status, "close")


@pytest.mark.slow
def test_a_refused_body_is_no_further_request(port: int) -> None:
    for head in ("Transfer-Encoding: chunked", "Content-Length: 3"):
        with socket.create_connection(("127.0.0.1", port), HANGS) as connection:
            smuggled = "GET /v1/models/tiny HTTP/1.1\r\nHost: localhost\r\n\r\n"
            connection.sendall(f"POST /nope HTTP/1.1\r\nHost: localhost\r\n{head}\r\n\r\n{{}} {smuggled}".encode())
            answer = connection.makefile("rb").read()  # to the end: it closes
        assert answer.count(b"HTTP/1.1 ") == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    "head", ["GET / HTTP/1.1\r\n X: a", "GET //[x HTTP/1.1", "GET http://[::1/v1 HTTP/1.1", "GET / HTTP/1.1\r\n: a", "GET /"]
)
def test_a_malformed_request_gets_a_400_as_json(port: int, head: str) -> None:
    with socket.create_connection(("127.0.0.1", port), HANGS) as connection:
        connection.sendall(f"{head}\r\nHost: localhost\r\n\r\n".encode())
        answer = connection.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert list(json.loads(answer.partition(b"\r\n\r\n")[2])) == ["error"]


AMBIGUOUS = [
    "Content-Length: 2\r\nContent-Length: 40",
    f"Content-Length: {'0' * 5000}2",
    "Content-Length: 2\r\nHost: localhost",
    "Content-Length: -1",
    "Content-Length: 1, 2",
    "Content-Length : 2",
]


@pytest.mark.slow
@pytest.mark.parametrize(("head", "status"), [*((head, 400) for head in AMBIGUOUS), ("Accept: */*", 411)])
def test_a_body_without_one_plain_length_is_refused(port: int, head: str, status: int) -> None:
    with socket.create_connection(("127.0.0.1", port), HANGS) as connection:
        smuggled = "GET /v1/models/tiny HTTP/1.1\r\nHost: localhost\r\n\r\n"
        connection.sendall(f"POST /v1/models/tiny:predict HTTP/1.1\r\nHost: localhost\r\n{head}\r\n\r\n{{}}{smuggled}".encode())
        answer = connection.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 %d " % status)
    assert answer.count(b"HTTP/1.1 ") == 1
    headers, _, body = answer.partition(b"\r\n\r\n")
    assert b"Content-Type: application/json" in headers
    assert list(json.loads(body)) == ["error"]


@pytest.mark.slow
def test_a_refused_body_is_neither_kept_nor_read_for_ever(start: Start) -> None:
    process, port = start("--max_body_mib=1")
    with raw(port, length=2**40) as connection, pytest.raises(OSError, match=r"Broken pipe|reset"):
        connection.sendall(bytes(2**29))
    status = Path(f"/proc/{process.pid}/status").read_text()
    assert post(port, {"signature_name": "sample", "inputs": {"seed": 1, "num": 1}})[0] == 200
    assert int(re.search(r"VmHWM:\s+(\d+)", status)[1]) < int(re.search(r"VmRSS:\s+(\d+)", status)[1]) + 2**15  # KiB
    with raw(port, length=2**21) as connection:
        connection.sendall(bytes(2**21))
        answer = connection.makefile("rb").read()
    assert b" 413 " in answer
    assert b"a body of 2097152 bytes is larger than this server reads: 1048576" in answer


@pytest.mark.slow
def test_many_clients_at_once_lose_nothing(port: int) -> None:
    def client(number: int) -> list[bool]:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=HANGS)
        right = []
        for i in range(10):
            z = np.random.default_rng((number, i)).normal(size=[1, tiny.Z]).tolist()
            connection.request("POST", "/v1/models/tiny:predict", json.dumps({"signature_name": "decode", "inputs": z}))
            answer = json.loads(connection.getresponse().read())["outputs"]
            right.append(np.allclose(answer, post(port, {"signature_name": "decode", "inputs": z})[1]["outputs"], atol=1e-5))
        return right

    with ThreadPoolExecutor(16) as pool:
        assert all(all(right) for right in pool.map(client, range(16)))


@pytest.mark.slow
def test_a_load_is_counted_and_what_is_lost_is_told(start: Start, capsys: pytest.CaptureFixture[str]) -> None:
    process, port = start("--max_rows=4")
    argv = ["--clients=8", "--requests=5"]
    url = f"--url=http://127.0.0.1:{port}/v1/models/tiny"
    capsys.readouterr()
    assert cli.run("bench_serve", [url, *argv, "--rows=4"]) == 0
    seen = json.loads(capsys.readouterr().out)
    assert (seen["sent"], seen["lost"]) == (40, 0)
    assert seen["requests_per_second"] > 0
    assert 0 < seen["milliseconds_median"] <= seen["milliseconds_99th_percentile"]
    assert cli.run("bench_serve", [url, *argv, "--rows=5"]) == 1  # more than it answers
    seen = json.loads(capsys.readouterr().out)
    assert seen["lost"] == 40
    assert seen["why_lost"].startswith("status 400: {")
    assert "num asks for 5 images" in seen["why_lost"]
    process.kill()
    process.wait()
    assert cli.run("bench_serve", [url, *argv]) == 1
    assert "ConnectionRefusedError" in json.loads(capsys.readouterr().out)["why_lost"]
    for wrong in ("localhost:8501", "http://localhost:85x1/v1/models/tiny", "http://[/v1/models/tiny"):
        assert cli.run("bench_serve", [f"--url={wrong}"]) == 1
        assert f"--url={wrong} is not legal" in capsys.readouterr().err


@pytest.mark.slow
def test_a_port_that_is_taken_and_a_damaged_export_get_one_line(
    exported: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert cli.run("serve", [f"--model={exported}", f"--port={taken.getsockname()[1]}"]) == 1
    assert "cannot listen on 127.0.0.1" in capsys.readouterr().err
    (tmp_path / "1").mkdir()
    (tmp_path / "1/saved_model.pb").write_bytes(b"damaged")
    assert cli.run("serve", [f"--model={tmp_path}", "--port=0"]) == 1
    assert f"{tmp_path}/1 cannot be served" in capsys.readouterr().err


def test_too_many_open_files_are_said_once(caplog: pytest.LogCaptureFixture) -> None:
    """Cheroot tries to accept again at once: with a traceback each time the log grew by 100,000 lines in three seconds."""
    server = _Server(("127.0.0.1", 0), lambda *_: [])
    begun = time.monotonic()
    for number in (errno.EMFILE, errno.EMFILE, errno.EPERM):
        try:
            raise OSError(number, os.strerror(number))
        except OSError:
            server.error_log("Error in HTTPServer.serve", logging.ERROR, traceback=True)
    said = caplog.text
    assert said.count("new connections wait: Too many open files") == 1
    assert (said.count("Traceback"), said.count("Operation not permitted")) == (1, 1)
    assert time.monotonic() - begun >= 2 * FULL_PAUSE_SECONDS
