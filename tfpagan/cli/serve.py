"""`bin/serve`."""

import re
from pathlib import Path
from typing import Any

from tfpagan import zoo
from tfpagan.cli.flags import Command, Option, path
from tfpagan.cli.model_flags import require
from tfpagan.errors import UserError

LEGAL = (("port", 0, 65535), ("grpc_port", 0, 65535), ("max_rows", 1, 4096), ("max_body_mib", 1, 1024), ("threads", 1, 256))


def run(options: dict[str, Any], settings: dict[str, Any]) -> int:
    """Serve the newest version of an export until a signal arrives."""
    require(options, "model", "host")
    for name, low, high in LEGAL:
        if options[name] is not None and not low <= options[name] <= high:
            raise UserError(f"--{name}={options[name]} is not legal: it must be at least {low} and at most {high}")
    if options["grpc_port"] and options["grpc_port"] == options["port"]:
        raise UserError(f"--grpc_port={options['grpc_port']} is --port, too; they need a port each")
    labels = [label.strip() for label in options["labels"].split(",") if label.strip()]
    if illegal := [label for label in labels if not re.fullmatch(r"[\w.-]+", label)]:
        raise UserError(f"--labels={illegal[0]} is not legal: letters, digits, '_', '-' and '.' are")
    hosts = [name.strip() for name in options["allowed_hosts"].split(",") if name.strip()]
    if illegal := [name for name in hosts if not re.fullmatch(r"\*|[\w.-]+|\[[\da-fA-F:]+\]", name)]:
        raise UserError(f"--allowed_hosts={illegal[0]} is not legal: it must be a name, without a port, or *")
    given = zoo.model(path(options["model"]))
    folder = _version(given)
    from tfpagan.serving.server import serve

    name = options["name"] or re.sub(r"[^\w.-]", "_", _name(folder))
    if not re.fullmatch(r"[\w.-]+", name):
        raise UserError(f"--name={name} is not legal: letters, digits, '_', '-' and '.' are")
    limits = {limit: options[limit] for limit, _, _ in LEGAL}
    serve(folder, name=name, labels=labels, host=options["host"], allowed_hosts=hosts, **limits)
    return 0


def _version(given: Path) -> Path:
    """The folder of the version: `given` itself, its newest, or that of the run in `given`."""
    if (given / "saved_model.pb").is_file() and given.resolve().name.isdecimal():
        return given.resolve()
    from tfpagan.serving.exports import newest

    for base in (given, given / "export"):
        if (version := newest(base)) != base:
            return version
    raise UserError(f"--model={given} holds no export, which bin/export creates from a run{zoo.beside(given)}")


def _name(version: Path) -> str:
    """The name of the run that contains the version, or of the folder of versions."""
    base = version.resolve().parent
    return base.parent.name if base.name == "export" else base.name


COMMAND = Command(
    program="serve",
    help="Serve an export on TensorFlow Serving's REST and gRPC interfaces, with a page to try it; for home and CI.",
    options=(
        Option(
            "model",
            "",
            f"a run with export/, a folder of versions, one version, or one that comes along: {', '.join(zoo.models())}",
            choices=zoo.models(),
        ),
        Option("name", "", "name of the model in paths; default: the name of the run folder"),
        Option("labels", "", "comma-separated version labels, such as stable, by which paths may name the version"),
        Option("host", "127.0.0.1", "address to listen on; 0.0.0.0: all addresses of this machine"),
        Option("port", 8501, "port to listen on; 0: any free one"),
        Option(
            "grpc_port", None, "port of TensorFlow Serving's gRPC services (there: 8500); 0: any free one; default: none", int
        ),
        Option("max_rows", 64, "most images per request, and per network call"),
        Option("max_body_mib", 16, "largest size of a request"),
        Option("threads", 32, "requests that are computed at a time"),
        Option(
            "allowed_hosts",
            "",
            "comma-separated names that the header Host may have besides localhost, where --host is this machine alone; *: any",
        ),
    ),
    run=run,
    plugins=False,
)
