"""The wheel, in an environment that has what setup.py requires and no checkout: every command, the pages, models and types."""

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tfpagan import cli

ROOT = Path(__file__).parents[1]
Call = Callable[..., subprocess.CompletedProcess[str]]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"  # pip would build in the checkout
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    for name in subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines():
        target = source / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_symlink():
            target.symlink_to(os.readlink(ROOT / name))
        elif (ROOT / name).exists():
            target.write_bytes((ROOT / name).read_bytes())
    build = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "--no-index", "-w", str(folder)]
    subprocess.run([*build, str(source)], check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Call:
    """Calls a program of an environment with the wheel, in an empty folder."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder / "env", with_pip=False)
    python = folder / "env/bin/python"
    ask = [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    site = Path(subprocess.run(ask, capture_output=True, text=True, check=True).stdout.strip())
    (site / "requirements.pth").write_text(sysconfig.get_path("purelib"))  # what pip would install; its own .pth are not read
    options = ["--no-deps", "--no-index", "-q", "--disable-pip-version-check"]
    subprocess.run([sys.executable, "-m", "pip", "--python", python, "install", *options, wheel], check=True)
    (folder / "empty").mkdir()

    def call(program: str, *argv: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [folder / "env/bin" / program, *argv],
            cwd=folder / "empty",
            env={"PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
        )

    return call


def test_the_wheel_holds_the_package_and_no_other_file(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert all(name.startswith("tfpagan") for name in names), names
    for file in ("py.typed", "serving/page/index.html", "evaluation/scorer.py", "zoo/models/shapes/1/saved_model.pb"):
        assert f"tfpagan/{file}" in names
    assert any(name.endswith("LICENSE") for name in names)
    assert not any("/tests/" in name or "__pycache__" in name for name in names)


def test_every_command_is_there_and_has_its_installed_name(installed: Call) -> None:
    listed = installed("tfpagan", "--help").stdout
    assert all(f"  {name} " in listed for name in cli.COMMANDS)
    assert "bin/" not in listed
    for command in ("train", "evaluate", "serve"):
        help_text = installed("tfpagan", command, "--help")
        assert help_text.returncode == 0, help_text.stderr
        assert help_text.stdout.startswith(f"tfpagan {command}: ")
        assert "bin/" not in help_text.stdout


def test_it_is_the_wheel_that_runs(installed: Call) -> None:
    where = installed("python", "-c", "import tfpagan; print(tfpagan.__file__)").stdout
    assert "/environment" in where
    assert str(ROOT) not in where


def test_a_mistake_names_the_installed_command(installed: Call) -> None:
    done = installed("tfpagan", "compare", "--runs=one,two")
    assert done.returncode == 1
    assert "bin/" not in done.stderr
    assert "tfpagan evaluate" in done.stderr


def test_a_model_that_comes_along_samples(installed: Call) -> None:
    done = installed("tfpagan", "sample", "--model=shapes", "--count=4", "--output=samples.png")
    assert done.returncode == 0, done.stderr
