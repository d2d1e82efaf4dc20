"""The command line of all executables: flags, help, and errors of one line."""

import dataclasses
import os
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

from absl import flags

from tfpagan.cli import names, process, quiet
from tfpagan.config import Config, plugins, renamed
from tfpagan.errors import UserError
from tfpagan.objectives import OBJECTIVES
from tfpagan.settings.sections import SECTIONS
from tfpagan.settings.setting import settings_of

LONGEST_PATH, LONGEST_NAME = 3800, 255
"""Of file systems, with room for the names of files in a folder."""
DEEPEST = 10
"""Levels of flagfiles that include flagfiles."""
PLACES = ("data_dir", "cache_dir")
"""Settings that say where data are stored, and do not affect which data are used."""


@dataclasses.dataclass(frozen=True)
class Option:
    """A flag that is not a setting of the run.

    Attributes:
      name: of the flag.
      default: its value where it is not given.
      help: one line; a function where the text depends on the loaded plugins.
      kind: the type of its value, where the default is None.
      choices: its values, for completion; they are checked where they are used.
    """

    name: str
    default: Any
    help: str | Callable[[], str]
    kind: type | None = None
    choices: Collection[str] = ()


@dataclasses.dataclass(frozen=True)
class Command:
    """An executable.

    Attributes:
      program: its name in bin/.
      help: one-line description.
      options: its own flags.
      run: called with the values of the options and the settings that were given; returns the exit code.
      settings: which settings are flags as well: all, those of the data section, only the locations of data, or none.
      plugins: whether it accepts `--plugin`.
    """

    program: str
    help: str
    options: tuple[Option, ...]
    run: Callable[[dict[str, Any], dict[str, Any]], int]
    settings: Literal["all", "data", "places", "none"] = "none"
    plugins: bool = True


def execute(command: Command, argv: Sequence[str]) -> int:
    """Parse the flags and run the command; a user's mistake becomes one line on stderr and exit code 1."""
    if any(a.startswith("-") and a.lstrip("-").split("=")[0] in ("help", "helpfull", "helpshort", "h") for a in argv):
        return process.reporting_mistakes(command.program, lambda: _print_help(command, argv))
    flags.FLAGS.mark_as_parsed()  # absl's own flags keep their defaults; ours have a separate parser
    quiet.log_our_messages()
    return process.reporting_mistakes(command.program, lambda: _run(command, argv))


def _run(command: Command, argv: Sequence[str]) -> int:
    _load_plugins(command, argv)
    given = parse(command, argv)
    given.pop("plugin", None)
    options = {o.name: given.pop(o.name, o.default) for o in command.options}
    with process.sigterm_as_exception():
        return command.run(options, given)


def _print_help(command: Command, argv: Sequence[str]) -> int:
    _load_plugins(command, argv)
    print(_help(command))
    return 0


def _load_plugins(command: Command, argv: Sequence[str]) -> None:
    """Load the plugins before all flags are parsed, because plugins add flags and legal values."""
    _refuse_loops(argv, ())
    if not command.plugins:
        return
    parser = flags.FlagValues()
    flags.DEFINE_multi_string("plugin", [], "", flag_values=parser)
    with suppress(flags.Error, UnicodeDecodeError):  # reported when all flags are parsed
        parser([command.program, *argv], known_only=True)
    for given in parser["plugin"].value:
        plugins.load(given)


def _refuse_loops(lines: Sequence[str], within: tuple[str, ...]) -> None:
    """Refuse a flagfile that includes itself, however it is spelled: absl would read it again and again."""
    for i, line in enumerate(lines):
        found = re.match(r"--?flagfile(?:=(.+))?$", line.strip())
        if not found or (name := found[1] or (lines[i + 1] if i + 1 < len(lines) else "")) == "":
            continue
        file = os.path.realpath(os.path.expanduser(name.strip()))
        if file in within:
            raise UserError(f"--flagfile={within[0]} includes {file}, which includes itself")
        if len(within) > DEEPEST:
            raise UserError(f"--flagfile={within[0]} includes flagfiles more than {DEEPEST} deep")
        with suppress(OSError, UnicodeDecodeError):  # reported when all flags are parsed
            _refuse_loops(Path(file).read_text().splitlines(), (*within, file))


def parse(command: Command, argv: Sequence[str]) -> dict[str, Any]:
    """The values of the flags that were given, by name.

    Raises:
      UserError: on an unknown flag, a value of the wrong type, or an argument that is not a flag.
    """
    parser = flags.FlagValues()
    kinds = {name: kind for name, kind, _ in rows(command)}
    for name, kind in kinds.items():
        define = {bool: flags.DEFINE_boolean, int: flags.DEFINE_integer, float: flags.DEFINE_float}.get(
            kind, flags.DEFINE_string
        )
        define(name, None, "", flag_values=parser)
    if command.plugins:
        flags.DEFINE_multi_string("plugin", None, "", flag_values=parser)
    try:
        rest = parser([command.program, *argv])
    except flags.IllegalFlagValueError as e:
        given = str(e).removeprefix("flag ").split(": ")[0]  # --name=value
        wanted = {bool: "true or false", int: "a whole number", float: "a number"}[kinds[given[2:].split("=")[0]]]
        raise UserError(f"{given} is not legal: it must be {wanted}") from None
    except UnicodeDecodeError as e:
        raise UserError(f"the --flagfile is not text: {e}") from None
    except ValueError as e:  # --noNAME=value
        raise UserError(_without_prefix(e)) from None
    except flags.UnrecognizedFlagError as e:
        known = renamed.answer(e.flagname)
        raise UserError(f"there is no --{e.flagname}: {known}" if known else _without_prefix(e)) from None
    except flags.Error as e:
        raise UserError(_without_prefix(e)) from None
    if rest[1:]:
        raise UserError(f"unexpected argument {rest[1]!r}; flags are written --name=value, --help lists them")
    return {name: parser[name].value for name in parser if parser[name].present and name not in ("flagfile", "undefok")}


def _without_prefix(e: Exception) -> str:
    return f"{str(e).removeprefix('ERROR:: ')}; --help lists the flags"


def rows(command: Command) -> list[tuple[str, type, str]]:
    """Name, type and help of every flag, each name once."""
    helps = {o.name: o.help if isinstance(o.help, str) else o.help() for o in command.options}
    found = {o.name: (o.kind or type(o.default), _described(helps[o.name], o.default)) for o in command.options}
    if command.settings == "all":
        names = f"the system: {', '.join(OBJECTIVES)} (default: {Config().objective.name})"
        found["objective"] = (str, names)
    for kind in sections(command):
        for s in settings_of(kind):
            if s.name not in found and (command.settings != "places" or s.name in PLACES):
                legal = str(s.legal)
                note = "" if legal == "any value" else f"; {legal}"
                owners = _owners(s.name)
                text = f"{', '.join(owners)}: {s.help}{note}" if owners else s.help + note
                if len(set(owners.values())) > 1:
                    text += f" (default: {', '.join(f'{owner} {default}' for owner, default in owners.items())})"
                found[s.name] = (s.type, _described(text, s.default))
    return [(name, kind, text) for name, (kind, text) in found.items()]


def path(text: str) -> Path:
    """A path with ~ expanded; an unknown user's ~ stays.

    Raises:
      UserError: on an address of another machine, and on a path that no file system takes.
    """
    if re.match(r"\w+://", text):
        raise UserError(f"{text} is not legal: only files and folders of this machine can be used")
    longest = max(len(os.fsencode(name)) for name in text.split("/"))
    if "\0" in text or len(os.fsencode(text)) > LONGEST_PATH or longest > LONGEST_NAME:
        legal = f"a path has at most {LONGEST_PATH} bytes, and each name in it at most {LONGEST_NAME}"
        raise UserError(f"{text[:60]!r}... is not legal: {legal}")
    return Path(os.path.expanduser(text))


def sections(command: Command) -> tuple[type, ...]:
    """The classes of settings that are flags of a command."""
    of_objectives = tuple(OBJECTIVES.get(name) for name in OBJECTIVES)
    wanted: Mapping[str, tuple[type, ...]] = {
        "all": (*SECTIONS.values(), *of_objectives),
        "data": (SECTIONS["data"],),
        "places": (SECTIONS["data"],),
        "none": (),
    }
    return wanted[command.settings]


def _owners(name: str) -> dict[str, Any]:
    """The objectives that have a setting of their own by this name, with their defaults; empty for a common setting."""
    kinds = {name: OBJECTIVES.get(name) for name in OBJECTIVES}
    return {o: s.default for o, kind in kinds.items() for s in settings_of(kind) if s.name == name}


def _described(text: str, default: Any) -> str:
    """The help text with the default, unless that is empty or False or the text states it already."""
    return text if default == "" or default is False or "default:" in text else f"{text} (default: {default})"


def listed(command: Command) -> list[tuple[str, type, str]]:
    """As `rows`, after the flags that have no value of their own for the command."""
    first: list[tuple[str, type, str]] = [("flagfile", str, "read flags from a file, one per line")]
    if command.plugins:
        what = "systems, architectures, metrics, augmentations or data sources"
        first.append(("plugin", str, f"a Python file or module that registers {what}; may be repeated"))
    return [*first, *rows(command)]


def _help(command: Command) -> str:
    all_flags = listed(command)
    width = max(len(name) for name, _, _ in all_flags) + 4
    lines = [f"  --{'[no]' * (kind is bool) + name:<{width}}  {text}" for name, kind, text in all_flags]
    return names.told("\n".join([f"bin/{command.program}: {command.help}", "", *lines]))
