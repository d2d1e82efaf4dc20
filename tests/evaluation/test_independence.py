"""`evaluation` stands by itself: it knows nothing of the package around it."""

import re
from pathlib import Path

import pytest

from tfpagan import evaluation

FILES = sorted(Path(evaluation.__path__[0]).rglob("*.py"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_it_imports_nothing_else_of_the_package_but_the_version_and_names_none_of_its_flags_or_programs(file: Path) -> None:
    text = file.read_text()
    assert not re.search(r"^\s*(from|import) tfpagan(?!\.evaluation\b|\.version\b)", text, re.MULTILINE)
    assert not re.search(r"--[a-z]|\bbin/", text)
