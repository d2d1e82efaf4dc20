"""The process: binds, loads, answers, and at SIGTERM or Ctrl-C finishes what it has begun."""

import logging as standard_logging
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import tensorflow as tf
from absl import logging
from cheroot import wsgi
from cheroot.server import HTTPConnection, HTTPRequest
from tensorflow_serving.apis import prediction_log_pb2

from tfpagan.errors import UserError, why
from tfpagan.serving.application import Application
from tfpagan.serving.servable import Servable

WARMUP = Path("assets.extra", "tf_serving_warmup_requests")
IDLE_SECONDS = 10  # after which a silent connection is closed
GRACE_SECONDS = 1.0  # after a signal, in which new requests are still answered
TURNING_AWAY_SECONDS = 0.5  # in which new requests are told to go
SHUTDOWN_SECONDS = 5  # in which requests under way must be answered
LAST_SECONDS = 1  # for connections that are still open: all in all less than the 10 s that docker gives
LINGER_SECONDS = 30  # in which a refused client may still send, and read the answer
SILENT_SECONDS = 5  # after which it is let go
UNREAD_BYTES = 2**26  # of a refused body, that are read so that the client gets to the answer
PIECE_BYTES = 2**16


class _Request(HTTPRequest):
    def send_headers(self) -> None:
        """A refusal leaves what is left of the body to the connection: cheroot would keep all of it, however much comes."""
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
        """Say that no more is sent, and drop what comes until the client closes too.

        A socket closed on unread bytes is reset, and the client may never see the answer (RFC 9112, section 9.6).
        """
        unread, until = UNREAD_BYTES, time.monotonic() + LINGER_SECONDS
        try:
            self.socket.shutdown(socket.SHUT_WR)
            self.socket.settimeout(SILENT_SECONDS)
            while unread > 0 and time.monotonic() < until and (piece := self.socket.recv(min(unread, PIECE_BYTES))):
                unread -= len(piece)
        except OSError:  # silent or gone
            pass


class _Server(wsgi.Server):
    ConnectionClass = _Connection

    def error_log(self, msg: str = "", level: int = standard_logging.INFO, traceback: bool = False) -> None:
        """What cheroot has to say, but for how it starts and stops."""
        if level > standard_logging.INFO:
            logging.error("%s", msg, exc_info=traceback)


def serve(folder: Path, *, name: str, host: str, port: int, max_rows: int, max_body_mib: int, threads: int) -> None:
    """Serve a version until a signal comes.

    Args:
      folder: of the version.
      name: of the model.
      host: address to listen on.
      port: likewise; 0: any that is free.
      max_rows: images of one request, and of one call of the network.
      max_body_mib: of a request.
      threads: how many requests are under way at once.

    Raises:
      UserError: when the address cannot be had, or the export not loaded.
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
        except Exception as e:  # told by the main thread
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
    """Ask what the export says that it wants to be asked first, as TensorFlow Serving does."""
    if not (folder / WARMUP).exists():
        return
    for record in tf.data.TFRecordDataset(str(folder / WARMUP)):
        request = prediction_log_pb2.PredictionLog.FromString(record.numpy()).predict_log.request
        inputs = {key: tf.make_ndarray(proto) for key, proto in request.inputs.items()}
        servable.run(request.model_spec.signature_name, inputs)


@contextmanager
def _signals_end_it(server: _Server, application: Application) -> Iterator[None]:
    def drain() -> None:
        """What clients have sent is not all read yet: go on for a moment, then turn new requests away."""
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
