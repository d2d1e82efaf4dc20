"""Completion of commands, flags and values, asked of the shells themselves."""

import os
import pty
import re
import select
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from tfpagan import cli
from tfpagan.cli import completion
from tfpagan.errors import UserError

ASK_BASH = """source {script}
COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); _tfpagan; printf '%s\\n' "${{COMPREPLY[@]}}"
"""
CASES = [  # what is typed, as bash splits it; the answers
    ("tfpagan rec", {"reconstruct"}),
    ("tfpagan train --obj", {"--objective"}),
    ("tfpagan train --objective = as_", {"as_vae", "as_vae_g", "as_vae_r"}),
    ("tfpagan train --preset = pagan_shapes", {"pagan_shapes_cpu"}),
    ("tfpagan reproduce --table = systems_", {"systems_mnist", "systems_cifar10"}),
    ("tfpagan evaluate --obj", set()),
    ("tfpagan train --plu", {"--plugin"}),
    ("tfpagan sample --model = sh", {"shapes"}),
    ("tfpagan evaluate --classifier = mn", {"mnist"}),
    ("tfpagan serve --model = sh", {"shapes"}),
    ("tfpagan evaluate --metrics = ki", {"kid"}),
    ("tfpagan evaluate --protocol = is", {"is50k"}),
    ("tfpagan train --dataset = ci", {"cifar10"}),
    ("tfpagan train --nodet", {"--nodeterministic"}),
    ("tfpagan --vers", {"--version"}),
    ("tfpagan completion ba", {"bash"}),
    ("tfpagan train --model_dir = ru", {"runs/"}),
    ("tfpagan sample --model = ru", {"runs/"}),
    ("tfpagan evaluate --classifier = ru", {"runs/"}),
    ("tfpagan train --train_steps = ru", set()),
    ("tfpagan train --objective pag", {"pagan"}),
    ("tfpagan train --model_dir ru", {"runs/"}),
    ("tfpagan train --deterministic ru", set()),
]
ASKED = """
asked() { print -r -- "<<$BUFFER>>"; BUFFER=; zle redisplay }
zle -N asked; bindkey '^X' asked; bindkey '^I' complete-word; source script; print REA""DY
"""


def ask(shell: str, tmp_path: Path, words: str) -> set[str]:
    if shutil.which(shell) is None:
        pytest.skip(f"there is no {shell}")
    (tmp_path / "script").write_text(completion.script(shell, cli.COMMANDS))
    program = {
        "bash": ASK_BASH.format(script=tmp_path / "script", words=words),
        "fish": f"source {tmp_path}/script; complete -C '{words.replace(' = ', '=')}'",
    }[shell]
    (tmp_path / "runs").mkdir()
    done = subprocess.run([shell, "-c", program], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stderr == ""
    found = {line.split("\t")[0].split("=")[-1 if "=" in words else 0] for line in done.stdout.splitlines() if line}
    return {"runs/" if answer == "runs" else answer for answer in found}  # where readline would add the slash


@pytest.mark.parametrize(("words", "answers"), CASES)
def test_bash_completes(tmp_path: Path, words: str, answers: set[str]) -> None:
    assert ask("bash", tmp_path, words) == answers


@pytest.mark.parametrize(("words", "answers"), CASES)
def test_fish_completes(tmp_path: Path, words: str, answers: set[str]) -> None:
    assert ask("fish", tmp_path, words) == answers


def test_bash_completes_booleans(tmp_path: Path) -> None:
    assert ask("bash", tmp_path, "tfpagan train --deterministic = f") == {"false"}


def test_zsh_completes(tmp_path: Path) -> None:
    """What is typed into a terminal, and the line after the tabulator; without compinit, as in an empty ~/.zshrc."""
    if shutil.which("zsh") is None:
        pytest.skip("there is no zsh")
    (tmp_path / "script").write_text(completion.script("zsh", cli.COMMANDS))
    (tmp_path / "runs").mkdir()
    terminal, other_end = pty.openpty()
    streams = {"stdin": other_end, "stdout": other_end, "stderr": other_end, "start_new_session": True}
    variables = os.environ | {"TERM": "dumb", "COLUMNS": "200"}
    shell = subprocess.Popen(["zsh", "-f", "-i", "+m"], cwd=tmp_path, env=variables, **streams)
    os.close(other_end)
    seen = b""

    def until(pattern: bytes) -> str:
        nonlocal seen
        deadline = time.monotonic() + 30
        while not (found := re.search(pattern, seen)):
            assert time.monotonic() < deadline, seen
            if select.select([terminal], [], [], 0.1)[0]:
                seen += os.read(terminal, 2**16)
        seen = seen[found.end() :]
        return found[found.re.groups].decode()

    os.write(terminal, ASKED.replace("\n", ";", 1).encode())
    until(rb"READY\r?\n")
    try:
        for words, answers in CASES:
            typed = words.replace(" = ", "=")
            os.write(terminal, f"{typed}\t\x18".encode())
            given = until(rb"<<(.*?)>>")
            begun = re.split(r"[ =]", typed)[-1] if answers else ""
            completed = given.rstrip(" ,=").removeprefix(typed.removesuffix(begun))
            assert all(answer.startswith(completed) for answer in answers), typed
            assert (completed in answers) if len(answers) == 1 else given.startswith(typed), typed
    finally:
        shell.kill()
        shell.wait()
        os.close(terminal)


def test_other_shells_are_refused() -> None:
    with pytest.raises(UserError, match="unknown shell 'csh'; did you mean"):
        completion.script("csh", cli.COMMANDS)
