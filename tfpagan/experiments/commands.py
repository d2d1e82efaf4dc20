"""The commands that a run of an experiment takes: training, scoring, and the test of its encoder."""

from pathlib import Path

from tfpagan.experiments.experiment import Experiment, Scoring

EVALUATIONS = 10  # of a run whose best checkpoint is scored


def of_run(experiment: Experiment, folder: Path, scoring: Scoring) -> list[list[str]]:
    """Every command of the run in a folder: its name, then its flags."""
    found = [] if experiment.stand_in else [["train", *train(experiment, folder, scoring)]]
    found.append(["evaluate", *evaluate(experiment, folder, scoring)])
    return [*found, ["probe", *probe(experiment, folder)]] if is_probed(experiment, scoring) else found


def train(experiment: Experiment, folder: Path, scoring: Scoring) -> list[str]:
    """Flags of `bin/train`, with those that choose the best checkpoint."""
    flags = [f"--model_dir={folder}", *experiment.flags()]
    if experiment.best:
        every = max(1, experiment.config.training.train_steps // EVALUATIONS)
        flags += [f"--eval_every_steps={every}", f"--image_every_steps={every}"]
        flags += [f"--best_metric={scoring.key(experiment.best)}", f"--eval_classifier={scoring.classifier}"]
    return flags


def evaluate(experiment: Experiment, folder: Path, scoring: Scoring) -> list[str]:
    """Flags of `bin/evaluate`, which scores the run, or what stands in for one."""
    how = [f"--classifier={scoring.classifier}", f"--protocol={scoring.protocol}"]
    if experiment.stand_in:
        data = experiment.config.data.dataset
        return [f"--reconstructor={experiment.stand_in}", f"--dataset={data}", f"--output={folder}", *how]
    return [*_checkpoint(experiment, folder), *how]


def probe(experiment: Experiment, folder: Path) -> list[str]:
    """Flags of `bin/probe`, which tests the encoder."""
    return _checkpoint(experiment, folder)


def is_probed(experiment: Experiment, scoring: Scoring) -> bool:
    """Whether `bin/probe` tests the encoder of a run."""
    return scoring.probed and not experiment.stand_in and "encoder" in experiment.config.objective.players


def _checkpoint(experiment: Experiment, folder: Path) -> list[str]:
    return [f"--model_dir={folder}", *(["--best"] if experiment.best else [])]
