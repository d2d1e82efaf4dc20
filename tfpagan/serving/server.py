"""The server process: binds, loads, answers, and at SIGTERM or Ctrl-C finishes the requests in flight."""

import logging as standard_logging
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import tensorflow as tf
from absl import logging
from cheroot import wsgi
from cheroot.server import HTTPConnection, HTTPRequest
from tensorflow_serving.apis import prediction_log_pb2

from tfpagan.errors import UserError, why
from tfpagan.serving.application import Application
from tfpagan.serving.servable import Servable

WARMUP = Path("assets.extra", "tf_serving_warmup_requests")
IDLE_SECONDS = 10  # after which an idle connection is closed
GRACE_SECONDS = 1.0  # after a signal, during which new requests are still answered
TURNING_AWAY_SECONDS = 0.5  # during which new requests are refused
SHUTDOWN_SECONDS = 5  # to answer requests in flight
LAST_SECONDS = 1  # for connections that are still open: in total less than docker's 10 s
LINGER_SECONDS = 30  # in which a refused client may still send, and read the answer
SILENT_SECONDS = 5  # without data, after which its connection is closed
UNREAD_BYTES = 2**26  # of a refused body, read so that the client reaches the answer
PIECE_BYTES = 2**16


class _Headers(dict[bytes, bytes]):
    """Headers of a request; two lengths of one body would let a second request hide in it (RFC 9112, section 6.3)."""

    def __setitem__(self, name: bytes, value: bytes) -> None:
        if name == b"Content-Length" and (not value.isdigit() or self.get(name, value) != value):
            raise ValueError("Malformed or contradictory Content-Length")  # cheroot answers 400
        super().__setitem__(name, value)


class _Request(HTTPRequest):
    def __init__(self, *args: Any, **options: Any):
        super().__init__(*args, **options)
        self.inheaders = _Headers()

    def send_headers(self) -> None:
        """After a refusal the connection drops the rest of the body: cheroot would store all of it, whatever its size."""
        if (b"Connection", b"close") in self.outheaders:
            self.close_connection = True
            self.conn.refused = True
        super().send_headers()


class _Connection(HTTPConnection):
    RequestHandlerClass = _Request
    refused = False

    def close(self) -> None:
        if self.refused:
            self._linger()
        super().close()

    def _linger(self) -> None:
        """Shut down the sending side, and drop incoming data until the client closes too.

        A socket closed with unread bytes is reset, and the client may never see the answer (RFC 9112, section 9.6).
        """
        unread, until = UNREAD_BYTES, time.monotonic() + LINGER_SECONDS
        try:
            self.socket.shutdown(socket.SHUT_WR)
            self.socket.settimeout(SILENT_SECONDS)
            while unread > 0 and time.monotonic() < until and (piece := self.socket.recv(min(unread, PIECE_BYTES))):
                unread -= len(piece)
        except OSError:  # idle or gone
            pass


class _Server(wsgi.Server):
    ConnectionClass = _Connection

    def error_log(self, msg: str = "", level: int = standard_logging.INFO, traceback: bool = False) -> None:
        """Log cheroot's messages, except those about its start and stop."""
        if level > standard_logging.INFO:
            logging.error("%s", msg, exc_info=traceback)


def serve(folder: Path, *, name: str, host: str, port: int, max_rows: int, max_body_mib: int, threads: int) -> None:
    """Serve a version until a signal arrives.

    Args:
      folder: of the version.
      name: of the model.
      host: address to listen on.
      port: to listen on; 0: any free one.
      max_rows: most images of one request, and of one network call.
      max_body_mib: largest body of a request.
      threads: number of concurrent requests.

    Raises:
      UserError: when the address is unavailable, or the export cannot be loaded.
    """
    application = Application(name, int(folder.name), max_body_bytes=max_body_mib * 2**20)
    server = _Server(
        (host, port),
        application,
        numthreads=threads,
        request_queue_size=1024,
        timeout=IDLE_SECONDS,
        shutdown_timeout=LAST_SECONDS,
    )
    try:
        server.prepare()
    except OSError as e:
        raise UserError(f"cannot listen on {host}, port {port}: {e}") from None
    failed: list[Exception] = []

    def load() -> None:
        try:
            servable = Servable(folder, max_rows=max_rows)
            _warm_up(servable, folder)
            application.available(servable)
            logging.info("serving %s, version %d, at %s", name, servable.version, _url(*server.bind_addr[:2]))
        except Exception as e:  # reported by the main thread
            failed.append(e)
            server.interrupt = SystemExit()

    loading = threading.Thread(target=load, name="load")
    try:
        with _signals_end_it(server, application):
            loading.start()  # meanwhile the status says LOADING
            server.serve()
    except SystemExit:
        pass
    finally:
        server.stop()
        loading.join()
        application.close()
    if failed:
        raise UserError(f"{folder} cannot be served: {why(failed[0])}")
    logging.info("stopped")


def _url(host: str, port: int) -> str:
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def _warm_up(servable: Servable, folder: Path) -> None:
    """Run the export's warm-up requests, as TensorFlow Serving does."""
    if not (folder / WARMUP).exists():
        return
    for record in tf.data.TFRecordDataset(str(folder / WARMUP)):
        request = prediction_log_pb2.PredictionLog.FromString(record.numpy()).predict_log.request
        inputs = {key: tf.make_ndarray(proto) for key, proto in request.inputs.items()}
        servable.run(request.model_spec.signature_name, inputs)


@contextmanager
def _signals_end_it(server: _Server, application: Application) -> Iterator[None]:
    def drain() -> None:
        """Some sent requests are not read yet: continue for a moment, then refuse new ones."""
        time.sleep(GRACE_SECONDS)
        application.turn_away()
        time.sleep(TURNING_AWAY_SECONDS)
        until = time.monotonic() + SHUTDOWN_SECONDS
        while application.under_way() and time.monotonic() < until:
            time.sleep(0.02)
        server.interrupt = SystemExit()

    def end(number: int, frame: FrameType | None) -> None:
        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, signal.SIG_DFL)  # a second one kills
        logging.info("%s: answering what is under way, then stopping", signal.Signals(number).name)
        threading.Thread(target=drain, name="drain").start()

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
