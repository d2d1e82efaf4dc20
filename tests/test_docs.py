"""The notebook runs as it stands, and the pages become a site."""

import json
import subprocess
import sys
from pathlib import Path

import nbclient
import nbformat
import pytest

from tfpagan.data.shapes import builder

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.slow


def test_the_notebook_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    notebook = nbformat.read(ROOT / "docs" / "tour.ipynb", 4)
    first = notebook.cells[1]
    assert first.source.count("train_steps = ") == 1
    fewer = f"from tfpagan.data.shapes import builder; builder.SPLITS = {dict.fromkeys(builder.SPLITS, builder.CHUNK)}"
    first.source = f"train_steps = 20\n{fewer}"
    for cell in notebook.cells:
        cell.source = cell.source.replace("    train_steps=train_steps,", "    train_steps=train_steps, channels=8,")
    nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    assert sum("image/png" in output.get("data", {}) for output in outputs) == 5
    printed = "".join(output.get("text", "") for output in outputs)
    assert "comes along {'frechet_classifier_distance': " in printed
    assert (tmp_path / "runs/mine/config.json").exists()


def test_the_notebook_is_stored_without_outputs() -> None:
    notebook = json.loads((ROOT / "docs" / "tour.ipynb").read_text())
    assert all(not cell["outputs"] and cell["execution_count"] is None for cell in notebook["cells"] if "outputs" in cell)


def test_the_pages_become_a_site_without_a_warning(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    reference = (tmp_path / "reference" / "python.html").read_text()
    for name in ("tfpagan.train", "tfpagan.evaluation.score", "tfpagan.inference.model.Model.encode"):
        assert f'id="{name}"' in reference
    pages = [*tmp_path.glob("*.html"), *(tmp_path / "reference").glob("*.html")]
    assert len(pages) > 20
    for page in pages:  # a reader without a network sees all of it
        assert 'src="http' not in page.read_text(), page
        assert 'rel="stylesheet" href="http' not in page.read_text(), page
