"""The wheel, in an environment that has what setup.py requires and no checkout: every command, the pages, models and types."""

import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tfpagan import cli, zoo
from tfpagan.evaluation.classifiers import trained

ROOT = Path(__file__).parents[1]
Call = Callable[..., subprocess.CompletedProcess[str]]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    source, out = (tmp_path_factory.mktemp(name) for name in ("source", "wheel"))
    for name in ("tfpagan", "evaluation"):
        shutil.copytree(ROOT / name, source / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    options = ["--quiet", "--no-build-isolation", "--no-deps", f"--wheel-dir={out}"]
    subprocess.run([sys.executable, "-m", "pip", "wheel", *options, str(source)], check=True, capture_output=True)
    (built,) = out.glob("*.whl")
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

    def call(program: str, *argv: str, cwd: Path = folder / "empty") -> subprocess.CompletedProcess[str]:
        command = [folder / "env/bin" / program, *argv]
        return subprocess.run(command, cwd=cwd, env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True)

    return call


def test_the_wheel_holds_the_package_and_no_other_file(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert all(name.startswith("tfpagan") for name in names), names
    of_code = ("evaluation/metrics/rid.py", "config/presets/pagan.py", "data/shapes/builder.py")
    for file in ("py.typed", "serving/page/index.html", "zoo/models/shapes/1/saved_model.pb", *of_code):
        assert f"tfpagan/{file}" in names
    assert any(name.endswith("LICENSE") for name in names)
    for folder, place in ((zoo.HERE, "zoo/models"), (trained.HERE, "evaluation/classifiers/trained")):
        files = [file for file in folder.rglob("*") if file.is_file() and file.suffix not in (".py", ".pyc")]
        assert len(files) > 3
        for file in files:
            assert zipfile.ZipFile(wheel).read(f"tfpagan/{place}/{file.relative_to(folder)}") == file.read_bytes()
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


@pytest.mark.parametrize("editable", [True, False])
def test_a_file_called_evaluation_beside_the_user_is_nobodys_business(tmp_path: Path, installed: Call, editable: bool) -> None:
    (tmp_path / "evaluation.py").write_text("raise RuntimeError('this file is the user\\'s own')\n")
    (tmp_path / "script.py").write_text("from tfpagan.evaluation.scorer import Scorer\nprint(Scorer.__module__)\n")

    def python(*argv: str) -> subprocess.CompletedProcess[str]:
        if not editable:
            return installed("python", *argv, cwd=tmp_path)
        return subprocess.run([sys.executable, *argv], cwd=tmp_path, capture_output=True, text=True)

    done = python("script.py")
    assert done.stdout == "tfpagan.evaluation.scorer\n", done.stderr
    said = "evaluate: error: --model_dir=nowhere holds no run with a checkpoint"
    done = python("-m", "tfpagan.cli", "evaluate", "--model_dir=nowhere", "--metrics=rmse")
    assert (done.returncode, done.stderr.strip()) == (1, said if editable else f"tfpagan {said}")
