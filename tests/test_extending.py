"""docs/extending.md keeps its promises: a system, an architecture, a metric, an augmentation and a source from outside."""

import csv
import gzip
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from helpers import tiny
from helpers.brightness import Brightness

from tfpagan import cli, data
from tfpagan.config import Config, plugins
from tfpagan.errors import UserError
from tfpagan.evaluation import metrics, protocols
from tfpagan.evaluation.errors import EvaluationError
from tfpagan.evaluation.metrics import METRICS, Key
from tfpagan.forward import augment
from tfpagan.images import normalize
from tfpagan.objectives import OBJECTIVES
from tfpagan.settings.registries import ARCHITECTURES, AUGMENTATIONS, SOURCES
from tfpagan.settings.sections import AugmentationConfig, DataConfig

PAGE = (Path(__file__).parents[1] / "docs" / "extending.md").read_text(encoding="utf-8")
EXAMPLES = dict(re.findall(r"```python\n# (\w+\.py)\n(.*?)```", PAGE, re.DOTALL))
REGISTRIES = (OBJECTIVES, ARCHITECTURES, AUGMENTATIONS, SOURCES)


@pytest.fixture
def new_process() -> Iterator[Callable[[], None]]:
    """Forgets what plugins registered, as a new process would; also at the end."""
    things, known = [dict(registry._things) for registry in REGISTRIES], dict(METRICS)

    def forget() -> None:
        for registry, before in zip(REGISTRIES, things, strict=True):
            registry._things = dict(before)
        METRICS.clear()
        METRICS.update(known)
        plugins._LOADED.clear()
        plugins._warn_once.cache_clear()

    yield forget
    forget()


@pytest.fixture
def written(tmp_path: Path) -> Path:
    for name, text in EXAMPLES.items():
        (tmp_path / name).write_text(text)
    random = np.random.default_rng(0)
    for split, n in (("train", 12), ("t10k", 6)):
        write_idx(tmp_path / f"{split}-images-idx3-ubyte.gz", random.integers(0, 256, [n, 16, 16]).astype(np.uint8))
        write_idx(tmp_path / f"{split}-labels-idx1-ubyte.gz", random.integers(0, 10, [n]).astype(np.uint8))
    return tmp_path


def write_idx(file: Path, array: np.ndarray) -> None:
    header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
    file.write_bytes(gzip.compress(header + array.tobytes()))


def given(folder: Path, *names: str) -> list[str]:
    return [f"--plugin={folder / name}.py" for name in names]


def test_the_page_has_one_example_of_each() -> None:
    assert sorted(EXAMPLES) == ["dense_networks.py", "flip.py", "hinge_gan.py", "idx.py", "sharpness.py"]


@pytest.mark.slow
def test_a_run_made_of_plugins_goes_on_is_scored_shown_and_exported(
    written: Path,
    new_process: Callable[[], None],
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    run = written / "run"
    names = given(written, "dense_networks", "flip", "idx", "sharpness")
    sizes = ["--image_size=16", "--channels=8", "--latent_dim=4", "--batch_size=4", f"--cache_dir={written / 'cache'}"]
    made_of = ["--architecture=dense", "--augmentation=flip", f"--dataset=idx:{written}"]
    assert cli.run("train", [*names, *made_of, *sizes, f"--model_dir={run}", "--train_steps=2"]) == 0
    recorded = json.loads((run / "config.json").read_text())["plugins"]
    assert list(recorded) == ["dense_networks.py", "flip.py", "idx.py", "sharpness.py"]

    new_process()
    capsys.readouterr()
    for command, flags in (
        ("train", [f"--model_dir={run}", "--train_steps=3"]),
        ("evaluate", [f"--model_dir={run}", "--metrics=rmse"]),
        ("sample", [f"--model={run}", f"--output={written / 'a.png'}"]),
        ("export", [f"--model_dir={run}"]),
    ):
        assert cli.run(command, flags) == 1
        assert (
            "made with the plugin dense_networks.py, which is not loaded: add --plugin=PATH/dense_networks.py"
            in capsys.readouterr().err
        )

    assert cli.run("train", [*names, f"--model_dir={run}", "--train_steps=3"]) == 0
    assert cli.run("evaluate", [*names, f"--model_dir={run}", "--metrics=sharpness,rmse", "--json"]) == 0
    with (run / "scores.csv").open(newline="") as f:
        (row,) = csv.DictReader(f)
    assert 0.0 < float(row["sharpness_ratio"]) < 1.0  # of noise, which two steps do not learn
    assert cli.run("sample", [*names, f"--model={run}", f"--output={written / 'a.png'}"]) == 0
    assert cli.run("export", [*names, f"--model_dir={run}"]) == 0

    new_process()
    (written / "flip.py").write_text((written / "flip.py").read_text() + "\n# changed\n")
    capsys.readouterr()
    assert cli.run("train", [*names, f"--model_dir={run}", "--train_steps=4"]) == 1
    assert "plugin flip.py: " in capsys.readouterr().err
    new_process()
    caplog.clear()
    assert cli.run("sample", [*names, f"--model={run}", f"--output={written / 'b.png'}"]) == 0
    assert caplog.text.count("the plugin flip.py has changed since this run was made") == 1
    assert (written / "b.png").read_bytes() == (written / "a.png").read_bytes()


@pytest.mark.slow
def test_an_objective_from_outside_has_flags_trains_and_keeps_them(
    written: Path, new_process: Callable[[], None], capsys: pytest.CaptureFixture[str]
) -> None:
    (name,) = given(written, "hinge_gan")
    assert cli.run("train", ["--help", name]) == 0
    assert "hinge_gan: logit from which on the discriminator is content; above 0.0 (default: 1.0)" in capsys.readouterr().out
    places = [f"--dataset=folder:{written}/pictures", f"--cache_dir={written / 'cache'}"]
    pictures(written / "pictures")
    sizes = ["--image_size=16", "--channels=8", "--latent_dim=4", "--batch_size=4", "--train_steps=2"]
    made_of = ["--objective=hinge_gan", "--margin=0.5", *places, *sizes, f"--model_dir={written / 'run'}"]
    assert cli.run("train", [name, *made_of]) == 0
    stored = json.loads((written / "run" / "config.json").read_text())
    assert stored["objective"] == {"name": "hinge_gan", "margin": 0.5}
    assert cli.run("train", [name, "--objective=hinge_gan", "--margin=-1", *places]) == 1
    assert "--margin=-1.0 is not legal: it must be above 0.0" in capsys.readouterr().err


def test_annotations_may_be_lazy(written: Path, new_process: Callable[[], None]) -> None:
    file = written / "hinge_gan.py"
    file.write_text("from __future__ import annotations\n" + file.read_text())
    plugins.load(str(file))
    chosen = Config().with_changes({"objective": "hinge_gan", "margin": 2})
    assert chosen.objective.margin == 2  # type: ignore[attr-defined]
    with pytest.raises(UserError, match="--margin='two' is not of type float"):
        chosen.with_changes({"margin": "two"})


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ("margin: float = 1.0", "field 'margin' of Mine is not a setting; write margin: TYPE = setting"),
        (
            "margins: tuple = setting((), 'help')",
            "setting 'margins' of Mine is of type tuple; it must be str, int, float, bool",
        ),
    ],
)
def test_fields_that_are_no_settings_are_refused(
    fields: str, message: str, tmp_path: Path, new_process: Callable[[], None]
) -> None:
    head = "from dataclasses import dataclass, field\nfrom tfpagan import objectives\n"
    head += "from tfpagan.objectives.contract import Objective, setting\n"
    decorated = "@objectives.register\n@dataclass(frozen=True)\nclass Mine(Objective):\n    name = 'mine'\n"
    (tmp_path / "mine.py").write_text(f"{head}{decorated}    {fields}\n")
    with pytest.raises(UserError, match=message):
        plugins.load(f"{tmp_path}/mine.py")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("channels: int = setting(8, 'mine')", "there is a flag --channels already"),
        ("plugin: str = setting('', 'mine')", "there is a flag --plugin already"),
        ("players = ('generator', 'discriminator')", "has a player 'discriminator'; it must be generator, encoder, disc_x"),
        ("players = ()", "has no player 'generator'"),
        (
            "players = ('generator', 'disc_x'); phases = (('encoder',),)",
            "has a phase with encoder, which is not among its players",
        ),
    ],
)
def test_objectives_that_cannot_be_played_are_refused_when_they_register(
    body: str, message: str, tmp_path: Path, new_process: Callable[[], None]
) -> None:
    players = "" if "players" in body else "    players = ('generator', 'disc_x')\n"
    head = "from dataclasses import dataclass\nfrom tfpagan import objectives\n"
    head += "from tfpagan.objectives.contract import Objective, setting\n"
    decorated = f"@objectives.register\n@dataclass(frozen=True)\nclass Mine(Objective):\n    name = 'mine'\n{players}"
    (tmp_path / "mine.py").write_text(f"{head}{decorated}    {body}\n")
    with pytest.raises(UserError, match=re.escape(message)):
        plugins.load(f"{tmp_path}/mine.py")


def test_a_grid_knows_lazy_settings_and_old_names(
    written: Path, new_process: Callable[[], None], capsys: pytest.CaptureFixture[str]
) -> None:
    file = written / "hinge_gan.py"
    file.write_text("from __future__ import annotations\n" + file.read_text())
    sweep = [f"--plugin={file}", "--objective=hinge_gan", "--dry_run", f"--runs={written / 'runs'}"]
    assert cli.run("sweep", ["--grid=margin=1,2", *sweep]) == 0
    *runs, scored = capsys.readouterr().out.splitlines()
    assert [f"--plugin={file}" in line for line in runs] == [True, True]
    assert scored.startswith("scored by --protocol=quick5k (")
    assert cli.run("sweep", ["--grid=step=fused,reference", *sweep]) == 1
    assert "there is no setting step: --gradients sets how gradients are computed" in capsys.readouterr().err


def test_a_metric_from_outside_is_in_full_and_may_choose_the_best(written: Path, new_process: Callable[[], None]) -> None:
    plugins.load(f"{written}/sharpness.py")
    assert "sharpness" in protocols.get("full").metrics
    chosen = protocols.measuring(protocols.get("quick1k"), "sharpness_ratio")
    assert (chosen.name, chosen.metrics[-1]) == ("quick1k+sharpness", "sharpness")
    assert protocols.measuring(protocols.get("quick1k"), "rmse").name == "quick1k"


def pictures(folder: Path) -> None:
    from tfpagan.images import write_png

    folder.mkdir()
    for i in range(12):
        write_png(np.full([16, 16, 3], 20 * i, np.uint8), str(folder / f"{i}.png"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("raise ValueError('not now')", "cannot be imported: ValueError: not now"),
        ("import nowhere_to_be_found", "mine.py imports nowhere_to_be_found, which is not installed"),
        ("def broken(:", "cannot be imported: SyntaxError"),
        ("import sys; sys.exit(3)", "cannot be imported: SystemExit: 3"),
        ("from tfpagan import objectives; objectives.register(int)", "is not an objective: derive a class from"),
        ("from tfpagan import networks; networks.register('dense', 3)", "3 is not an architecture"),
        ("from tfpagan.forward import augment; augment.register('blur', print)", "augmentation 'blur' exists already"),
        (
            "from tfpagan import data; data.register('Upper', print)",
            "'Upper' is not a legal data source name",
        ),
        ("from tfpagan.evaluation import metrics; metrics.register(3)", "3 is not a metric"),
        ("from tfpagan import data; data.register('shapes', print)", "the data set 'shapes' exists already"),
    ],
)
def test_a_plugin_that_cannot_be_used_is_one_line(
    text: str, message: str, tmp_path: Path, new_process: Callable[[], None], capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.py").write_text(text)
    assert cli.run("train", [f"--plugin={tmp_path}/mine.py", "--dry_run"]) == 1
    error = capsys.readouterr().err
    assert error.startswith("train: error: ")
    assert message in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda: None, "--augmentation=mine: its function must take 1 argument"),
        (lambda config: None, "its function must return a(x, noise), not None"),
        (lambda config: lambda x: x, "a(x, noise) must take 2 argument"),
        (
            lambda config: lambda x, noise: x[:, 1:],
            "images of x's type and shape, float32 (6, 8, 8, 1), not float32 (6, 7, 8, 1)",
        ),
        (lambda config: lambda x, noise: tf.cast(x, tf.float16), "not float16 (6, 8, 8, 1)"),
        (lambda config: lambda x, noise: None, "not None"),
    ],
)
def test_an_augmentation_of_another_form_is_refused(function: Callable, message: str, new_process: Callable[[], None]) -> None:
    augment.register("mine", function)
    with pytest.raises(UserError, match=re.escape(message)):
        augment.build(AugmentationConfig(augmentation="mine"))(normalize(tiny.images()), tf.zeros([tiny.N, 2]))


@pytest.mark.parametrize(
    ("opened", "message"),
    [
        (None, "--dataset=mine: its function must return a name and a source, not None"),
        (("mine:", 3), "--dataset=mine: its source lacks channels, downloads, examples, fetch, identity"),
    ],
)
def test_a_data_source_of_another_form_is_refused(opened: object, message: str, new_process: Callable[[], None]) -> None:
    data.register("mine", lambda rest, data_dir, cache_dir: opened)  # type: ignore[arg-type, return-value]
    with pytest.raises(UserError, match=message):
        data.describe(DataConfig(dataset="mine:"))


def test_a_metric_whose_numbers_have_no_such_direction_is_refused(new_process: Callable[[], None]) -> None:
    class Upwards(Brightness):
        name = "upwards"

        def keys(self, official: bool) -> tuple[Key, ...]:
            return (Key("upwards", better="up"),)  # type: ignore[arg-type]

    with pytest.raises(EvaluationError, match="key 'upwards' has better='up'; it must be 'higher', 'lower' or None"):
        metrics.register(Upwards())


def test_missing_and_ambiguous_plugins_are_refused(tmp_path: Path, new_process: Callable[[], None]) -> None:
    with pytest.raises(UserError, match=r"there is no file .*nothing\.py"):
        plugins.load(f"{tmp_path}/nothing.py")
    with pytest.raises(UserError, match="there is no module not_installed"):
        plugins.load("not_installed")
    for name, text in (("one", "A = 1"), ("other", "A = 2")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "mine.py").write_text(text)
    assert plugins.load(f"{tmp_path}/one/mine.py") == plugins.load(f"{tmp_path}/one/mine.py")
    with pytest.raises(UserError, match=r"another plugin mine\.py is loaded"):
        plugins.load(f"{tmp_path}/other/mine.py")
    assert [plugin.name for plugin in plugins.loaded()] == ["mine.py"]
