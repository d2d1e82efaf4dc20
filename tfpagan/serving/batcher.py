"""Concurrent requests joined into one network call."""

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future

import numpy as np

from tfpagan.serving.errors import RequestError

Arrays = dict[str, np.ndarray]


class Batcher:
    """Requests that wait during a call are joined into the next one; no request waits for others to arrive.

    One thread calls the network, so there is never more than one call at a time. A joined call that fails is repeated request
    by request, so that no request fails because of another.

    Args:
      run: (signature, inputs) to outputs.
      joinable: whether requests for a signature can be joined along their first axis.
      max_rows: most rows of one call.
    """

    def __init__(self, run: Callable[[str, Arrays], Arrays], joinable: Callable[[str], bool], *, max_rows: int):
        self._run, self._joinable, self._max_rows = run, joinable, max_rows
        self._waiting: deque[tuple[str, Arrays, Future[Arrays]]] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="batcher")
        self._thread.start()

    def __call__(self, signature: str, inputs: Arrays) -> Arrays:
        """The outputs of a request; blocks until they are available.

        Raises:
          RequestError: from the call; when the server is shutting down.
        """
        future: Future[Arrays] = Future()
        with self._changed:
            if self._closed:
                raise RequestError("the server is shutting down", 503)
            self._waiting.append((signature, inputs, future))
            self._changed.notify()
        return future.result()

    def close(self) -> None:
        """Answer the waiting requests, and accept no more."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def _work(self) -> None:
        while together := self._next():
            signature, inputs, future = together[0]
            if len(together) == 1:
                self._answer(signature, inputs, future)
                continue
            try:
                joined = {name: np.concatenate([i[name] for _, i, _ in together]) for name in inputs}
                ends = np.cumsum([_rows(i) for _, i, _ in together])[:-1]
                parts = {name: np.split(output, ends) for name, output in self._run(signature, joined).items()}
            except Exception:  # calling each alone shows which request is at fault
                for one in together:
                    self._answer(*one)
                continue
            for number, (_, _, waiting) in enumerate(together):
                waiting.set_result({name: part[number] for name, part in parts.items()})

    def _next(self) -> list[tuple[str, Arrays, "Future[Arrays]"]]:
        """The oldest request and those behind it that can join it; empty when closed and no request waits."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed)
            if not self._waiting:
                return []
            together = [self._waiting.popleft()]
            signature, inputs, _ = together[0]
            rows = _rows(inputs)
            while self._waiting and self._joinable(signature) and self._waiting[0][0] == signature:
                rows += _rows(self._waiting[0][1])
                if rows > self._max_rows:
                    break
                together.append(self._waiting.popleft())
            return together

    def _answer(self, signature: str, inputs: Arrays, future: "Future[Arrays]") -> None:
        try:
            future.set_result(self._run(signature, inputs))
        except Exception as e:  # re-raised in the thread of the request
            future.set_exception(e)


def _rows(inputs: Arrays) -> int:
    first = next(iter(inputs.values()))
    return len(first) if first.ndim else 1
