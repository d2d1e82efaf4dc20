"""The feature learning protocol: separable features, useless ones, few labels; and as a user runs it."""

from pathlib import Path

import numpy as np
import pytest
from helpers import tiny

from tfpagan import cli
from tfpagan.data.shapes import builder
from tfpagan.errors import UserError
from tfpagan.evaluation.errors import EvaluationError
from tfpagan.evaluation.probe import Probe, error_rates
from tfpagan.run_folder import probed

QUICK = Probe(labels_per_class=20, sets=3, held_out=50, costs=(0.01, 1.0))


def images(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Noise of 4 px; in class 1 the first pixel is bright, in class 2 the second one."""
    random = np.random.default_rng(seed)
    x, labels = random.integers(0, 100, [n, 2, 2, 1]).astype(np.uint8), random.integers(0, 3, n)
    x[labels == 1, 0, 0, 0] = 255
    x[labels == 2, 0, 1, 0] = 255
    return x, labels


def pixels(x: np.ndarray) -> np.ndarray:
    return x.reshape(len(x), -1) / 255.0


def test_a_classifier_learns_what_the_features_separate() -> None:
    errors = error_rates(pixels, *images(400, 0), *images(900, 1), QUICK)
    assert len(errors) == 3
    assert max(errors) < 0.02


def test_features_that_say_nothing_leave_chance() -> None:
    errors = error_rates(lambda x: pixels(x)[:, 2:], *images(400, 0), *images(900, 1), QUICK)
    assert np.mean(errors) == pytest.approx(2 / 3, abs=0.06)


def test_more_labels_make_fewer_errors() -> None:
    def noisy(x: np.ndarray) -> np.ndarray:
        noise = np.random.default_rng(int(x.sum()) % 2**31).normal(size=[len(x), 30])
        return np.concatenate([pixels(x), noise], 1)

    few, many = (Probe(n, 5, 200, (0.01, 0.1)) for n in (4, 150))
    data = (*images(1500, 0), *images(900, 1))
    assert np.mean(error_rates(noisy, *data, few)) > np.mean(error_rates(noisy, *data, many)) + 0.03


def test_a_rotation_into_as_many_dimensions_as_images_changes_nothing() -> None:
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import LinearSVC

    from tfpagan.evaluation.probe import _best

    random = np.random.default_rng(0)
    labels, means = np.arange(90) % 3, random.normal(size=[3, 400])
    x, held_out = means[labels] + 3 * random.normal(size=[90, 400]), means[labels] + 3 * random.normal(size=[90, 400])
    direct = make_pipeline(StandardScaler(), LinearSVC(C=1e-3, dual=True, max_iter=10_000, random_state=0)).fit(x, labels)
    rotated = _best(x, labels, held_out, labels, (1e-3,))
    np.testing.assert_allclose(rotated.decision_function(held_out), direct.decision_function(held_out), atol=1e-3)
    assert np.abs(direct.decision_function(held_out)).max() > 0.1


def test_the_sets_have_equally_many_of_every_class_and_nothing_that_is_held_out() -> None:
    from tfpagan.evaluation.probe import _drawn

    _, labels = images(400, 0)
    sets, held_out = _drawn(labels, QUICK)
    assert len(held_out) == 50
    for chosen in sets:
        assert np.bincount(labels[chosen]).tolist() == [20, 20, 20]
        assert len(set(chosen)) == 60
        assert not set(chosen) & set(held_out)
    assert not np.array_equal(sets[0], sets[1])


def test_an_error_rate_is_that_of_a_step_under_the_usual_protocol(tmp_path: Path) -> None:
    facts = {"step": 7, "error_rate_mean": 0.25, "error_rate_std": 0.01, **probed.USUAL}
    probed.write(tmp_path, facts)
    assert probed.error_rate(tmp_path, 7) == (0.25, 0.01)
    assert probed.error_rate(tmp_path, 8) is None
    for changed in ({"sets": 2}, {"seed": 1}, {"error_rate_std": None}):
        probed.write(tmp_path, facts | changed)
        assert probed.error_rate(tmp_path, 7) is None
    (tmp_path / "probe.json").write_text("[]")
    assert probed.error_rate(tmp_path, 7) is None
    assert probed.error_rate(tmp_path / "none", 7) is None
    with pytest.raises(UserError, match=r"probe\.json cannot be written: "):
        probed.write(tmp_path / "none", facts)


def test_too_few_images_of_a_class_are_named() -> None:
    with pytest.raises(EvaluationError, match=r"class 0 has \d+ training images besides the 50 held out; a set needs 200"):
        error_rates(pixels, *images(400, 0), *images(10, 1), Probe(200, 3, 50))
    given, labels = images(400, 0)
    with pytest.raises(EvaluationError, match="the images are of 1 class; a probe needs at least two"):
        error_rates(pixels, given, np.zeros_like(labels), *images(10, 1), Probe(20, 3, 50))


@pytest.mark.slow
def test_the_command_probes_a_run_and_refuses_what_has_no_encoder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("TFDS_DATA_DIR", raising=False)
    monkeypatch.setattr(builder, "SPLITS", {"train": builder.CHUNK, "test": builder.CHUNK})  # drawn in a second
    tiny.write_run(tmp_path / "run", (32, 32, 3))
    flags = ["--labels_per_class=10", "--sets=2", "--held_out=50", "--json"]
    assert cli.run("probe", [f"--model_dir={tmp_path}/run", *flags]) == 0
    said = capsys.readouterr().out
    assert '"test_images": 500' in said
    assert (tmp_path / "run" / "probe.json").read_text() == said
    assert probed.error_rate(tmp_path / "run", 0) is None  # not the usual protocol
    tiny.write_run(tmp_path / "gan", (32, 32, 3), objective="dcgan")
    assert cli.run("probe", [f"--model_dir={tmp_path}/gan", *flags]) == 1
    assert "has no encoder" in capsys.readouterr().err
    assert cli.run("probe", [f"--model_dir={tmp_path}/run", "--sets=0"]) == 1
    assert "--sets=0 is not legal" in capsys.readouterr().err
