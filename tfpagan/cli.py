"""The executables: flags in, one line per mistake out. Each `main` returns the exit code, so tests need no process.

Nothing here imports TensorFlow before a command really runs: `--help` must answer at once.
"""

import dataclasses
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from absl import flags, logging

from tfpagan import objectives, presets, run_folder
from tfpagan.config import SECTIONS, Config
from tfpagan.errors import UserError

TRAIN_HELP = "Train an auto-encoding GAN; the same command, or just --model_dir, goes on with a stopped run."


@dataclasses.dataclass(frozen=True)
class Option:
    """A flag that is not a setting of the run."""

    name: str
    default: Any
    help: str


TRAIN_OPTIONS = (
    Option("model_dir", "", "the run folder; default: runs/ and the name of the preset or data set"),
    Option("preset", "", f"start from a named experiment: {', '.join(presets.ALL)}"),
    Option("dry_run", False, "print configuration, sizes, memory and time, then exit"),
    Option("json", False, "print --dry_run as JSON"),
)


def train(argv: Sequence[str]) -> int:
    """`bin/train`."""
    return _main("train", argv, TRAIN_HELP, TRAIN_OPTIONS, _train)


def bench(argv: Sequence[str]) -> int:
    """`bin/bench`."""
    options = (
        Option("channels", "128,512", "comma-separated channels to measure at"),
        Option("batch_sizes", "64,32", "images per step, one number for each of --channels"),
        Option("rounds", 7, "how often each way is measured, in turn; the median counts"),
        Option("memory_steps", 500, "steps over which memory must not grow; 0: do not look"),
        Option("json", False, "print as JSON"),
    )
    return _main("bench", argv, "Images per second of the ways to compute a step, in one run.", options, _bench, settings=False)


COMMANDS: Mapping[str, Callable[[Sequence[str]], int]] = {"train": train, "bench": bench}


def main() -> None:
    """`python -m tfpagan.cli COMMAND ...`, which the executables in bin/ call."""
    command, *argv = sys.argv[1:] or [""]
    if command not in COMMANDS:
        sys.exit(f"tfpagan: unknown command {command!r}; known: {', '.join(COMMANDS)}, each with --help")
    sys.exit(COMMANDS[command](argv))


def train_main() -> None:
    """The installed command `tfpagan-train`."""
    sys.exit(train(sys.argv[1:]))


def _main(
    program: str,
    argv: Sequence[str],
    help: str,
    options: Sequence[Option],
    run: Callable[[dict[str, Any], dict[str, Any]], int],
    settings: bool = True,
) -> int:
    """Parses, runs, and turns a user's mistake into one line on stderr and exit code 1."""
    if any(a.startswith("-") and a.lstrip("-").split("=")[0] in ("help", "helpfull", "helpshort", "h") for a in argv):
        print(_help(program, help, options, settings))
        return 0
    # TensorFlow's C++ announces itself on stderr; what goes wrong in it arrives as exceptions all the same.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    flags.FLAGS.mark_as_parsed()  # absl's own flags keep their defaults; ours are parsed into a parser of their own
    logging.set_verbosity(logging.INFO)
    logging.use_absl_handler()
    logging.get_absl_handler().setFormatter(None)  # messages alone, without file and line
    try:
        given = _parse(program, argv, options, settings)
        values = {o.name: given.pop(o.name, o.default) for o in options}
        return run(values, given)
    except UserError as e:
        print(f"{program}: error: {e}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"{program}: interrupted", file=sys.stderr)
        return 130


def _parse(program: str, argv: Sequence[str], options: Sequence[Option], settings: bool) -> dict[str, Any]:
    """The flags that were given, by name."""
    parser = flags.FlagValues()
    kinds = {name: kind for name, kind, _ in _rows(options, settings)}
    for name, kind in kinds.items():
        define = {bool: flags.DEFINE_boolean, int: flags.DEFINE_integer, float: flags.DEFINE_float}.get(
            kind, flags.DEFINE_string
        )
        define(name, None, "", flag_values=parser)
    try:
        rest = parser([program, *argv])
    except flags.IllegalFlagValueError as e:
        given = str(e).removeprefix("flag ").split(": ")[0]  # --name=value
        wanted = {bool: "true or false", int: "a whole number", float: "a number"}[kinds[given[2:].split("=")[0]]]
        raise UserError(f"{given} is not legal: it must be {wanted}") from None
    except flags.Error as e:
        raise UserError(f"{str(e).removeprefix('ERROR:: ')}; --help lists the flags") from None
    if rest[1:]:
        raise UserError(f"unexpected argument {rest[1]!r}; flags are written --name=value, --help lists them")
    return {name: parser[name].value for name in parser if parser[name].present and name not in ("flagfile", "undefok")}


def _rows(options: Sequence[Option], settings: bool) -> list[tuple[str, type, str]]:
    """Name, type and help of every flag, each name once."""
    rows = [(o.name, type(o.default), f"{o.help}{_default(o.default)}") for o in options]
    if not settings:
        return rows
    rows.append(("objective", str, f"the system: {', '.join(objectives.names())} (default: {Config().objective.name})"))
    for kind in (*SECTIONS.values(), *(objectives.get(name) for name in objectives.names())):
        for f in dataclasses.fields(kind):
            if f.name not in [name for name, _, _ in rows]:
                legal = str(f.metadata["legal"])
                note = "" if legal == "any value" else f"; {legal}"
                rows.append((f.name, f.type, f"{f.metadata['help']}{note}{_default(f.default)}"))  # type: ignore[arg-type]
    return rows


def _default(value: Any) -> str:
    return "" if value in ("", False) else f" (default: {value})"


def _help(program: str, help: str, options: Sequence[Option], settings: bool) -> str:
    rows = [("flagfile", str, "read flags from a file, one a line"), *_rows(options, settings)]
    width = max(len(name) for name, _, _ in rows) + 4
    lines = [f"  --{'[no]' * (kind is bool) + name:<{width}}  {text}" for name, kind, text in rows]
    return "\n".join([f"bin/{program}: {help}", "", *lines])


def _train(options: dict[str, Any], settings: dict[str, Any]) -> int:
    if options["json"] and not options["dry_run"]:
        raise UserError("--json prints --dry_run as JSON; give both")
    config, model_dir = _config_and_folder(options, settings)
    from tfpagan import data, report, run

    described = data.describe(config.data)
    config = dataclasses.replace(config, data=described.config)
    if options["dry_run"]:
        print(report.dry_run(config, described, as_json=options["json"]))
        return 0
    with run_folder.opened(model_dir, config):
        stopped_by = run.train(config, model_dir)
    print(report.closing(config, model_dir, finished=stopped_by is None))
    return 128 + stopped_by if stopped_by else 0


def _config_and_folder(options: dict[str, Any], settings: dict[str, Any]) -> tuple[Config, Path]:
    """Defaults, then the run's own stored configuration, then the preset, then the flags."""
    preset = options["preset"]
    base = presets.get(preset) if preset else Config()
    dataset = settings.get("dataset", base.data.dataset)
    readable = dataset.rstrip("/").replace(":", "/").rsplit("/", 1)[-1]
    model_dir = Path(options["model_dir"] or f"runs/{preset or readable}").expanduser()
    if "://" in options["model_dir"]:
        raise UserError(f"--model_dir={options['model_dir']} is not legal: it must be a folder of this machine")
    stored = run_folder.stored_config(model_dir)
    if stored and not preset:
        logging.info("going on with the configuration of %s", model_dir)
        base = stored
    return base.with_changes(settings), model_dir


def _bench(options: dict[str, Any], settings: dict[str, Any]) -> int:
    channels, batch_sizes = (_integers(name, options[name]) for name in ("channels", "batch_sizes"))
    if len(channels) != len(batch_sizes):
        raise UserError(f"--channels has {len(channels)} numbers and --batch_sizes {len(batch_sizes)}; they go in pairs")
    for name, least in (("rounds", 1), ("memory_steps", 0)):
        if options[name] < least:
            raise UserError(f"--{name}={options[name]} is not legal: it must be at least {least}")
    for name, numbers in (("channels", channels), ("batch_sizes", batch_sizes)):
        if min(numbers) < 8 or any(n % 8 for n in numbers):
            raise UserError(f"--{name}={options[name]} is not legal: every number must be a multiple of 8")
    from tfpagan import bench

    speeds = [bench.speed(c, n, options["rounds"]) for c, n in zip(channels, batch_sizes, strict=True)]
    results: dict[str, Any] = {"speeds": [dataclasses.asdict(s) for s in speeds]}
    lines = [bench.table(speeds)]
    if steps := options["memory_steps"]:
        before, after = bench.memory_mib(channels[0], batch_sizes[0], steps)
        results["memory_mib"] = {"steps": steps, "before": before, "after": after}
        lines.append(f"resident memory before and after {steps} fused steps: {before:.1f} and {after:.1f} MiB")
    print(json.dumps(results, indent=2) if options["json"] else "\n".join(lines))
    return 0


def _integers(name: str, text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise UserError(f"--{name}={text} is not legal: it must be whole numbers separated by commas") from None


if __name__ == "__main__":
    main()
