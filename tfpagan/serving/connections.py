"""Connections of cheroot that bound a slow client's time, refuse ambiguous requests, and let a refused client read why."""

import json
import re
import socket
import time
from contextlib import suppress
from typing import Any

from cheroot.makefile import MakeFile, StreamReader
from cheroot.server import HeaderReader, HTTPConnection, HTTPRequest

IDLE_SECONDS = 10  # without data, after which a connection is closed
REQUEST_SECONDS = 10  # for the head of a request, and again for its body, and beyond them
SLOWEST = 2**16  # bytes of it a second
LINGER_SECONDS = 10  # in which a refused client may still send, and read the answer
SILENT_SECONDS = 5  # without data, after which its connection is closed
UNREAD_BYTES = 2**26  # of a refused body, read so that the client reaches the answer
PIECE_BYTES = 2**16
LONGEST_LENGTH = 18  # digits of Content-Length
NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""A header's name (RFC 9110, section 5.6.2); a space before the colon could hide a length from a proxy (RFC 9112, 5.1)."""


class _Socket(socket.SocketIO):
    """Reads from a connection until a moment, which comes the later the more the client sends."""

    until = 0.0

    def readinto(self, buffer: Any) -> int | None:
        left = self.until - time.monotonic()
        if left <= 0.0:
            raise TimeoutError("timed out")  # in the socket's words, which cheroot answers with 408
        connection = self._sock  # type: ignore[attr-defined]
        connection.settimeout(min(left, IDLE_SECONDS))
        try:
            received = super().readinto(buffer)
        finally:
            connection.settimeout(IDLE_SECONDS)
        self.until += (received or 0) / SLOWEST
        return received


class _Reader(StreamReader):
    """Cheroot's, on a `_Socket`."""

    def __init__(self, connection: socket.socket, mode: str, size: int):
        self._timed = _Socket(connection, "rb")
        super(StreamReader, self).__init__(self._timed, size)
        self.bytes_read = 0

    def allow(self, seconds: float) -> None:
        """Let the client take so long from now on."""
        self._timed.until = time.monotonic() + seconds


def _file(connection: socket.socket, mode: str, size: int) -> Any:
    return _Reader(connection, mode, size) if "r" in mode else MakeFile(connection, mode, size)


class _HeaderReader(HeaderReader):
    def __call__(self, rfile: Any, hdict: Any = None) -> Any:
        try:
            return super().__call__(rfile, hdict)
        except UnboundLocalError:  # cheroot's, of a first line that begins with a blank
            raise ValueError("Malformed header name") from None

    def _transform_key(self, key_name: bytes) -> bytes:
        if not NAME.fullmatch(key_name):
            raise ValueError("Malformed header name")  # cheroot answers 400
        return super()._transform_key(key_name)  # type: ignore[misc]  # the stubs of cheroot leave it out


class _Headers(dict[bytes, bytes]):
    """Headers of a request; two lengths of one body would let a second request hide in it (RFC 9112, section 6.3), and two
    hosts a foreign one (section 3.2)."""

    def __setitem__(self, name: bytes, value: bytes) -> None:
        is_length = value.isdigit() and len(value) <= LONGEST_LENGTH
        if name == b"Content-Length" and not (is_length and self.get(name, value) == value):
            raise ValueError("Malformed or contradictory Content-Length")
        if name == b"Host" and name in self:
            raise ValueError("More than one Host")
        super().__setitem__(name, value)


class Request(HTTPRequest):
    """A request whose refusals are JSON, and end its connection."""

    header_reader = _HeaderReader()

    def __init__(self, *args: Any, **options: Any):
        super().__init__(*args, **options)
        self.inheaders = _Headers()

    def parse_request(self) -> None:
        """Read all but the body, which has as many seconds of its own."""
        self.conn.rfile.allow(REQUEST_SECONDS)
        super().parse_request()
        self.conn.rfile.allow(REQUEST_SECONDS)

    def read_request_line(self) -> bool:
        """Read the first line; cheroot does not expect what Python's parser of URLs raises."""
        try:
            return bool(super().read_request_line())
        except ValueError:
            self.simple_response("400 Bad Request", "Malformed Request-URI")
            return False

    def simple_response(self, status: str, msg: str = "") -> None:
        """Answer what cheroot itself refuses, as the application would."""
        body = json.dumps({"error": msg or status.partition(" ")[2]}).encode()
        self.close_connection = True
        self.conn.refused = not status.startswith("408")  # a client that has been silent is not waited for
        head = f"{self.server.protocol} {status}\r\nContent-Length: {len(body)}\r\n"
        with suppress(OSError):  # the client is gone
            self.conn.wfile.write(f"{head}Content-Type: application/json\r\nConnection: close\r\n\r\n".encode() + body)

    def send_headers(self) -> None:
        """After a refusal the connection drops the rest of the body: cheroot would store all of it, whatever its size."""
        if (b"Connection", b"close") in self.outheaders:
            self.close_connection = True
            self.conn.refused = True
        super().send_headers()


class Connection(HTTPConnection):
    """A connection that lets a refused client finish sending, so that it reads the answer."""

    RequestHandlerClass = Request
    refused = False
    seen = False
    """Whether the client has sent anything."""

    def __init__(self, server: Any, connection: socket.socket, makefile: Any = MakeFile):
        super().__init__(server, connection, _file)

    def close(self) -> None:
        """Close the socket; after a refusal, when the client has stopped sending."""
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
