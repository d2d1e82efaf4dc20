"""The server process: binds, loads, answers, and at SIGTERM or Ctrl-C finishes the requests in flight."""

import errno
import ipaddress
import logging as standard_logging
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

import tensorflow as tf
from absl import logging
from cheroot import wsgi
from tensorflow_serving.apis import prediction_log_pb2

from tfpagan.errors import UserError, why
from tfpagan.serving import grpc_service
from tfpagan.serving.application import ANY_HOST, LOOPBACK, Application
from tfpagan.serving.connections import IDLE_SECONDS, Connection
from tfpagan.serving.exports import WARMUP
from tfpagan.serving.hosted import Hosted
from tfpagan.serving.servable import Servable

CONNECTIONS = 1024  # that may send at a time, each in a thread: slow ones must not keep others waiting
FULL_SECONDS = 10.0  # between lines that say that the process has too many open files
FULL_PAUSE_SECONDS = 0.05  # between attempts to accept a connection meanwhile
KEPT = 4096  # that wait for the client's next request
HEADERS_BYTES = 2**16  # at most, of a request
GRACE_SECONDS = 1.0  # after a signal, during which new requests are still answered
TURNING_AWAY_SECONDS = 0.5  # during which new requests are refused
ACCEPTED_SECONDS = 0.2  # to refuse requests on the connections that are there
SHUTDOWN_SECONDS = 5  # to answer requests in flight
LAST_SECONDS = 1  # for connections that are still open: in total less than docker's 10 s


class _Server(wsgi.Server):
    ConnectionClass = Connection
    max_request_header_size = HEADERS_BYTES
    keep_alive_conn_limit = KEPT

    def process_conn(self, conn: Connection) -> None:
        """Give a connection to a thread once it has sent something: one that is silent takes none."""
        if conn.seen:
            super().process_conn(conn)
        else:
            conn.seen = True
            self.put_conn(conn)

    def stop_listening(self) -> None:
        """Refuse connections from now on; first take those that wait to be accepted, which would be reset."""
        self.socket.settimeout(0.0)
        with suppress(OSError):  # as too many open files; the server must end all the same
            while (waiting := self._connections._from_server_socket(self.socket)) is not None:  # type: ignore[attr-defined]
                self.process_conn(waiting)
        self.socket.close()

    def error_log(self, msg: str = "", level: int = standard_logging.INFO, traceback: bool = False) -> None:
        """Log cheroot's messages, except those about its start and stop."""
        error = sys.exc_info()[1]
        if isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE):
            logging.log_every_n_seconds(logging.ERROR, "new connections wait: %s", FULL_SECONDS, error.strerror)
            time.sleep(FULL_PAUSE_SECONDS)  # cheroot tries again at once
        elif level > standard_logging.INFO:
            logging.error("%s", msg, exc_info=traceback)


def serve(
    folder: Path,
    *,
    name: str,
    labels: Sequence[str],
    host: str,
    port: int,
    grpc_port: int | None,
    max_rows: int,
    max_body_mib: int,
    threads: int,
    allowed_hosts: Sequence[str] = (),
) -> None:
    """Serve a version until a signal arrives.

    Args:
      folder: of the version.
      name: of the model.
      labels: of the version.
      host: address to listen on.
      port: of REST and the page; 0: any free one.
      grpc_port: of gRPC; 0: any free one; None: there is none.
      max_rows: most images of one request, and of one network call.
      max_body_mib: largest body of a request.
      threads: number of requests that are computed at a time.
      allowed_hosts: names by which clients may reach it besides its own, if the address is of this machine alone; `*`: any.

    Raises:
      UserError: when the address is unavailable, or the export cannot be loaded.
    """
    hosted = Hosted(name, int(folder.name), labels)
    hosts = (host, *LOOPBACK, *allowed_hosts) if _is_loopback(host) else (ANY_HOST,)
    application = Application(hosted, max_body_bytes=max_body_mib * 2**20, threads=threads, hosts=hosts)
    server = _Server(
        (host, port),
        application,
        numthreads=CONNECTIONS,
        request_queue_size=1024,
        timeout=IDLE_SECONDS,
        shutdown_timeout=LAST_SECONDS,
    )
    try:
        server.prepare()
    except (OSError, UnicodeError) as e:  # the latter of names that are none
        raise UserError(f"cannot listen on {host}, port {port}: {e}") from None
    rpc, rpc_at = None, ""
    failed: list[Exception] = []

    def load() -> None:
        try:
            servable = Servable(folder, max_rows=max_rows)
            _warm_up(servable, folder)
            hosted.available(servable)
            logging.info("serving %s, version %d, at %s%s", name, servable.version, _url(*server.bind_addr[:2]), rpc_at)
        except Exception as e:  # reported by the main thread
            failed.append(e)
            server.interrupt = SystemExit()

    loading = threading.Thread(target=load, name="load")
    try:
        if grpc_port is not None:
            rpc, bound = grpc_service.listening(hosted, host, grpc_port, threads=threads, max_bytes=max_body_mib * 2**20)
            rpc_at = f", gRPC on port {bound}"
        with _signals_end_it(server, hosted):
            loading.start()  # meanwhile the status says LOADING
            server.serve()
    except SystemExit:
        pass
    finally:
        server.stop()
        if rpc:
            rpc.stop(LAST_SECONDS).wait()
        if loading.ident:  # it was started
            loading.join()
        hosted.close()
    if failed:
        raise UserError(f"{folder} cannot be served: {why(failed[0])}")
    logging.info("stopped")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


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
def _signals_end_it(server: _Server, hosted: Hosted) -> Iterator[None]:
    def drain() -> None:
        """Some sent requests are not read yet: continue for a moment, then refuse new ones."""
        time.sleep(GRACE_SECONDS)
        hosted.turn_away()
        time.sleep(TURNING_AWAY_SECONDS)
        server.stop_listening()
        time.sleep(ACCEPTED_SECONDS)
        until = time.monotonic() + SHUTDOWN_SECONDS
        while hosted.under_way() and time.monotonic() < until:
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
