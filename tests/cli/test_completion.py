"""Completion of commands, flags and values, asked of the shells themselves."""

import shutil
import subprocess
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
]


def ask(shell: str, tmp_path: Path, words: str) -> set[str]:
    if shutil.which(shell) is None:
        pytest.skip(f"there is no {shell}")
    (tmp_path / "script").write_text(completion.script(shell, cli.COMMANDS))
    program = {
        "bash": ASK_BASH.format(script=tmp_path / "script", words=words),
        "fish": f"source {tmp_path}/script; complete -C '{words.replace(' = ', '=')}'",
    }[shell]
    done = subprocess.run([shell, "-c", program], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stderr == ""
    return {line.split("\t")[0].split("=")[-1 if "=" in words else 0] for line in done.stdout.splitlines() if line}


@pytest.mark.parametrize(("words", "answers"), CASES)
def test_bash_completes(tmp_path: Path, words: str, answers: set[str]) -> None:
    assert ask("bash", tmp_path, words) == answers


def test_bash_completes_the_shells(tmp_path: Path) -> None:
    assert ask("bash", tmp_path, "tfpagan completion ba") == {"bash"}


@pytest.mark.parametrize(("words", "answers"), CASES)
def test_fish_completes(tmp_path: Path, words: str, answers: set[str]) -> None:
    assert ask("fish", tmp_path, words) == answers


def test_bash_completes_booleans(tmp_path: Path) -> None:
    assert ask("bash", tmp_path, "tfpagan train --deterministic = f") == {"false"}


def test_bash_completes_paths_where_values_are_not_listed(tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    assert ask("bash", tmp_path, "tfpagan train --model_dir = ru") == {"runs"}


def test_zsh_takes_the_script(tmp_path: Path) -> None:
    if shutil.which("zsh") is None:
        pytest.skip("there is no zsh")
    (tmp_path / "script").write_text(completion.script("zsh", cli.COMMANDS))
    done = subprocess.run(
        ["zsh", "-fc", f"autoload -U compinit; compinit -D; source {tmp_path}/script; print $_comps[tfpagan]"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0
    assert "_tfpagan" in done.stdout


def test_other_shells_are_refused() -> None:
    with pytest.raises(UserError, match="unknown shell 'csh'; did you mean"):
        completion.script("csh", cli.COMMANDS)
