"""Every preset of a paper has what the paper states, or a line that says why not."""

from pathlib import Path

import pytest

from tfpagan.config import Config, presets
from tfpagan.config.presets import deviations

PAGE = Path(__file__).parents[2] / "docs" / "deviations.md"
DATA = ("dataset",)  # which the names of presets say


@pytest.mark.parametrize("name", deviations.of_papers())
def test_what_is_not_as_stated_has_a_line(name: str) -> None:
    config, stated, deviating = presets.get(name).flat(), deviations.stated(name), deviations.deviating(name)
    assert {key: config[key] for key in stated if key not in deviating} == {
        key: value for key, value in stated.items() if key not in deviating
    }
    defaults = Config().flat()
    changed = {key for key, value in config.items() if key not in DATA and defaults.get(key) != value}
    assert changed <= stated.keys() | deviating


def test_every_deviation_is_of_a_setting_of_its_presets() -> None:
    for deviation in deviations.DEVIATIONS:
        of = [name for name in deviations.of_papers() if deviations._is_of(deviation.of, name)]
        assert of, deviation
        for pattern in deviation.of:
            assert any(deviations._is_of([pattern], name) for name in of), pattern
        assert all(setting in presets.get(name).flat() for name in of for setting in deviation.settings)
        assert deviation.why


def test_a_new_value_without_a_line_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    other = presets.get("age_mnist").with_changes({"data_weight": 11.0, "channels": 64})
    monkeypatch.setattr(presets, "get", lambda name: other)
    with pytest.raises(AssertionError):
        test_what_is_not_as_stated_has_a_line("age_mnist")


def test_the_page_is_that_of_these_presets() -> None:
    assert PAGE.read_text() == deviations.page(), "python -m tfpagan.config.presets.deviations > docs/deviations.md"
