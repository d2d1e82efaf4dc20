"""A version of a model behind a server, whatever the protocol of its requests: loading, available, or shutting down."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from tfpagan.serving.batcher import Batcher
from tfpagan.serving.errors import RequestError
from tfpagan.serving.servable import Servable

LONGEST = 200
"""Of a requested name, in an answer."""


class Hosted:
    """One version of a model; until `available` is called it is loading.

    Args:
      name: of the model.
      version: of the model.
      labels: other names of the version, as TensorFlow Serving's version labels.
    """

    def __init__(self, name: str, version: int, labels: Sequence[str] = ()):
        self.name, self.version, self.labels = name, version, labels
        self._servable: Servable | None = None
        self._batcher: Batcher | None = None
        self._lock, self._under_way, self._turned_away = threading.Lock(), 0, False

    def available(self, servable: Servable) -> None:
        """Answer with this servable from now on."""
        self._batcher = Batcher(servable.run, lambda name: servable.signatures[name].batched, max_rows=servable.max_rows)
        self._servable = servable

    def turn_away(self) -> None:
        """Refuse new requests from now on."""
        self._turned_away = True

    def under_way(self) -> int:
        """The number of requests in flight."""
        return self._under_way

    def close(self) -> None:
        """Answer the waiting requests, and accept no more."""
        if self._batcher:
            self._batcher.close()

    @contextmanager
    def request(self) -> Iterator[None]:
        """To be held while a request is answered."""
        with self._lock:
            self._under_way += 1
        try:
            yield
        finally:
            with self._lock:
                self._under_way -= 1

    def require_open(self) -> None:
        """Refuse requests when the server is shutting down.

        Raises:
          RequestError: then.
        """
        if self._turned_away:
            raise RequestError("the server is shutting down", 503)

    def state(self, name: str, version: int | None = None, label: str | None = None) -> str:
        """AVAILABLE once requests are answered, LOADING before.

        Raises:
          RequestError: when this server has no such model, version or label.
        """
        if name != self.name or version not in (None, self.version):
            asked = f"{name[:LONGEST]}{'' if version is None else f', version {version}'}"
            raise RequestError(f"servable not found: {asked}; this server has {self.name}, version {self.version}", 404)
        if label is not None and label not in self.labels:
            known = f"this server has {', '.join(self.labels)}" if self.labels else "this server has none (--labels)"
            raise RequestError(f"unrecognized servable version label: {label[:LONGEST]}; {known}")
        return "AVAILABLE" if self._servable else "LOADING"

    def found(self, name: str, version: int | None = None, label: str | None = None) -> Servable:
        """The servable.

        Raises:
          RequestError: as `state`, and while it is loading.
        """
        self.state(name, version, label)
        if self._servable is None:
            raise RequestError(f"model {name} is loading", 503)
        return self._servable

    def predict(self, signature: str, inputs: dict[str, np.ndarray]) -> dict[str, Any]:
        """The outputs of checked inputs, together with those of other requests that wait.

        Raises:
          RequestError: when the contents are at fault.
        """
        assert self._batcher is not None
        return self._batcher(signature, inputs)
