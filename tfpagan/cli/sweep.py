"""`bin/sweep`."""

import dataclasses
import json
from typing import Any

from tfpagan.cli import names
from tfpagan.cli.flags import PLACES, Command, Option, path
from tfpagan.cli.model_flags import CLASSIFIER
from tfpagan.cli.run_flags import WHERE, processes
from tfpagan.config import plugins
from tfpagan.errors import UserError
from tfpagan.evaluation import metrics, protocols
from tfpagan.evaluation.metrics import Key
from tfpagan.experiments import sweep
from tfpagan.experiments.commands import EVALUATIONS
from tfpagan.experiments.experiment import Scoring
from tfpagan.experiments.halving import Halving
from tfpagan.experiments.runner import Runner


def run(options: dict[str, Any], settings: dict[str, Any]) -> int:
    """Train and score every run of a grid, and show the spread of scores."""
    if options["json"] and options["dry_run"]:
        raise UserError("--json prints scores, and --dry_run computes none; give one of them")
    grids = sweep.parse(options["grid"])
    places = [f"--{name}={settings.pop(name)}" for name in PLACES if name in settings]
    experiments = sweep.experiments(grids, options["preset"], settings)
    given = sweep.names(grids)
    by = options["by"] or given[0]
    if by not in given:
        raise UserError(f"--by={by} is not legal: it must be one of {', '.join(given)}")
    protocol = protocols.get(options["protocol"]).name
    folder = path(options["runs"])
    scoring = Scoring(protocol, options["classifier"])
    where, halving = processes(options), None  # first: of Ray's settings, it reads some when Halving imports it
    if options["asha"]:
        experiments = [dataclasses.replace(experiment, best=options["asha"]) for experiment in experiments]
        halving = Halving(_halved_by(options["asha"], scoring), EVALUATIONS)
    runner = Runner(folder, where, places=places, halving=halving)
    if options["dry_run"]:
        runner.check(experiments)
        lines = [f"{folder / e.name}: {names.called('train')} {' '.join([*e.flags(), *plugins.flags()])}" for e in experiments]
        print("\n".join([*lines, scoring.in_words()]))
        return 0
    text, outcomes = sweep.run(runner, folder, grids, experiments, scoring, by=by, second=options["second_classifier"])
    scores = [
        {"run": o.experiment.name, "failure": o.failure or None, "stopped": o.stopped or None, **o.scores} for o in outcomes
    ]
    print(json.dumps(scores, indent=2) if options["json"] else text)
    return 1 if any(outcome.failure for outcome in outcomes) else 0


def _halved_by(column: str, scoring: Scoring) -> Key:
    """The metric of a column of the table, by which runs are compared during training.

    Raises:
      UserError: when there is none, or neither direction of it is better.
    """
    keys = metrics.keys().values()
    legal = {key.column: key for key in keys if key.column and key.better and key.column in scoring.columns()}
    if column not in legal:
        raise UserError(
            f"--asha={column} is not legal with --protocol={scoring.protocol}: it must be one of {', '.join(legal)}"
        )
    return metrics.keys()[scoring.key(column)]


COMMAND = Command(
    program="sweep",
    help="A grid over flags of bin/train: every combination is trained and scored; stopped runs are resumed.",
    options=(
        Option(
            "grid",
            "",
            "values by setting, such as 'objective=dcgan,wgan_gp; seed=0,1', or 'seed=0,1; dcgan: learning_rate=1e-4,2e-4; "
            "alpha_gan: encoder_l1_weight=1,10' with settings of their own for systems",
        ),
        Option("by", "", "the setting with a box for each of its values; default: the first of the grid"),
        Option("preset", "", "start from a named experiment"),
        Option(
            "runs",
            "runs/sweep",
            "the folder of the runs; sweep.md, sweep.csv, sweep.json and pictures are written there",
        ),
        Option("protocol", "quick5k", "protocol of the scores"),
        CLASSIFIER,
        Option(
            "second_classifier", "", "another one, to show how far scores by both agree, as in alpha-GAN's figures 5b and 5c"
        ),
        Option(
            "asha",
            "",
            "stop hopeless runs early, by this column of the table on held-out training images: after 1/10, 3/10 and 9/10 of "
            "its steps a run goes on if it is among the best third of those that have come so far; of the others the best "
            "checkpoint is scored",
        ),
        *WHERE,
        Option("dry_run", False, "list the runs, then exit"),
        Option("json", False, "print as JSON"),
    ),
    run=run,
    settings="all",
)
