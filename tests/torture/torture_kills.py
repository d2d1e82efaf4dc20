"""A run that is killed at seeded random moments, also while it writes a checkpoint, ends as an undisturbed one.

TORTURE_KILLS sets the number of kills (default: 8), TORTURE_SEED their moments.
"""

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

KILLS = int(os.environ.get("TORTURE_KILLS", "8"))
SEED = int(os.environ.get("TORTURE_SEED", "0"))
HANGS = 300
"""Seconds after which one process is taken to hang."""
SAVE_EVERY = 5
FURTHEST = 4
"""Most new checkpoints that one attempt may write before it is killed."""
STEPS = max(100, (KILLS + 2) * (FURTHEST + 2) * SAVE_EVERY)
FLAGS = [
    *("--architecture=color_mnist", "--image_size=8", "--channels=8", "--latent_dim=4", "--batch_size=4"),
    *("--objective=vae", "--deterministic", "--ema_decay=0.9", "--summary_every_steps=1"),
    *(f"--save_every_steps={SAVE_EVERY}", "--keep_checkpoints=3", f"--train_steps={STEPS}"),
]
NOT_WEIGHTS = ("save_counter/.ATTRIBUTES/VARIABLE_VALUE", "_CHECKPOINTABLE_OBJECT_GRAPH")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Flags of a data set: 40 random images of 8 px."""
    root = tmp_path_factory.mktemp("data")
    for i in range(40):
        picture = np.random.default_rng(i).integers(0, 256, [8, 8, 3]).astype(np.uint8)
        (root / f"{i:02d}.png").write_bytes(tf.io.encode_png(picture).numpy())
    return [f"--dataset=folder:{root}", f"--cache_dir={root}-cache"]


def start(argv: list[str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as out:
        return subprocess.Popen([sys.executable, "-m", "tfpagan.cli", "train", *argv], stdout=out, stderr=out)


def newest(run: Path) -> int:
    """The step of the newest checkpoint that is complete: the list of checkpoints is written last."""
    file = run / "ckpt/checkpoint"
    found = re.search(r'^model_checkpoint_path: ".*ckpt-(\d+)"', file.read_text(), re.MULTILINE) if file.exists() else None
    return int(found[1]) if found else 0


def writes(run: Path) -> bool:
    """Whether a checkpoint is half written: temporary files, or data without their index."""
    names = os.listdir(run / "ckpt") if (run / "ckpt").is_dir() else []
    indices = {name.removesuffix(".index") for name in names if name.endswith(".index")}
    data = {name.split(".data-")[0] for name in names if ".data-" in name}
    return any("temp" in name for name in names) or not data <= indices


def wait_and_kill(process: subprocess.Popen[bytes], run: Path, chance: random.Random, *, in_write: bool) -> bool:
    """Kill it after a few new checkpoints: inside the next write, or up to 0.3 s later; whether it still ran then."""
    goal, until = newest(run) + SAVE_EVERY * chance.randint(1, FURTHEST), time.monotonic() + HANGS
    while newest(run) < goal or (in_write and not writes(run)):
        assert time.monotonic() < until, f"no checkpoint of step {goal} within {HANGS} s"
        if process.poll() is not None:
            return False
        time.sleep(0.0005)
    if not in_write:
        time.sleep(chance.uniform(0, 0.3))
    running = process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.wait(HANGS)
    return running


def begun_at(log: Path) -> int | None:
    """The step at which a process went on; None if it was killed before it said so."""
    found = re.search(r": step (\d+) to \d+ of batch", log.read_text(errors="replace"))
    return int(found[1]) if found else None


def tortured(argv: list[str], run: Path, logs: Path) -> Counter[str]:
    """Kill and restart a run until it is done; returns counts of what happened."""
    chance, counts, seen = random.Random(SEED), Counter[str](), 0
    for attempt in range(KILLS + 1):
        log = logs / f"{attempt}.log"
        process = start([*argv, f"--model_dir={run}"], log)
        if attempt == KILLS:
            assert process.wait(HANGS) == 0, log.read_text(errors="replace")
        else:
            in_write = attempt % 2 == 1
            assert wait_and_kill(process, run, chance, in_write=in_write), log.read_text(errors="replace")
            counts["kills"] += 1
            counts["half-written checkpoints"] += writes(run)
        went_on = begun_at(log)
        assert went_on is not None, log.read_text(errors="replace")
        assert went_on >= seen, f"attempt {attempt} began at step {went_on}, though a checkpoint of step {seen} was complete"
        counts["restarts from a checkpoint"] += went_on > 0
        seen = newest(run)
    return counts


def require_same_weights(one: Path, other: Path) -> int:
    """Require the same last checkpoint, bit for bit; returns the number of compared variables."""
    first, second = (tf.train.load_checkpoint(str(run / "ckpt")) for run in (one, other))
    assert first.get_variable_to_shape_map() == second.get_variable_to_shape_map()
    names = [name for name in first.get_variable_to_shape_map() if name not in NOT_WEIGHTS]
    for name in names:
        np.testing.assert_array_equal(first.get_tensor(name), second.get_tensor(name), err_msg=name)
    return len(names)


def lines(run: Path) -> list[dict[str, float]]:
    """The lines of metrics.jsonl, without speeds."""
    found = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [{tag: value for tag, value in line.items() if not tag.startswith("throughput")} for line in found]


def scalar_steps(run: Path) -> Counter[int]:
    """How often TensorBoard shows each step of one loss."""
    shown = Counter[int]()
    for file in (run / "train").glob("events.*"):
        for event in EventFileLoader(str(file)).Load():
            shown.update(event.step for value in event.summary.value if value.tag == "loss/generator")
    return shown


def test_a_run_that_is_killed_again_and_again_ends_as_the_undisturbed_one(dataset: list[str], tmp_path: Path) -> None:
    begun, argv, (straight, run) = time.monotonic(), [*dataset, *FLAGS], (tmp_path / "straight", tmp_path / "run")
    undisturbed = start([*argv, f"--model_dir={straight}"], tmp_path / "straight.log")
    assert undisturbed.wait(HANGS) == 0, (tmp_path / "straight.log").read_text()
    counts = tortured(argv, run, tmp_path)
    variables = require_same_weights(straight, run)
    every_step = list(range(1, STEPS + 1))
    assert [line["step"] for line in lines(run)] == every_step, f"metrics.jsonl after {dict(counts)}"
    assert lines(run) == lines(straight), f"metrics.jsonl after {dict(counts)}"
    shown = scalar_steps(run)
    wrong = {step: shown[step] for step in {*every_step, *shown} if shown[step] != (step in every_step)}
    assert not wrong, f"TensorBoard shows these steps this often, after {dict(counts)}: {wrong}"
    print(f"\n{STEPS} steps, {dict(counts)}, {variables} variables equal bit for bit, {time.monotonic() - begun:.0f} s")
