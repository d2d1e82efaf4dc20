"""bin/serve as a process: silent, slow, greedy and ambiguous clients, a clean end, a load."""

import errno
import http.client
import json
import logging
import os
import re
import signal
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import tiny
from helpers.serving import HANGS, Start, images
from helpers.waiting import waited

from tfpagan import cli
from tfpagan.serving import connections
from tfpagan.serving.servable import Servable
from tfpagan.serving.server import FULL_PAUSE_SECONDS, _Server


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
        try:
            assert waited(lambda: seen)
            process.send_signal(signal.SIGTERM)
            assert process.wait(HANGS) == 0  # though the clients go on
        finally:
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
        assert cli.run("serve", [f"--model={exported}", "--port=0", f"--grpc_port={taken.getsockname()[1]}"]) == 1
        assert "cannot listen on 127.0.0.1" in capsys.readouterr().err
        others = [thread for thread in threading.enumerate() if "cheroot" in thread.name.lower() or "CP " in thread.name]
        assert [thread for thread in others if not thread.daemon] == []  # they would keep the process from its end
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
