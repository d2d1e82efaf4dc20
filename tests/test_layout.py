"""The rooms of the code: how many, on how many floors, and walls that are seen to stand."""

import os
import re
import shutil
import subprocess
import sys
import zipfile
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


def test_the_walls_stand(copy: Path) -> None:
    assert contracts(copy) == dict.fromkeys(WRONG, "KEPT")


@pytest.mark.parametrize("name", WRONG)
def test_each_wall_is_seen_to_stop_a_wrong_import(copy: Path, name: str) -> None:
    file, line = WRONG[name]
    path = copy / "tfpagan" / file
    path.write_text(path.read_text() + f"\n{line}\n")
    assert contracts(copy)[name] == "BROKEN"


def test_the_house_is_small_and_has_no_circle() -> None:
    found = measured()
    assert found.rooms <= 24
    assert found.floors <= 9
    assert found.circles == []
    assert measured("tfpagan.evaluation").circles == []


def test_no_file_is_longer_than_300_lines() -> None:
    files = [*(ROOT / "tfpagan").rglob("*.py"), *(ROOT / "evaluation").rglob("*.py")]
    assert len(files) > 100
    assert [str(f) for f in files if len(f.read_text().splitlines()) > 300] == []


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this tree, unpacked: what `pip install .` puts into site-packages."""
    source, out, site = (tmp_path_factory.mktemp(name) for name in ("source", "wheel", "site"))
    for name in ("tfpagan", "evaluation"):
        shutil.copytree(ROOT / name, source / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("setup.py", "pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, source)
    options = ["--quiet", "--no-build-isolation", "--no-deps", f"--wheel-dir={out}"]
    subprocess.run([sys.executable, "-m", "pip", "wheel", *options, str(source)], check=True, capture_output=True)
    (file,) = out.glob("*.whl")
    with zipfile.ZipFile(file) as packed:
        packed.extractall(site)
    return site


def test_the_wheel_has_evaluation_inside_the_package_and_the_page(wheel: Path) -> None:
    assert sorted(path.name for path in wheel.iterdir() if path.suffix != ".dist-info") == ["tfpagan"]
    installed = {str(path.relative_to(wheel / "tfpagan")) for path in wheel.rglob("*.py")}
    assert {"evaluation/metrics/rid.py", "config/presets/pagan.py", "data/shapes/builder.py"} <= installed
    assert (wheel / "tfpagan/serving/page/index.html").is_file()


@pytest.mark.slow
@pytest.mark.parametrize("installed", ["editable", "wheel"])
def test_a_file_called_evaluation_beside_the_user_is_nobodys_business(
    tmp_path: Path, request: pytest.FixtureRequest, installed: str
) -> None:
    environment = dict(os.environ)
    if installed == "wheel":
        environment["PYTHONPATH"] = str(request.getfixturevalue("wheel"))
    (tmp_path / "evaluation.py").write_text("raise RuntimeError('this file is the user\\'s own')\n")
    (tmp_path / "script.py").write_text("from tfpagan.evaluation.scorer import Scorer\nprint(Scorer.__module__)\n")
    done = subprocess.run([sys.executable, "script.py"], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.stdout == "tfpagan.evaluation.scorer\n", done.stderr
    command = [sys.executable, "-m", "tfpagan.cli", "evaluate", "--model_dir=nowhere", "--metrics=rmse"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stderr.strip()) == (1, "evaluate: error: --model_dir=nowhere holds no run with a checkpoint")
