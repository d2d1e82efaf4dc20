"""Completion of commands, flags and legal values in bash, zsh and fish: `tfpagan completion bash`."""

import dataclasses
import re
from collections.abc import Mapping
from shlex import quote

from tfpagan.cli.flags import Command, listed, sections
from tfpagan.errors import UserError
from tfpagan.objectives import OBJECTIVES
from tfpagan.settings.registries import SOURCES
from tfpagan.settings.setting import settings_of, unknown

SHELLS = ("bash", "zsh", "fish")
BOOLEAN = ("true", "false")
OPEN = ("model", "dataset", "classifier", "second_classifier", "eval_classifier", "perceptual_classifier")
"""Flags whose value is one of some names, or a path."""
DATASETS = ("shapes", "mnist", "cifar10", "celeb_a")
LISTS = ("metrics",)
"""Flags that take several of their values, with commas between them."""
LONGEST = 70  # of an explanation
BASH = """\
# eval "$(tfpagan completion bash)"
_tfpagan() {{
    local command=${{COMP_WORDS[1]}} word=${{COMP_WORDS[COMP_CWORD]}} previous=${{COMP_WORDS[COMP_CWORD - 1]}}
    local flag="" flags="" values="" files="" key="" IFS=$' \\t\\n'
    if [ "$COMP_CWORD" = 1 ]; then
        COMPREPLY=($(compgen -W "{commands} --help --version" -- "$word"))
        return
    fi
    if [ "$command" = completion ]; then
        COMPREPLY=($(compgen -W "{shells}" -- "$word"))
        return
    fi
    case $command in
{flags}
    esac
    # Readline splits --flag=value at the equals sign, but not where that is no word break.
    case $word in
        --*=*) flag=${{word%%=*}} key="$flag=" word=${{word#*=}} ;;
        --*) ;;
        =) flag=$previous word="" ;;
        *)
            if [ "$previous" = = ]; then
                flag=${{COMP_WORDS[COMP_CWORD - 2]}}
            elif [[ " $flags " == *" $previous= "* ]]; then
                flag=$previous
            fi ;;
    esac
    if [ -z "$flag" ]; then
        COMPREPLY=($(compgen -W "$flags" -- "$word"))
        [ "${{COMPREPLY[0]%=}}" = "${{COMPREPLY[0]}}" ] || compopt -o nospace 2> /dev/null
        return
    fi
    case $command$flag in
{values}
    esac
    if [ -n "$files" ]; then
        local IFS=$'\\n'
        COMPREPLY=($(compgen -f -P "$key" -- "$word"))
        IFS=$' \\t\\n'
        compopt -o filenames 2> /dev/null
    fi
    case $word in
        *,*) [ -z "$values" ] || key="$key${{word%,*}}," word=${{word##*,}} ;;
    esac
    COMPREPLY+=($(compgen -P "$key" -W "$values" -- "$word"))
}}
complete -F _tfpagan tfpagan
"""
ZSH = """\
#compdef tfpagan
# eval "$(tfpagan completion zsh)"
(( $+functions[compdef] )) || {{ autoload -Uz compinit && compinit -D; }}
_tfpagan_or_files() {{
    local found=1
    (( $# )) && compadd -- "$@" && found=0
    _files && found=0
    return found
}}
_tfpagan() {{
    local -a commands flags
    commands=({commands})
    if (( CURRENT == 2 )); then
        _describe command commands
        compadd -- --help --version
        return
    fi
    case $words[2] in
        completion) compadd -- {shells}; return ;;
{flags}
        *) return 1 ;;
    esac
    shift words
    (( CURRENT -= 1 ))
    _arguments $flags
}}
compdef _tfpagan tfpagan
"""


@dataclasses.dataclass(frozen=True)
class _Flag:
    name: str
    text: str
    boolean: bool
    values: tuple[str, ...]
    files: bool


def script(shell: str, commands: Mapping[str, Command]) -> str:
    """What the shell must evaluate.

    Raises:
      UserError: when it is none of bash, zsh and fish.
    """
    if shell not in SHELLS:
        raise UserError(unknown(shell, SHELLS, "shell"))
    flags = {name: _flags(command) for name, command in commands.items()}
    return {"bash": _bash, "zsh": _zsh, "fish": _fish}[shell](commands, flags)


def _flags(command: Command) -> list[_Flag]:
    values = {s.name: tuple(s.legal.choices) for kind in sections(command) for s in settings_of(kind)}
    values |= {option.name: tuple(option.choices) for option in command.options}
    values |= {"objective": tuple(OBJECTIVES)}
    values |= {"dataset": (*DATASETS, *(name for name in SOURCES if name not in ("folder", "npz")))}
    found = []
    for name, kind, text in [*listed(command), ("help", bool, "list the flags")]:
        of_flag = values.get(name) or ()
        files = kind is str and (not of_flag or name in OPEN)
        shown = re.sub(r"[\[\]:\\]", "", text.split(";")[0])[:LONGEST]
        found.append(_Flag(name, shown, kind is bool, of_flag, files))
    return found


def _bash(commands: Mapping[str, Command], flags: Mapping[str, list[_Flag]]) -> str:
    spelled, values = [], []
    for command, of in flags.items():
        words = [word for flag in of for word in _words(flag)]
        spelled.append(f"        {command}) flags={quote(' '.join(words))} ;;")
        for flag in of:
            known = BOOLEAN if flag.boolean else flag.values
            does = [f"values={quote(' '.join(known))}"] * bool(known) + ["files=1"] * flag.files
            if does:
                values.append(f"        {command}--{flag.name}) {' '.join(does)} ;;")
    named = " ".join([*commands, "completion"])
    return BASH.format(commands=named, flags="\n".join(spelled), values="\n".join(values), shells=" ".join(SHELLS))


def _words(flag: _Flag) -> list[str]:
    if flag.name == "help":
        return ["--help"]
    return [f"--{flag.name}", f"--no{flag.name}"] if flag.boolean else [f"--{flag.name}="]


def _zsh(commands: Mapping[str, Command], flags: Mapping[str, list[_Flag]]) -> str:
    named = [f"{name}:{_explained(command)}" for name, command in commands.items()] + ["completion:for a shell"]
    cases = []
    for command, of in flags.items():
        specs = [spec for flag in of for spec in _specs(flag)]
        cases.append(f"        {command}) flags=({' '.join(map(quote, specs))}) ;;")
    return ZSH.format(commands=" ".join(map(quote, named)), flags="\n".join(cases), shells=" ".join(SHELLS))


def _specs(flag: _Flag) -> list[str]:
    """As `_arguments` takes them; an action that begins with a blank is called as it is."""
    if flag.boolean:
        return [f"{word}[{flag.text}]" for word in _words(flag)]
    known = " ".join(flag.values)
    action = f" _tfpagan_or_files {known}" if flag.files else f"({known})" if known else " "
    if flag.name in LISTS:
        action = f" _sequence compadd - {known}"
    return [f"--{flag.name}=[{flag.text}]:{flag.name}:{action}"]


def _fish(commands: Mapping[str, Command], flags: Mapping[str, list[_Flag]]) -> str:
    first = "complete -c tfpagan -n __fish_use_subcommand"
    under = "complete -c tfpagan -n '__fish_seen_subcommand_from"
    lines = ["# tfpagan completion fish | source", "complete -c tfpagan -f"]
    lines += [f"{first} -a {name} -d {quote(_explained(command))}" for name, command in commands.items()]
    lines += [f"{first} -a completion -d 'for a shell'", f"{first} -l help", f"{first} -l version"]
    lines += [f"{under} completion' -a '{' '.join(SHELLS)}'"]
    for command, of in flags.items():
        for flag in of:
            takes = "" if flag.boolean else " -r -F" if flag.files else " -x"
            known = f" -a {quote(' '.join(flag.values))}" if flag.values else ""
            for word in _words(flag):
                name, about = word.strip("-="), quote(flag.text)
                lines.append(
                    f"complete -c tfpagan -n '__fish_seen_subcommand_from {command}' -l {name} -d {about}{takes}{known}"
                )
    return "\n".join(lines) + "\n"


def _explained(command: Command) -> str:
    return re.sub(r"[\[\]:\\]", "", command.help.split(";")[0])[:LONGEST]
