"""The HTTP application: TensorFlow Serving's REST paths, and the page; WSGI, with Werkzeug."""

import json
import logging
import re
import threading
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from werkzeug.exceptions import ClientDisconnected, HTTPException, MethodNotAllowed
from werkzeug.routing import BaseConverter, Map, Rule
from werkzeug.wrappers import Request, Response

from tfpagan.latents import prior
from tfpagan.serving import rest
from tfpagan.serving.errors import RequestError
from tfpagan.serving.hosted import LONGEST, Hosted
from tfpagan.serving.servable import Servable

PAGE = Path(__file__).parent / "page"
FILES = {
    "index.html": "text/html; charset=utf-8",
    "page.js": "text/javascript; charset=utf-8",
    "page.css": "text/css; charset=utf-8",
}
"""All that is served from disk: no path comes from a request."""
LARGE_BODY = 2**18
"""Bytes; larger bodies are parsed one at a time: as lists and numbers of Python they take up to 25 times their size."""
THREADS = 32  # requests that are computed at a time, unless one says otherwise
WAITING_SECONDS = 2.0  # for others' large bodies to be read
LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
ANY_HOST = "*"
NO_LENGTH = "a body without Content-Length is not read"
POLICY = "default-src 'self'; img-src 'self' data:"


class _Name(BaseConverter):
    regex = "[^/:]+"  # the call follows after a colon


MODEL = "/v1/models/<name:name>"
MODELS = (MODEL, f"{MODEL}/versions/<int:version>", f"{MODEL}/labels/<name:label>")
ROUTES = Map(
    [
        Rule("/", endpoint="page", defaults={"file": "index.html"}, methods=["GET"]),
        *(
            Rule(f"/{name}", endpoint="page", defaults={"file": name}, methods=["GET"])
            for name in FILES
            if name != "index.html"
        ),
        Rule("/model.json", endpoint="model", methods=["GET"]),
        Rule("/codes/<int:seed>.json", endpoint="code", methods=["GET"]),
        *(Rule(model, endpoint="status", methods=["GET"]) for model in MODELS),
        *(Rule(f"{model}/metadata", endpoint="metadata", methods=["GET"]) for model in MODELS),
        *(Rule(f"{model}:predict", endpoint="predict", methods=["POST"]) for model in MODELS),
    ],
    converters={"name": _Name},
)


class Application:
    """Answers requests of a version of a model.

    Args:
      hosted: the version.
      max_body_bytes: largest body of a request.
      threads: requests that are computed at a time, and large bodies that are read at a time.
      hosts: legal values of the header Host, without ports; a page of another name, which its owner lets point to this machine,
        could else ask in its visitor's place (DNS rebinding).
    """

    def __init__(self, hosted: Hosted, *, max_body_bytes: int, threads: int = THREADS, hosts: Collection[str] = (ANY_HOST,)):
        self._hosted, self._max_body_bytes = hosted, max_body_bytes
        self._hosts = {host.lower() for host in hosts}
        self._computing, self._large_bodies = threading.Semaphore(threads), threading.Semaphore(threads)
        self._one_large_body = threading.Lock()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        request = Request(environ)
        with self._hosted.request():
            response = self._respond(request, environ)
        if response.status_code >= 400:
            response.headers["Connection"] = "close"  # the body may not have been read completely
        return response(environ, start_response)

    def _respond(self, request: Request, environ: dict[str, Any]) -> Response:
        try:
            self._require_host(request)
            self._hosted.require_open()
            # Werkzeug tests only for the key, and would not notice that a body ends early.
            if environ.pop("wsgi.input_terminated", False) or "HTTP_TRANSFER_ENCODING" in environ:
                raise RequestError(NO_LENGTH, 411)
            if (encoding := request.headers.get("Content-Encoding", "identity").lower()) != "identity":
                raise RequestError(f"a body encoded as {encoding[:LONGEST]} is not read; send it as it is", 415)
            if (request.content_length or 0) > self._max_body_bytes:
                asked = f"a body of {request.content_length} bytes"
                raise RequestError(f"{asked} is larger than this server reads: {self._max_body_bytes} (--max_body_mib)", 413)
            endpoint, values = ROUTES.bind_to_environ(environ).match()
            answers: dict[str, Callable[..., Response]] = {
                "page": _page,
                "model": self._model,
                "code": self._code,
                "status": self._status,
                "metadata": self._metadata,
                "predict": partial(self._predict, request),
            }
            return answers[endpoint](**values)
        except RequestError as e:
            return _json({"error": str(e)}, e.status)
        except ClientDisconnected:
            return _json({"error": "the body ends before its Content-Length"}, 408)
        except HTTPException as e:
            response = _json({"error": f"{e.name}: {request.method} {request.path[:LONGEST]}"}, e.code or 500)
            if isinstance(e, MethodNotAllowed):
                response.headers["Allow"] = ", ".join(sorted(e.valid_methods or ()))
            return response
        except Exception:  # our fault, not the client's: the details belong in the log
            logging.getLogger(__name__).exception("%s %s failed", request.method, request.path)
            return _json({"error": "the server failed; its log says why"}, 500)

    def _predict(self, request: Request, **model: Any) -> Response:
        servable = self._hosted.found(**model)
        if request.content_length is None:
            raise RequestError(NO_LENGTH, 411)
        is_large = request.content_length > LARGE_BODY
        with self._room_for_a_large_body() if is_large else nullcontext():
            body = request.get_data()
            with self._computing:
                with self._one_large_body if is_large else nullcontext():
                    signature, by_row, inputs = _checked(servable, body)
                return _json(rest.answer(by_row, self._hosted.predict(signature, inputs)))

    @contextmanager
    def _room_for_a_large_body(self) -> Iterator[None]:
        if not self._large_bodies.acquire(timeout=WAITING_SECONDS):
            raise RequestError("too many large bodies are being read: ask again later", 503)
        try:
            yield
        finally:
            self._large_bodies.release()

    def _require_host(self, request: Request) -> None:
        name = re.sub(r":\d*$", "", request.headers.get("Host", "").lower())
        if not name and request.environ["SERVER_PROTOCOL"] == "HTTP/1.1":
            raise RequestError("a request of HTTP/1.1 needs a header Host (RFC 9112, section 3.2)")
        if name and ANY_HOST not in self._hosts and name not in self._hosts:  # HTTP/1.0 needs none, and browsers send one
            allowed = f"this server answers to {', '.join(sorted(self._hosts))} (--allowed_hosts)"
            raise RequestError(f"Host: {name[:LONGEST]} is no name of this server; {allowed}", 403)

    def _status(self, **model: Any) -> Response:
        """Readiness: the state is AVAILABLE once requests are answered."""
        state = {"version": str(self._hosted.version), "state": self._hosted.state(**model)}
        return _json({"model_version_status": [state | {"status": {"error_code": "OK", "error_message": ""}}]})

    def _metadata(self, **model: Any) -> Response:
        definitions = self._hosted.found(**model).definitions
        spec = {"name": self._hosted.name, "signature_name": "", "version": str(self._hosted.version)}
        return _json({"model_spec": spec, "metadata": {"signature_def": rest.to_json(definitions)}})

    def _model(self) -> Response:
        """Facts for the page."""
        servable = self._hosted.found(self._hosted.name)
        facts = {
            "name": self._hosted.name,
            "version": self._hosted.version,
            "latent_dim": servable.latent_dim,
            "image_shape": servable.image_shape,
            "encoder": "encode" in servable.signatures,
            "prior": "sample" in servable.signatures,
            "max_rows": servable.max_rows,
        }
        return _json(facts)

    def _code(self, seed: int) -> Response:
        """The first code that `sample` decodes, for the page."""
        latent_dim = self._hosted.found(self._hosted.name).latent_dim
        if seed >= 2**31:
            raise RequestError(f"seed {seed} is not legal: it must be below 2^31")
        return _json({"latents": prior(tf.constant(seed), tf.constant(1), latent_dim).numpy().tolist()})


def _checked(servable: Servable, body: bytes) -> tuple[str, bool, dict[str, np.ndarray]]:
    """The signature's name, whether the format is by row, and the inputs as arrays."""
    if (values := sum(map(body.count, (b",", b"[", b"{")))) > servable.most_values:
        fewer = f"the {servable.max_rows} images that this server answers at a time have fewer"
        raise RequestError(f"a body of {values} commas and brackets is not parsed: {fewer}")
    signature, by_row, value = rest.parse(body)
    inputs = rest.columns(by_row, value, list(servable.inputs(signature)))
    return signature, by_row, servable.check(signature, inputs)


def _page(file: str) -> Response:
    response = Response((PAGE / file).read_bytes(), content_type=FILES[file])
    response.headers["Content-Security-Policy"] = POLICY
    return response


def _json(body: Any, status: int = 200) -> Response:
    return Response(json.dumps(body, allow_nan=False), status, content_type="application/json")
