"""Completion of commands, flags and legal values in bash, zsh and fish: `tfpagan completion bash`."""

from collections.abc import Mapping
from shlex import quote

from tfpagan.cli.flags import Command, listed, sections
from tfpagan.errors import UserError
from tfpagan.objectives import OBJECTIVES
from tfpagan.settings.setting import settings_of, unknown

SHELLS = ("bash", "zsh", "fish")
BOOLEAN = ("true", "false")
BASH = """\
# eval "$(tfpagan completion {shell})"
_tfpagan() {{
    local command=${{COMP_WORDS[1]}} word=${{COMP_WORDS[COMP_CWORD]}} flag="" flags values key
    if [ "$COMP_CWORD" = 1 ]; then
        COMPREPLY=($(compgen -W "{commands}" -- "$word"))
        return
    fi
    if [ "$command" = completion ]; then
        COMPREPLY=($(compgen -W "{shells}" -- "$word"))
        return
    fi
    # bash splits --flag=value at the equals sign, zsh does not.
    case $word in
        --*=*) flag=${{word%%=*}} key="$flag=" word=${{word#*=}} ;;
        =) flag=${{COMP_WORDS[COMP_CWORD - 1]}} word="" ;;
        *) [ "${{COMP_WORDS[COMP_CWORD - 1]}}" = = ] && flag=${{COMP_WORDS[COMP_CWORD - 2]}} ;;
    esac
    case $command in
{flags}
    esac
    if [ -z "$flag" ]; then
        COMPREPLY=($(compgen -W "$flags" -- "$word"))
        [ "${{COMPREPLY[0]%=}}" = "${{COMPREPLY[0]}}" ] || compopt -o nospace 2> /dev/null
        return
    fi
    case $command$flag in
{values}
        *) COMPREPLY=($(compgen -f -P "$key" -- "$word")); compopt -o filenames 2> /dev/null; return ;;
    esac
    COMPREPLY=($(compgen -P "$key" -W "$values" -- "$word"))
}}
complete -F _tfpagan tfpagan
"""
ZSH = "autoload -U +X bashcompinit && bashcompinit\n"


def script(shell: str, commands: Mapping[str, Command]) -> str:
    """What the shell must evaluate.

    Raises:
      UserError: when it is none of bash, zsh and fish.
    """
    if shell not in SHELLS:
        raise UserError(unknown(shell, SHELLS, "shell"))
    if shell == "fish":
        return _fish(commands)
    of_commands = {name: _completed(command) for name, command in commands.items()}
    flags = "\n".join(f"        {name}) flags={quote(' '.join(_spelled(of)))} ;;" for name, of in of_commands.items())
    values = "\n".join(
        f"        {name}--{flag}) values={quote(' '.join(legal))} ;;"
        for name, of in of_commands.items()
        for flag, legal in of.items()
        if legal
    )
    bash = BASH.format(
        shell=shell, commands=" ".join([*commands, "completion"]), flags=flags, values=values, shells=" ".join(SHELLS)
    )
    return ZSH + bash if shell == "zsh" else bash


def _completed(command: Command) -> dict[str, tuple[str, ...]]:
    """By flag, its legal values, where they are listed."""
    legal = {s.name: tuple(s.legal.choices) for kind in sections(command) for s in settings_of(kind)}
    legal |= {option.name: tuple(option.choices) for option in command.options}
    legal |= {"objective": tuple(OBJECTIVES)}
    return {name: BOOLEAN if kind is bool else legal.get(name, ()) for name, kind, _ in listed(command)}


def _spelled(flags: Mapping[str, tuple[str, ...]]) -> list[str]:
    return [f"--{name}" if legal == BOOLEAN else f"--{name}=" for name, legal in flags.items()] + ["--help"]


def _fish(commands: Mapping[str, Command]) -> str:
    lines = ["# tfpagan completion fish | source", "complete -c tfpagan -n __fish_use_subcommand -f"]
    for name, command in commands.items():
        lines.append(f"complete -c tfpagan -n __fish_use_subcommand -a {name} -d {quote(command.help.split(';')[0])}")
        legal = _completed(command)
        for flag, kind, text in listed(command):
            of = f"complete -c tfpagan -n '__fish_seen_subcommand_from {name}' -l {flag} -d {quote(text.split(';')[0][:80])}"
            given = "" if kind is bool else " -r" + (f" -f -a {quote(' '.join(legal[flag]))}" if legal[flag] else "")
            lines.append(of + given)
    return "\n".join(lines) + "\n"
