"""The packages: how many, in how many layers, and contracts that are seen to be kept."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.layout import measured

ROOT = Path(__file__).parents[1]
WRONG = {
    "Imports run downwards": ("losses/penalties.py", "from tfpagan.training import step"),
    "Evaluation knows nothing of the rest of tfpagan": ("evaluation/metrics/fid.py", "from tfpagan.errors import UserError"),
    "Objectives and networks know nothing of each other": ("objectives/pagan.py", "from tfpagan.networks import blocks"),
    "The server needs an export and no network code": ("serving/servable.py", "from tfpagan.networks import blocks"),
}


def contracts(folder: Path) -> dict[str, str]:
    """KEPT or BROKEN by the name of the contract, of the copy of the package in a folder."""
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache", f"--config={ROOT / 'pyproject.toml'}"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env={"PYTHONPATH": str(folder), "TERM": "dumb"})
    return dict(re.findall(r"^(.+?) (KEPT|BROKEN)$", done.stdout, re.MULTILINE))


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "tfpagan", tmp_path / "tfpagan", ignore=ignored)  # what links point to included
    return tmp_path


def test_the_contracts_are_kept(copy: Path) -> None:
    assert contracts(copy) == dict.fromkeys(WRONG, "KEPT")


@pytest.mark.parametrize("name", WRONG)
def test_each_contract_is_seen_to_stop_a_wrong_import(copy: Path, name: str) -> None:
    file, line = WRONG[name]
    path = copy / "tfpagan" / file
    path.write_text(path.read_text() + f"\n{line}\n")
    assert contracts(copy)[name] == "BROKEN"


def test_the_packages_are_few_and_have_no_cycle() -> None:
    found = measured()
    assert found.packages <= 24
    assert found.layers <= 9
    assert found.cycles == []
    assert measured("tfpagan.evaluation").cycles == []


def test_no_file_is_longer_than_300_lines() -> None:
    files = [*(ROOT / "tfpagan").rglob("*.py"), *(ROOT / "evaluation").rglob("*.py")]
    assert len(files) > 100
    assert [str(f) for f in files if len(f.read_text().splitlines()) > 300] == []
