"""bin/serve under load, hostile bodies, slow clients, a replaced export and SIGTERM: nothing is lost, nothing grows.

TORTURE_REQUESTS sets the number of requests of the load (default: 2000).
"""

import base64
import http.client
import io
import json
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import zlib
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from helpers import tiny
from helpers.serving import SHAPE
from PIL import Image

from tfpagan.inference import export, restore

REQUESTS = int(os.environ.get("TORTURE_REQUESTS", "2000"))
CLIENTS = 32
SLOW = 200
HANGS = 120
BODY_MIB = 4
GROWS_KIB = 300 << 10
"""What bodies of one kind may add to the most memory that the server had before them; all kinds, twice this."""
LEAKS_KIB = 50 << 10
"""What they may add when they come again."""
PATH = "/v1/models/tiny:predict"
LATENTS = np.random.default_rng(0).normal(size=[50, 1, tiny.Z])
BODIES = [json.dumps({"signature_name": "decode", "inputs": z.tolist()}).encode() for z in LATENTS]


class Server:
    """A process of bin/serve, with its port and its log."""

    def __init__(self, runs: Path, log: Path):
        self.log = log
        flags = [f"--model={runs}", "--port=0", f"--max_body_mib={BODY_MIB}"]
        with log.open("wb") as err:
            self.process = subprocess.Popen([sys.executable, "-m", "tfpagan.cli", "serve", *flags], stderr=err)
        self.port = self._port()

    def _port(self) -> int:
        until = time.monotonic() + HANGS
        while not (found := re.search(r"serving tiny, version 1, at http://127\.0\.0\.1:(\d+)", self.said())):
            assert self.process.poll() is None, self.said()
            assert time.monotonic() < until, "it does not start"
            time.sleep(0.05)
        return int(found[1])

    def said(self) -> str:
        return self.log.read_text(errors="replace")

    def most_kib(self) -> int:
        found = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{self.process.pid}/status").read_text())
        assert found, "it has ended"
        return int(found[1])

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=HANGS)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run with an export of random weights."""
    folder = tmp_path_factory.mktemp("runs") / "tiny"
    tiny.write_run(folder, SHAPE)
    export.publish(restore.restored(folder), folder / "export", name="tiny")
    return folder


@pytest.fixture
def server(runs: Path, tmp_path: Path) -> Iterator[Server]:
    started = Server(runs, tmp_path / "log")
    yield started
    started.process.kill()
    started.process.wait()


def ask(connection: http.client.HTTPConnection, body: bytes) -> tuple[int, bytes]:
    connection.request("POST", PATH, body)
    response = connection.getresponse()
    return response.status, response.read()


def outputs(answer: bytes) -> np.ndarray:
    return np.array(json.loads(answer)["outputs"])


def expected(server: Server) -> list[np.ndarray]:
    """The answers to BODIES, asked one by one."""
    connection = server.connect()
    return [outputs(ask(connection, body)[1]) for body in BODIES]


def load(server: Server, requests: int, right: list[np.ndarray]) -> Counter[str]:
    """Requests from CLIENTS connections at once; counts of what came back."""

    def client(number: int) -> Counter[str]:
        counts, connection = Counter[str](), server.connect()
        for i in range(number, requests, CLIENTS):
            try:
                status, answer = ask(connection, BODIES[i % len(BODIES)])
            except (OSError, http.client.HTTPException) as e:
                counts[type(e).__name__] += 1
                connection.close()
                continue
            same = status == 200 and np.allclose(outputs(answer), right[i % len(BODIES)], atol=1e-5)
            counts["right" if same else f"wrong, status {status}"] += 1
        return counts

    with ThreadPoolExecutor(CLIENTS) as pool:
        return sum(pool.map(client, range(CLIENTS)), Counter[str]())


def test_a_load_loses_nothing(server: Server) -> None:
    right, begun, before = expected(server), time.monotonic(), server.most_kib()
    counts = load(server, REQUESTS, right)
    seconds, grown = time.monotonic() - begun, server.most_kib() - before
    said = f"{REQUESTS} requests of {CLIENTS} clients: {dict(counts)}, {seconds:.1f} s, {grown >> 10} MiB more"
    print(f"\n{said}")
    assert counts == {"right": REQUESTS}, said
    assert grown < GROWS_KIB, said


# Hostile bodies


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, *between: bytes, lines: int = 0) -> bytes:
    """A grey PNG with `lines` black lines, whatever its header says."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    pixels = chunk(b"IDAT", zlib.compress(bytes(lines * (width + 1)), 9))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(between) + pixels + chunk(b"IEND", b"")


def huge_jpeg() -> bytes:
    """A small JPEG whose header claims 65500 x 65500 px."""
    out = io.BytesIO()
    Image.fromarray(tiny.images(1, SHAPE)[0]).save(out, "JPEG")
    data = bytearray(out.getvalue())
    place = data.index(b"\xff\xc0") + 5
    data[place : place + 4] = struct.pack(">HH", 65500, 65500)
    return bytes(data)


def of_file(data: bytes) -> bytes:
    inputs = [{"b64": base64.b64encode(data).decode()}]
    return json.dumps({"signature_name": "encode_bytes", "inputs": inputs}).encode()


def inputs(data: bytes, signature: bytes = b"encode") -> bytes:
    """A body with these inputs, repeated as often as fits: `data` is the text of one item."""
    count = (BODY_MIB * 2**20 - 200) // (len(data) + 1)
    return b'{"signature_name": "%s", "inputs": [%s]}' % (signature, b",".join([data] * count))


def padded(item: bytes) -> bytes:
    """A long text among many short ones, in the shape of images: numpy would make an array of equally long ones of them."""
    texts = [[[[""] * 3] * 8] * 8] * 64
    body = json.dumps({"signature_name": "encode", "inputs": texts}).encode()
    return body.replace(b'""', item, 1)


BOMB = zlib.compress(bytes(2**28), 9)
WRONG = {
    "PNG of 2^31 px": lambda: of_file(png(2**31 - 1, 2**31 - 1)),
    "PNG of 60000 x 60000 px": lambda: of_file(png(60_000, 60_000)),
    "PNG of 8000 x 8000 black px": lambda: of_file(png(8000, 8000, lines=8000)),
    "PNG of the right size with 64 MB more": lambda: of_file(png(8, 8, lines=2**23)),  # which decoders do not read
    "PNG with a comment of 256 MiB": lambda: of_file(png(8, 8, chunk(b"zTXt", b"a\0\0" + BOMB), lines=8)),
    "PNG with a profile of 256 MiB": lambda: of_file(png(8, 8, chunk(b"iCCP", b"a\0\0" + BOMB), lines=8)),
    "JPEG of 65500 x 65500 px": lambda: of_file(huge_jpeg()),
    "deep lists": lambda: b'{"inputs": ' + b"[" * 2**20 + b"]" * 2**20 + b"}",
    "deep objects": lambda: b'{"inputs": ' + b'{"a":' * 2**19 + b"1" + b"}" * 2**19 + b"}",
    "lists that numpy cannot hold": lambda: b'{"inputs": ' + b"[" * 40 + b"1" + b"]" * 40 + b"}",
    "empty lists": lambda: inputs(b"[]"),
    "empty lists in lists": lambda: inputs(b"[[[]]]"),
    "empty objects": lambda: inputs(b"{}"),
    "objects": lambda: inputs(b'{"a":1}'),
    "files of nothing": lambda: inputs(b'{"b64":""}', b"encode_bytes"),
    "numbers": lambda: inputs(b"1.5"),
    "a long number": lambda: b'{"inputs": %s}' % (b"9" * 2**21),
    "a large exponent": lambda: b'{"inputs": [1e999999999]}',
    "a long text beside short ones": lambda: padded(b'"%s"' % (b"x" * 2**17)),
    "a very long text beside short ones": lambda: padded(b'"%s"' % (b"x" * 2**21)),
    "a long file beside short texts": lambda: padded(b'{"b64": "%s"}' % (b"AAAA" * 2**17)),
    "a long name": lambda: b'{"signature_name": "%s", "inputs": 1}' % (b"x" * 2**21),
}
LARGEST = ("empty lists", "empty lists in lists")
HARMLESS = ("PNG of the right size with 64 MB more",)


def raw(server: Server, head: str, body: bytes = b"{}", path: str = PATH) -> int:
    """The status of the only answer to a request whose headers are written as they are."""
    with socket.create_connection(("127.0.0.1", server.port), HANGS) as connection:
        connection.sendall(f"POST {path} HTTP/1.1\r\nHost: localhost\r\n{head}\r\n\r\n".encode() + body)
        connection.shutdown(socket.SHUT_WR)
        answer = connection.makefile("rb").read()
    assert answer.count(b"HTTP/1.1 ") == 1, answer[:1000]
    return int(answer.split(maxsplit=2)[1])


SMUGGLED = b"{}POST /v1/models/tiny:predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}"
HEADS = {
    "two lengths": ("Content-Length: 2\r\nContent-Length: 40", SMUGGLED, 400),
    "a list of lengths": ("Content-Length: 2, 40", SMUGGLED, 400),
    "a signed length": ("Content-Length: +2", SMUGGLED, 400),
    "a negative length": ("Content-Length: -2", SMUGGLED, 400),
    "a space before the colon": ("Content-Length : 2", SMUGGLED, 400),
    "no length": ("Accept: */*", b"{}", 411),
    "a length and chunks": ("Content-Length: 2\r\nTransfer-Encoding: chunked", b"2\r\n{}\r\n0\r\n\r\n" + SMUGGLED, 411),
    "chunks": ("Transfer-Encoding: chunked", b"2\r\n{}\r\n0\r\n\r\n" + SMUGGLED, 411),
    "a chunk that claims much": ("Transfer-Encoding: chunked", b"ffffffffffffffff\r\n{}", 411),
    "a length that claims much": ("Content-Length: 1000000000000", b"{}", 413),
    "more than there is": ("Content-Length: 1000", b"{}", 408),
    "gzip": ("Content-Encoding: gzip\r\nContent-Length: 2", b"\x1f\x8b", 415),
}


def post(server: Server, body: bytes) -> int:
    connection = server.connect()
    status = ask(connection, body)[0]
    connection.close()
    return status


def test_hostile_bodies_are_refused_and_take_little_memory(server: Server) -> None:
    right, begun = expected(server), time.monotonic()
    load(server, 500, right)
    before, counts, wrong = server.most_kib(), Counter[int](), list[str]()
    seen: set[str] = set()
    with ThreadPoolExecutor(8) as pool:
        for name, make in (*WRONG.items(), *((name, WRONG[name]) for name in LARGEST)):
            body, most, again = make(), server.most_kib(), name in seen
            statuses = list(pool.map(lambda _, body=body: post(server, body), range(8)))
            counts.update(statuses)
            seen.add(name)
            grown = server.most_kib() - most
            print(f"\n{name}: 8 x {len(body) >> 10} KiB, {dict(Counter(statuses))}, {grown >> 10} MiB more", end="")
            if set(statuses) != {200 if name in HARMLESS else 400} or grown > (LEAKS_KIB if again else GROWS_KIB):
                wrong.append(f"{name}: {statuses}, {grown >> 10} MiB more")
    for name, (head, body, status) in HEADS.items():
        counts[given := raw(server, head, body)] += 1
        if given != status:
            wrong.append(f"{name}: {given} instead of {status}")
    grown = server.most_kib() - before
    said = f"statuses of hostile bodies: {dict(counts)}, {grown >> 10} MiB more, {time.monotonic() - begun:.1f} s"
    print(f"\n{said}")
    assert not wrong, wrong
    assert grown < 2 * GROWS_KIB, said
    assert load(server, 500, right) == {"right": 500}
    assert "Traceback" not in server.said()


def test_slow_clients_do_not_hold_up_others(server: Server) -> None:
    right, over, sent = expected(server), threading.Event(), Counter[str]()

    def slow(number: int) -> None:
        head = b"POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n" % PATH.encode()
        with socket.create_connection(("127.0.0.1", server.port), HANGS) as connection:
            connection.sendall(head if number % 2 else b"")  # half of them are slow already in their headers
            for byte in (b"{" * 1000) if number % 2 else head:
                if over.wait(1.0):
                    return
                try:
                    connection.sendall(bytes([byte]))
                except OSError:
                    return  # it was shut out
                sent["bytes"] += 1

    with ThreadPoolExecutor(SLOW) as pool:
        slow_ones = [pool.submit(slow, i) for i in range(SLOW)]
        time.sleep(3)
        begun = time.monotonic()
        counts = load(server, 500, right)
        seconds = time.monotonic() - begun
        over.set()
        for each in slow_ones:
            each.result()
    said = f"{SLOW} slow clients sent {sent['bytes']} bytes; 500 requests beside them: {dict(counts)}, {seconds:.1f} s"
    print(f"\n{said}")
    assert counts == {"right": 500}, said
    assert seconds < 30, said


def test_an_export_that_is_replaced_goes_on_being_served(runs: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(runs, tmp_path / "tiny"))
    server, replaced, over = Server(folder, tmp_path / "log"), 0, threading.Event()
    try:
        right = expected(server)
        with ThreadPoolExecutor(1) as pool:
            loaded = pool.submit(load, server, REQUESTS // 2, right)
            while not loaded.done():
                shutil.rmtree(folder / "export/1")
                over.wait(0.05)
                shutil.copytree(runs / "export/1", folder / "export/1")
                over.wait(0.05)
                replaced += 1
        said = f"{REQUESTS // 2} requests while the export was replaced {replaced} times: {dict(loaded.result())}"
        print(f"\n{said}")
        assert loaded.result() == {"right": REQUESTS // 2}, said
        assert replaced > 1
    finally:
        server.process.kill()
        server.process.wait()


def test_at_sigterm_every_request_is_answered(server: Server) -> None:
    asked, counts = threading.Event(), Counter[str]()

    def client(number: int) -> Counter[str]:
        """Asks until it is turned away."""
        counts, connection = Counter[str](), server.connect()
        while not counts["status 503"] and not any(key.startswith("lost") for key in counts):
            try:
                status, _ = ask(connection, BODIES[number % len(BODIES)])
                counts[f"status {status}"] += 1
                asked.set()
            except (OSError, http.client.HTTPException) as e:
                counts[f"lost: {type(e).__name__}"] += 1
        return counts

    with ThreadPoolExecutor(CLIENTS) as pool:
        clients = [pool.submit(client, i) for i in range(CLIENTS)]
        assert asked.wait(HANGS)
        time.sleep(0.5)
        server.process.send_signal(signal.SIGTERM)
        begun = time.monotonic()
        code = server.process.wait(HANGS)
        seconds = time.monotonic() - begun
        counts = sum((each.result() for each in clients), Counter[str]())
    said = f"SIGTERM under load of {CLIENTS} clients: {dict(counts)}; it ended after {seconds:.1f} s with {code}"
    print(f"\n{said}")
    assert code == 0, said
    assert set(counts) == {"status 200", "status 503"}, said
    assert counts["status 503"] == CLIENTS, said
