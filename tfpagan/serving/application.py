"""The HTTP application: TensorFlow Serving's REST paths, and the page; WSGI, with Werkzeug."""

import json
import logging
import threading
from collections.abc import Callable, Iterable
from contextlib import nullcontext
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
from tfpagan.serving.batcher import Batcher
from tfpagan.serving.errors import RequestError
from tfpagan.serving.servable import Servable

PAGE = Path(__file__).parent / "page"
FILES = {
    "index.html": "text/html; charset=utf-8",
    "page.js": "text/javascript; charset=utf-8",
    "page.css": "text/css; charset=utf-8",
}
"""All that is served from disk: no path comes from a request."""
LONGEST_PATH = 200  # of a requested path, in an answer
LARGE_BODY = 2**18
"""Bytes; larger bodies are parsed one at a time: as lists and numbers of Python they take up to 25 times their size."""
NO_LENGTH = "a body without Content-Length is not read"
POLICY = "default-src 'self'; img-src 'self' data:"


class _Name(BaseConverter):
    regex = "[^/:]+"  # the call follows after a colon


MODELS = ("/v1/models/<name:name>", "/v1/models/<name:name>/versions/<int:version>")
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
    """One version of a model; until `available` is called it answers that it is loading.

    Args:
      name: of the model, in paths.
      version: of the model, in paths.
      max_body_bytes: largest body of a request.
    """

    def __init__(self, name: str, version: int, *, max_body_bytes: int):
        self._name, self._version, self._max_body_bytes = name, version, max_body_bytes
        self._servable: Servable | None = None
        self._batcher: Batcher | None = None
        self._one_large_body = threading.Lock()
        self._lock, self._under_way, self._turned_away = threading.Lock(), 0, False

    def available(self, servable: Servable) -> None:
        """Answer with this servable from now on."""
        self._batcher = Batcher(servable.run, lambda name: servable.signatures[name].batched, max_rows=servable.max_rows)
        self._servable = servable

    def turn_away(self) -> None:
        """Answer new requests with a 503 from now on."""
        self._turned_away = True

    def under_way(self) -> int:
        """The number of requests in flight."""
        return self._under_way

    def close(self) -> None:
        """Answer the waiting requests, and accept no more."""
        if self._batcher:
            self._batcher.close()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        request = Request(environ)
        with self._lock:
            self._under_way += 1
        try:
            response = self._respond(request, environ)
        finally:
            with self._lock:
                self._under_way -= 1
        if response.status_code >= 400:
            response.headers["Connection"] = "close"  # the body may not have been read completely
        return response(environ, start_response)

    def _respond(self, request: Request, environ: dict[str, Any]) -> Response:
        try:
            if self._turned_away:
                raise RequestError("the server is shutting down", 503)
            # Werkzeug tests only for the key, and would not notice that a body ends early.
            if environ.pop("wsgi.input_terminated", False) or "HTTP_TRANSFER_ENCODING" in environ:
                raise RequestError(NO_LENGTH, 411)
            if (encoding := request.headers.get("Content-Encoding", "identity").lower()) != "identity":
                raise RequestError(f"a body encoded as {encoding[:LONGEST_PATH]} is not read; send it as it is", 415)
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
            response = _json({"error": f"{e.name}: {request.method} {request.path[:LONGEST_PATH]}"}, e.code or 500)
            if isinstance(e, MethodNotAllowed):
                response.headers["Allow"] = ", ".join(sorted(e.valid_methods or ()))
            return response
        except Exception:  # our fault, not the client's: the details belong in the log
            logging.getLogger(__name__).exception("%s %s failed", request.method, request.path)
            return _json({"error": "the server failed; its log says why"}, 500)

    def _predict(self, request: Request, name: str, version: int | None = None) -> Response:
        servable = self._found(name, version)
        if request.content_length is None:
            raise RequestError(NO_LENGTH, 411)
        body = request.get_data()
        with self._one_large_body if len(body) > LARGE_BODY else nullcontext():
            signature, by_row, inputs = _checked(servable, body)
        assert self._batcher is not None
        return _json(rest.answer(by_row, self._batcher(signature, inputs)))

    def _status(self, name: str, version: int | None = None) -> Response:
        """Readiness: the state is AVAILABLE once requests are answered."""
        self._require_name(name, version)
        state = "AVAILABLE" if self._servable else "LOADING"
        row = {"version": str(self._version), "state": state, "status": {"error_code": "OK", "error_message": ""}}
        return _json({"model_version_status": [row]})

    def _metadata(self, name: str, version: int | None = None) -> Response:
        servable = self._found(name, version)
        signatures = {"@type": "type.googleapis.com/tensorflow.serving.SignatureDefMap", "signature_def": servable.definitions}
        spec = {"name": name, "signature_name": "", "version": str(self._version)}
        return _json({"model_spec": spec, "metadata": {"signature_def": signatures}})

    def _model(self) -> Response:
        """Facts for the page."""
        servable = self._found(self._name, None)
        facts = {
            "name": self._name,
            "version": self._version,
            "latent_dim": servable.latent_dim,
            "image_shape": servable.image_shape,
            "encoder": "encode" in servable.signatures,
            "prior": "sample" in servable.signatures,
            "max_rows": servable.max_rows,
        }
        return _json(facts)

    def _code(self, seed: int) -> Response:
        """The first code that `sample` decodes, for the page."""
        latent_dim = self._found(self._name, None).latent_dim
        if seed >= 2**31:
            raise RequestError(f"seed {seed} is not legal: it must be below 2^31")
        return _json({"latents": prior(tf.constant(seed), tf.constant(1), latent_dim).numpy().tolist()})

    def _found(self, name: str, version: int | None) -> Servable:
        self._require_name(name, version)
        if self._servable is None:
            raise RequestError(f"model {name} is loading", 503)
        return self._servable

    def _require_name(self, name: str, version: int | None) -> None:
        if name != self._name or version not in (None, self._version):
            asked = f"{name[:LONGEST_PATH]}{'' if version is None else f', version {version}'}"
            raise RequestError(f"servable not found: {asked}; this server has {self._name}, version {self._version}", 404)


def _checked(servable: Servable, body: bytes) -> tuple[str, bool, dict[str, np.ndarray]]:
    """The signature's name, whether the format is by row, and the inputs as arrays."""
    signature, by_row, value = rest.parse(body)
    inputs = rest.columns(by_row, value, list(servable.inputs(signature)))
    return signature, by_row, servable.check(signature, inputs)


def _page(file: str) -> Response:
    response = Response((PAGE / file).read_bytes(), content_type=FILES[file])
    response.headers["Content-Security-Policy"] = POLICY
    return response


def _json(body: Any, status: int = 200) -> Response:
    return Response(json.dumps(body, allow_nan=False), status, content_type="application/json")
