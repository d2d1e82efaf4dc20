"""One of two workers is killed: the other ends by itself, soon, with exit code 75 and one line that names the lost one.

TORTURE_SEED sets when the worker is killed.
"""

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

SEED = int(os.environ.get("TORTURE_SEED", "0"))
BEGINS = 240
"""Seconds in which two workers must have trained their first steps."""
ENDS = 180
"""Seconds in which the other worker must have ended: TensorFlow asks every 30 s whether the others are there."""
FLAGS = [
    *("--architecture=color_mnist", "--image_size=8", "--channels=8", "--latent_dim=4", "--batch_size=4"),
    *("--objective=vae", "--summary_every_steps=10", "--train_steps=1000000"),
]
TEMPORARY_FAILURE = 75


@pytest.fixture
def dataset(tmp_path: Path) -> list[str]:
    """Flags of a data set: 40 random images of 8 px."""
    root = tmp_path / "images"
    root.mkdir()
    for i in range(40):
        picture = np.random.default_rng(i).integers(0, 256, [8, 8, 3]).astype(np.uint8)
        (root / f"{i:02d}.png").write_bytes(tf.io.encode_png(picture).numpy())
    return [f"--dataset=folder:{root}", f"--cache_dir={root}-cache"]


def addresses() -> list[str]:
    with socket.socket() as one, socket.socket() as two:
        one.bind(("localhost", 0)), two.bind(("localhost", 0))
        return [f"localhost:{s.getsockname()[1]}" for s in (one, two)]


@pytest.fixture(params=[10, 10_000], ids=["while it saves", "while it trains"])
def workers(
    request: pytest.FixtureRequest, dataset: list[str], tmp_path: Path
) -> Iterator[tuple[list[subprocess.Popen[bytes]], list[str]]]:
    """Two workers that train as one, and their addresses; what each prints goes to tmp_path/INDEX.log."""
    at = addresses()
    flags = [*dataset, *FLAGS, f"--save_every_steps={request.param}", f"--model_dir={tmp_path}/run"]
    command = [sys.executable, "-m", "tfpagan.cli", "train", *flags]
    processes = []
    for index in range(2):
        config = json.dumps({"cluster": {"worker": at}, "task": {"type": "worker", "index": index}})
        with (tmp_path / f"{index}.log").open("wb") as out:
            processes.append(subprocess.Popen(command, env=os.environ | {"TF_CONFIG": config}, stdout=out, stderr=out))
    yield processes, at
    for process in processes:
        process.kill()
        process.wait()


def wait_for_steps(run: Path, count: int, workers: list[subprocess.Popen[bytes]]) -> None:
    """Wait for so many lines of metrics.jsonl."""
    file, until = run / "metrics.jsonl", time.monotonic() + BEGINS
    while not file.exists() or len(file.read_text().splitlines()) < count:
        assert [worker.poll() for worker in workers] == [None, None]
        assert time.monotonic() < until, f"not {count} lines in {file} within {BEGINS} s"
        time.sleep(0.05)


@pytest.mark.parametrize("lost", [0, 1], ids=["the chief", "the other one"])
def test_a_worker_that_is_killed_ends_the_other_with_one_line(
    lost: int, workers: tuple[list[subprocess.Popen[bytes]], list[str]], tmp_path: Path
) -> None:
    processes, at = workers
    left, log = 1 - lost, tmp_path / f"{1 - lost}.log"
    wait_for_steps(tmp_path / "run", 3, processes)
    time.sleep(random.Random(SEED + lost).uniform(0, 1))
    processes[lost].send_signal(signal.SIGKILL)
    begun = time.monotonic()
    try:
        code = processes[left].wait(ENDS)
    except subprocess.TimeoutExpired:
        raise AssertionError(f"worker {left} still runs {ENDS} s after worker {lost} was killed: {log.read_text()}") from None
    seconds, said = time.monotonic() - begun, log.read_text(errors="replace")
    print(f"\nworker {lost} killed; worker {left} ended after {seconds:.1f} s with {code}:\n{said.splitlines()[-1]}")
    assert code == TEMPORARY_FAILURE, said
    assert "Traceback" not in said
    errors = [line for line in said.splitlines() if line.startswith("train: error: ")]
    assert len(errors) == 1, said
    assert f"worker {lost} at {at[lost]} is gone" in errors[0]
