"""`bin/reproduce`."""

import dataclasses
import re
import shlex
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from absl import logging

from tfpagan.cli import names
from tfpagan.cli.flags import Command, Option, path
from tfpagan.cli.model_flags import CLASSIFIER
from tfpagan.cli.run_flags import WHERE, processes
from tfpagan.config import plugins
from tfpagan.errors import UserError
from tfpagan.evaluation import metrics, protocols
from tfpagan.experiments import commands, estimate, sweep
from tfpagan.experiments.experiment import Experiment, Scoring
from tfpagan.experiments.figures import FIGURES
from tfpagan.experiments.runner import Runner, kept_in
from tfpagan.experiments.sweeps import FIGURES as SWEPT
from tfpagan.experiments.sweeps import SWEEPS
from tfpagan.experiments.table import Row, Table
from tfpagan.experiments.tables import TABLES
from tfpagan.settings import setting as checks

MOST_IMAGES = 10**12
METRIC_COLUMNS = {key.column for key in metrics.keys().values()}
ALL_FIGURES = sorted([*FIGURES, *SWEPT], key=lambda name: (name.rpartition("_")[0], int(name.rpartition("_")[2])))


def run(options: dict[str, Any], settings: dict[str, Any]) -> int:
    """A paper's table, from existing runs and runs that it starts."""
    if options["json"] and options["dry_run"]:
        raise UserError("--json prints scores, and --dry_run computes none; give one of them")
    if options["hours"] and not options["dry_run"]:
        raise UserError("--hours goes with --dry_run: it measures, and makes no run")
    if options["figure"] in SWEPT and not options["table"]:
        return _swept(options, settings)
    table = _within_budget(_chosen(options), options)
    experiments = table.experiments
    usual = table.protocol if options["images"] else table.full_protocol
    protocol = protocols.get(options["protocol"] or usual).name
    scoring = Scoring(protocol, options["classifier"], probed="SVM error" in table.columns)
    measured = [column for column in table.columns if column in METRIC_COLUMNS]
    if options["protocol"] and measured and not scoring.columns().intersection(measured):
        raise UserError(f"--protocol={protocol} has none of the table's numbers ({', '.join(measured)})")
    folder = path(options["runs"])
    models = path(options["publish"]) if options["publish"] else None
    runner = Runner(folder, processes(options), places=[f"--{name}={value}" for name, value in settings.items()])
    if options["dry_run"]:
        runner.check(experiments)
        _print_plan(table.rows, folder, scoring, settings, options)
        return 0
    from tfpagan.experiments import plot, report

    if models:
        with kept_in(models, "publish"), tempfile.TemporaryFile(dir=models):
            pass
    outcomes = runner.outcomes(experiments, scoring)
    facts = {
        "images for each, at most": "" if "images" in table.columns else options["images"] or "",
        "channels": options["channels"] or "",
        "made by": f"`{_as_given(options)}`",
    }
    text = report.markdown(table, outcomes, facts)
    with kept_in(folder):
        name = options["table"] or f"figure_{options['figure']}"
        pictures = report.page(table, outcomes, folder, folder / name)
        (folder / f"{name}.md").write_text(text + pictures)
        if table.drawn and plot.draw(folder / f"{name}.png", table, outcomes):
            logging.info("scores by %s: %s", table.drawn_by, folder / f"{name}.png")
    print(report.as_json(table, outcomes, facts) if options["json"] else text)
    if models:
        from tfpagan.experiments.publish import publish

        with kept_in(models, "publish"):
            logging.info("%s", publish(outcomes, runner, models))
    return 1 if any(outcome.failure for outcome in outcomes) else 0


def _swept(options: dict[str, Any], settings: dict[str, Any]) -> int:
    """A figure of sweeps: the runs of each data set in a folder of their own."""
    figure, folder = SWEPT[options["figure"]], path(options["runs"])
    for name in ("publish", "json"):
        if options[name]:
            raise UserError(f"--{name} cannot go with --figure={options['figure']}, which shows sweeps")
    seeds, protocol = _seeds(options["seeds"]), protocols.get(options["protocol"] or "alpha_gan").name
    page, failed = [f"# {figure.title}", "", f"The paper: {figure.paper}.", "", f"Ours: made by `{_as_given(options)}`."], False
    where = processes(options)
    for data in _selected(options, figure.data):
        swept, runs = SWEEPS[data], folder / f"sweep_{data}"
        grids = [grid | ({"seed": seeds} if seeds != [0] else {}) for grid in sweep.parse(swept.grid)]
        experiments = [_budgeted(e, 1, options, 0) for e in sweep.experiments(grids, "", swept.settings)]
        runner = Runner(runs, where, places=[f"--{name}={value}" for name, value in settings.items()])
        scoring = Scoring(protocol, options["classifier"])
        if options["dry_run"]:
            runner.check(experiments)
            _print_plan([Row(e.name, e) for e in experiments], runs, scoring, settings, options)
            continue
        second = "" if swept.second_classifier == options["classifier"] else swept.second_classifier
        _, outcomes = sweep.run(runner, runs, grids, experiments, scoring, by="objective", second=second)
        page += ["", f"## {data}", "", (runs / "sweep.md").read_text().replace("](", f"]({runs.name}/").rstrip()]
        drawn = [kind for kind in ("boxes", "relations", "ranks") if (runs / f"{kind}.png").exists()]
        page += ["", *(f"![{kind}]({runs.name}/{kind}.png)" for kind in drawn)]
        failed = failed or any(outcome.failure for outcome in outcomes)
    if not options["dry_run"]:
        with kept_in(folder):
            (folder / f"figure_{options['figure']}.md").write_text("\n".join(page) + "\n")
        print("\n".join(page))
    return 1 if failed else 0


def _print_plan(rows: Sequence[Row], folder: Path, scoring: Scoring, settings: dict[str, Any], options: dict[str, Any]) -> None:
    """What is going to be run, row by row as soon as it is known; with --hours how long it takes."""
    total, unknown = 0.0, 0
    places = [f"--{name}={value}" for name, value in settings.items()]
    for row in rows:
        print("\n".join(_plan(row, folder, scoring, places)), flush=True)
        if options["hours"] and row.experiment and not row.experiment.stand_in:
            found, text = estimate.hours(row.experiment, folder / row.experiment.name, places)
            print(f"  {text}", flush=True)
            total, unknown = total + (found or 0.0), unknown + (found is None)
    print(scoring.in_words())
    if options["hours"]:
        without = f", without {unknown} that could not be measured" if unknown else ""
        print(
            f"{estimate.in_words(total)} of training on this machine, one run after another{without}; evaluations come on top"
        )
    else:
        logging.info("--hours measures how long it takes on this machine")


def _plan(row: Row, folder: Path, scoring: Scoring, places: Sequence[str]) -> list[str]:
    """The commands that a row takes, each in a line."""
    experiment = row.experiment
    if experiment is None:
        return [f"{row.name}: the paper's numbers alone"]
    where, rest = folder / experiment.name, [*places, *plugins.flags()]
    first, *others = (
        " ".join([names.called(command), *map(shlex.quote, [*flags, *rest])])
        for command, *flags in commands.of_run(experiment, where, scoring)
    )
    return [f"{where}: {first}", *(f"  {other}" for other in others)]


def _chosen(options: dict[str, Any]) -> Table:
    """The table or figure, with the selected rows."""
    kind, known = ("figure", FIGURES) if options["figure"] else ("table", TABLES)
    legal = [*TABLES] if kind == "table" else ALL_FIGURES
    if options["table"] and options["figure"]:
        raise UserError("--table and --figure cannot be given together")
    if options[kind] not in known:
        if not options[kind]:
            raise UserError(f"--table is missing, or --figure; known tables: {', '.join(TABLES)}")
        raise UserError(f"--{kind}={options[kind]} is not legal: it must be one of {', '.join(legal)}")
    table = known[options[kind]]
    if not options["rows"]:
        return table
    names = _selected(options, [row.name for row in table.rows])
    return dataclasses.replace(table, rows=tuple(row for row in table.rows if row.name in names))


def _selected(options: dict[str, Any], known: Sequence[str]) -> Sequence[str]:
    """The rows of a table, or the data sets of a figure of sweeps: all, or those that --rows names."""
    if not options["rows"]:
        return known
    names = [name.strip() for name in options["rows"].split(",")]
    for name in names:
        if name not in known:
            raise UserError(checks.unknown(name, known, f"row of {options['table'] or options['figure']}"))
    return names


def _within_budget(table: Table, options: dict[str, Any]) -> Table:
    """The table at a budget of images and a width of networks, 0 as in the paper, with a row for each seed."""
    if not 0 <= options["images"] <= MOST_IMAGES:
        raise UserError(f"--images={options['images']} is not legal: it must be at least 0 and at most {MOST_IMAGES}")
    rows, seeds = [], _seeds(options["seeds"])
    for row in table.rows:
        trained = row.experiment and not row.experiment.stand_in
        own = seeds if trained else [0]
        for seed in own:
            name = f"{row.name}, seed {seed}" if len(own) > 1 else row.name
            experiment = row.experiment and _budgeted(row.experiment, row.budget, options, seed)
            rows.append(dataclasses.replace(row, name=name, experiment=experiment))
    return dataclasses.replace(table, rows=tuple(rows))


def _seeds(text: str) -> list[int]:
    """The seeds of a comma-separated list, each once.

    Raises:
      UserError: on anything but whole numbers.
    """
    if not re.fullmatch(r"\s*\d{1,10}\s*(,\s*\d{1,10}\s*)*", text):
        raise UserError(f"--seeds={text} is not legal: it must be comma-separated whole numbers")
    return list(dict.fromkeys(map(int, text.split(","))))


def _budgeted(experiment: Experiment, times: int, options: dict[str, Any], seed: int) -> Experiment:
    changes: dict[str, Any] = {"seed": seed} if seed else {}
    if options["channels"]:
        changes["channels"] = options["channels"]
    if options["images"]:
        drawn, budget = experiment.images_per_step, options["images"] * times
        if budget < drawn:
            raise UserError(f"--images={options['images']} are fewer than the {drawn} of one step of {experiment.name}")
        changes["train_steps"] = budget // drawn
    if experiment.config.objective.classifier:
        changes["perceptual_classifier"] = options["classifier"]
    name = f"{experiment.name}_seed{seed}" if seed else experiment.name
    changed = dataclasses.replace(experiment, name=name, settings={**experiment.settings, **changes})
    assert changed.config  # refuses illegal settings
    return changed


def _as_given(options: dict[str, Any]) -> str:
    """The equivalent command line, without flags that do not affect the numbers."""
    silent = ("runs", "publish", "jobs", "gpus_per_run", "cluster", "dry_run", "json")
    told = [o.name for o in COMMAND.options if o.name not in silent and options[o.name] != o.default]
    return " ".join([names.called("reproduce"), *(shlex.quote(f"--{name}={options[name]}") for name in told)])


COMMAND = Command(
    program="reproduce",
    help="A paper's table or figure, from runs in --runs: missing runs are trained, stopped ones are resumed.",
    options=(
        Option("table", "", f"one of {', '.join(TABLES)}", choices=tuple(TABLES)),
        Option(
            "figure",
            "",
            f"instead of a table: the paper and number of a figure that shows runs, one of {', '.join(ALL_FIGURES)}",
        ),
        Option("rows", "", "comma-separated names of its rows, or of the data sets of a figure of sweeps; default: all"),
        Option("runs", "runs/reproduce", "the folder of the runs; TABLE.md or figure_NAME.md and the images are written there"),
        Option(
            "images",
            0,
            "budget of a run: images drawn in training, over all phases; 0: the paper's steps, scored on as many images as its",
        ),
        Option("channels", 0, "channels of the widest convolution; 0: the paper's"),
        Option("seeds", "0", "comma-separated seeds; every row has a run for each"),
        Option(
            "protocol",
            "",
            "protocol of the scores; default: the table's (mostly quick5k, and pagan with --images=0)",
        ),
        CLASSIFIER,
        Option("publish", "", "a folder for the trained models: an export of every run, also as .tar.gz, and their MODELS.md"),
        *WHERE,
        Option("dry_run", False, "list the runs, then exit"),
        Option("hours", False, "with --dry_run: measure a few steps of each run, and say how long all take"),
        Option("json", False, "print as JSON"),
    ),
    run=run,
    settings="places",
)
