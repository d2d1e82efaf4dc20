"""`bin/bench_serve`."""

import json
from typing import Any
from urllib.parse import urlsplit

from tfpagan.cli.flags import Command, Option
from tfpagan.errors import UserError


def run(options: dict[str, Any], settings: dict[str, Any]) -> int:
    """Load a server, and print the result; exit code 1 if an answer was lost."""
    host, port, path = _address(options["url"])
    for name in ("clients", "requests", "rows"):
        if not 1 <= options[name] <= 10_000:
            raise UserError(f"--{name}={options[name]} is not legal: it must be at least 1 and at most 10000")
    from tfpagan.serving import bench

    def body(number: int) -> dict[str, Any]:
        return {"signature_name": "sample_bytes", "inputs": {"seed": number, "num": options["rows"]}}

    seen = bench.load(host, port, f"{path}:predict", body, clients=options["clients"], requests=options["requests"])
    facts = {
        "clients": options["clients"],
        "sent": seen.sent,
        "lost": seen.lost,
        **({"why_lost": seen.why_lost} if seen.lost else {}),
        "requests_per_second": round(seen.per_second, 1),
        "milliseconds_median": seen.milliseconds(50),
        "milliseconds_99th_percentile": seen.milliseconds(99),
    }
    print(json.dumps(facts, indent=2))
    return 1 if seen.lost else 0


def _address(url: str) -> tuple[str, int, str]:
    """Host, port and path of a model."""
    try:
        address = urlsplit(url)
        host, port, parts = address.hostname, address.port or 80, address.path.strip("/").split("/")
    except ValueError:  # for a port that is not a number, and the like
        host, parts = None, []
    if not host or address.scheme != "http" or parts[:2] != ["v1", "models"] or len(parts) != 3:
        raise UserError(f"--url={url} is not legal: it must be as http://localhost:8501/v1/models/mnist")
    return host, port, address.path


COMMAND = Command(
    program="bench_serve",
    help="Load a running server with concurrent clients that request samples: requests per second, latencies, losses.",
    options=(
        Option(
            "url",
            "http://localhost:8501/v1/models/model",
            "URL of the model, as bin/serve prints it or TensorFlow Serving has it",
        ),
        Option("clients", 16, "concurrent connections, each with one request in flight"),
        Option("requests", 50, "requests per client"),
        Option("rows", 1, "samples per request"),
    ),
    run=run,
    plugins=False,
)
