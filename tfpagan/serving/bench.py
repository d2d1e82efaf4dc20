"""Load test of a server: concurrent clients over real sockets, each with one request in flight."""

import dataclasses
import http.client
import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import numpy as np

from tfpagan.errors import UserError

TIMEOUT_SECONDS = 60.0
LONGEST_REASON = 300  # bytes


@dataclasses.dataclass(frozen=True)
class Load:
    """Result of a load test.

    Attributes:
      sent: requests.
      lost: requests without an answer, or with a status other than 200.
      why_lost: what happened to the first of them; empty when none was lost.
      seconds: from the first request to the last answer.
      latencies: of answered requests, in seconds.
    """

    sent: int
    lost: int
    why_lost: str
    seconds: float
    latencies: np.ndarray

    @property
    def per_second(self) -> float:
        """Answered requests per second."""
        return len(self.latencies) / self.seconds

    def milliseconds(self, percent: float) -> float | None:
        """Percentile of the latency of answered requests; None if none was answered."""
        return round(1000 * float(np.percentile(self.latencies, percent)), 1) if len(self.latencies) else None


def load(host: str, port: int, path: str, body: Callable[[int], dict], *, clients: int, requests: int) -> Load:
    """Run a load test.

    Args:
      host: of the server.
      port: of the server.
      path: of every request.
      body: of request number i.
      clients: connections, each kept open.
      requests: per client.

    Raises:
      UserError: when so many threads cannot be started.
    """
    begin = Barrier(clients + 1)

    def client(number: int) -> list[float | str]:
        connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT_SECONDS)
        bodies = [json.dumps(body(number * requests + i)) for i in range(requests)]
        begin.wait()
        return [_ask(connection, path, text) for text in bodies]

    with ThreadPoolExecutor(clients) as pool:
        try:
            running = [pool.submit(client, number) for number in range(clients)]
        except RuntimeError as e:
            begin.abort()  # those that have started wait for it
            raise UserError(f"--clients={clients} are too many for this machine: {e}") from None
        begin.wait()
        begun = time.monotonic()
        answered = [seconds for future in running for seconds in future.result()]
        taken = time.monotonic() - begun
    latencies = np.array([seconds for seconds in answered if not isinstance(seconds, str)])
    losses = [reason for reason in answered if isinstance(reason, str)]
    return Load(len(answered), len(losses), next(iter(losses), ""), taken, latencies)


def _ask(connection: http.client.HTTPConnection, path: str, body: str) -> float | str:
    """Seconds until the answer was complete, or why it was lost."""
    begun = time.monotonic()
    try:
        connection.request("POST", path, body)
        response = connection.getresponse()
        answer = response.read()
    except (OSError, UnicodeError, http.client.HTTPException) as e:
        connection.close()  # the next request opens another
        return f"{type(e).__name__}: {e}"
    if response.status != 200:
        return f"status {response.status}: {answer[:LONGEST_REASON].decode(errors='replace')}"
    return time.monotonic() - begun
