"""The HTTP side: TensorFlow Serving's REST paths, and the page. A WSGI application on Werkzeug."""

import json
import logging
import threading
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

from werkzeug.exceptions import ClientDisconnected, HTTPException, RequestEntityTooLarge
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request, Response

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
POLICY = "default-src 'self'; img-src 'self' data:"

MODELS = ("/v1/models/<name>", "/v1/models/<name>/versions/<int:version>")
ROUTES = Map(
    [
        Rule("/", endpoint="page", defaults={"file": "index.html"}, methods=["GET"]),
        *(
            Rule(f"/{name}", endpoint="page", defaults={"file": name}, methods=["GET"])
            for name in FILES
            if name != "index.html"
        ),
        Rule("/model.json", endpoint="model", methods=["GET"]),
        *(Rule(model, endpoint="status", methods=["GET"]) for model in MODELS),
        *(Rule(f"{model}/metadata", endpoint="metadata", methods=["GET"]) for model in MODELS),
        *(Rule(f"{model}:predict", endpoint="predict", methods=["POST"]) for model in MODELS),
    ]
)


class Application:
    """One model under a name; before `available` is called it says that it is loading.

    Args:
      name: of the model, in the paths.
      max_body_bytes: of a request.
    """

    def __init__(self, name: str, *, max_body_bytes: int):
        self._name, self._max_body_bytes = name, max_body_bytes
        self._servable: Servable | None = None
        self._batcher: Batcher | None = None
        self._lock, self._under_way, self._turned_away = threading.Lock(), 0, False

    def available(self, servable: Servable) -> None:
        """Answer with this from now on."""
        self._batcher = Batcher(servable.run, lambda name: servable.signatures[name].batched, max_rows=servable.max_rows)
        self._servable = servable

    def turn_away(self) -> None:
        """Answer requests that come from now on with a 503."""
        self._turned_away = True

    def under_way(self) -> int:
        """How many requests are being answered."""
        return self._under_way

    def close(self) -> None:
        """Answer the requests that wait, and take no more."""
        if self._batcher:
            self._batcher.close()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        request = Request(environ)
        request.max_content_length = self._max_body_bytes
        with self._lock:
            self._under_way += 1
        try:
            response = self._respond(request, environ)
        finally:
            with self._lock:
                self._under_way -= 1
        if response.status_code >= 400:
            response.headers["Connection"] = "close"  # the body may not have been read to its end
        return response(environ, start_response)

    def _respond(self, request: Request, environ: dict[str, Any]) -> Response:
        try:
            if self._turned_away:
                raise RequestError("the server is shutting down", 503)
            # Werkzeug takes the mere key for its being true, and would not see that a body ends early.
            if environ.pop("wsgi.input_terminated", False) or "HTTP_TRANSFER_ENCODING" in environ:
                raise RequestError("a body without Content-Length is not read", 411)
            endpoint, values = ROUTES.bind_to_environ(environ).match()
            answers: dict[str, Callable[..., Response]] = {
                "page": _page,
                "model": self._model,
                "status": self._status,
                "metadata": self._metadata,
                "predict": partial(self._predict, request),
            }
            return answers[endpoint](**values)
        except RequestError as e:
            return _json({"error": str(e)}, e.status)
        except RequestEntityTooLarge:
            asked = f"a body of {request.content_length} bytes"
            return _json({"error": f"{asked} is larger than this server reads: {self._max_body_bytes}"}, 413)
        except ClientDisconnected:
            return _json({"error": "the body ends before its Content-Length"}, 408)
        except HTTPException as e:
            return _json({"error": f"{e.name}: {request.method} {request.path}"}, e.code or 500)
        except Exception:  # ours, not the client's: the details belong in the log
            logging.getLogger(__name__).exception("%s %s failed", request.method, request.path)
            return _json({"error": "the server failed; its log says why"}, 500)

    def _predict(self, request: Request, name: str, version: int | None = None) -> Response:
        servable = self._found(name, version)
        signature, by_row, value = rest.parse(request.get_data())
        if signature not in servable.signatures:
            raise RequestError(f"signature_name {signature!r} is unknown; known: {', '.join(sorted(servable.signatures))}")
        inputs = rest.columns(by_row, value, list(servable.signatures[signature].inputs))
        assert self._batcher is not None
        return _json(rest.answer(by_row, self._batcher(signature, servable.check(signature, inputs))))

    def _status(self, name: str, version: int | None = None) -> Response:
        """Readiness: the state is AVAILABLE once requests are answered."""
        self._require_name(name, version)
        state = "AVAILABLE" if self._servable else "LOADING"
        number = str(self._servable.version) if self._servable else "0"
        row = {"version": number, "state": state, "status": {"error_code": "OK", "error_message": ""}}
        return _json({"model_version_status": [row]})

    def _metadata(self, name: str, version: int | None = None) -> Response:
        servable = self._found(name, version)
        signatures = {"@type": "type.googleapis.com/tensorflow.serving.SignatureDefMap", "signature_def": servable.definitions}
        spec = {"name": name, "signature_name": "", "version": str(servable.version)}
        return _json({"model_spec": spec, "metadata": {"signature_def": signatures}})

    def _model(self) -> Response:
        """What the page must know."""
        servable = self._found(self._name, None)
        signatures = servable.signatures
        encode = signatures.get("encode")
        facts = {
            "name": self._name,
            "version": servable.version,
            "latent_dim": signatures["decode"].inputs["latents"].shape[1],
            "image_shape": servable.image_shape,
            "encoder": encode is not None,
            "max_rows": servable.max_rows,
        }
        return _json(facts)

    def _found(self, name: str, version: int | None) -> Servable:
        self._require_name(name, version)
        if self._servable is None:
            raise RequestError(f"model {name} is loading", 503)
        return self._servable

    def _require_name(self, name: str, version: int | None) -> None:
        known = self._servable.version if self._servable else version
        if name != self._name or version not in (None, known):
            asked = f"{name}{'' if version is None else f', version {version}'}"
            raise RequestError(f"servable not found: {asked}; this server has {self._name}", 404)


def _page(file: str) -> Response:
    response = Response((PAGE / file).read_bytes(), content_type=FILES[file])
    response.headers["Content-Security-Policy"] = POLICY
    return response


def _json(body: Any, status: int = 200) -> Response:
    return Response(json.dumps(body), status, content_type="application/json")
