"""One of two workers is killed: the other ends by itself, soon, with exit code 75 and one line that names the lost one.

Or, where workers wait for each other, the killed one is started again, ten times: the run ends with the weights of an
undisturbed one. TORTURE_SEED sets which worker is killed, and when. And two workers that XLA compiles train as two others.
"""

import csv
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
    *("--objective=vae", "--summary_every_steps=10"),
]
KILLS = 10
WHOLE_RUN = 1800
"""Seconds in which a run whose workers are killed so often must have ended."""
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


def worker(index: int, at: list[str], flags: list[str], logs: Path) -> "subprocess.Popen[bytes]":
    """One of the workers at these addresses, which adds what it prints to INDEX.log."""
    command = [sys.executable, "-m", "tfpagan.cli", "train", *flags]
    config = json.dumps({"cluster": {"worker": at}, "task": {"type": "worker", "index": index}})
    with (logs / f"{index}.log").open("ab") as out:
        return subprocess.Popen(command, env=os.environ | {"TF_CONFIG": config}, stdout=out, stderr=out)


@pytest.fixture(params=[10, 10_000], ids=["while it saves", "while it trains"])
def workers(
    request: pytest.FixtureRequest, dataset: list[str], tmp_path: Path
) -> Iterator[tuple[list[subprocess.Popen[bytes]], list[str]]]:
    """Two workers that train as one, and their addresses; what each prints goes to tmp_path/INDEX.log."""
    at = addresses()
    flags = [*dataset, *FLAGS, "--train_steps=1000000", "--wait_for_workers=0", f"--save_every_steps={request.param}"]
    processes = [worker(index, at, [*flags, f"--model_dir={tmp_path}/run"], tmp_path) for index in range(2)]
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


def test_a_signal_to_one_worker_stops_both_in_step(dataset: list[str], tmp_path: Path) -> None:
    """During an evaluation, as most of the time is spent there: they end it, write their checkpoints and stop together."""
    flags = [*dataset, *FLAGS, "--eval_every_steps=20", "--save_every_steps=20", "--best_metric=rmse", "--validation_images=8"]
    flags += [f"--model_dir={tmp_path}/run", "--eval_protocol=quick5k"]
    table = tmp_path / "run" / "scores.csv"
    for steps, code in ((1_000_000, 128 + signal.SIGTERM), (0, 0)):
        at = addresses()
        steps = steps or 20 * (1 + trained(tmp_path) // 20)
        processes = [worker(index, at, [*flags, f"--train_steps={steps}"], tmp_path) for index in range(2)]
        try:
            until = time.monotonic() + BEGINS
            while code and not table.exists():
                assert time.monotonic() < until, (tmp_path / "0.log").read_text(errors="replace")
                time.sleep(0.01)
            if code:
                processes[1].send_signal(signal.SIGTERM)
            assert [process.wait(ENDS) for process in processes] == [code, code], (tmp_path / "0.log").read_text()
        finally:
            for process in processes:
                process.kill()
    assert "another worker received a signal" in (tmp_path / "0.log").read_text()
    with table.open(newline="") as f:
        rows = {int(row["step"]): float(row["rmse"]) for row in csv.DictReader(f)}
    assert list(rows) == list(range(20, trained(tmp_path) + 1, 20))
    best = json.loads((tmp_path / "run/best/best.json").read_text())
    assert (best["step"], best["value"]) == min(rows.items(), key=lambda row: row[1])
    assert [file.name for file in (tmp_path / "run/best").glob("*.index")] == [f"ckpt-{best['step']}.index"]


def trained(folder: Path) -> int:
    """The last step of the run."""
    return int(tf.train.latest_checkpoint(str(folder / "run/ckpt")).rpartition("-")[2])


def weights(run: Path) -> dict[str, np.ndarray]:
    """Every variable of the newest checkpoint, by name."""
    read = tf.train.load_checkpoint(tf.train.latest_checkpoint(str(run / "ckpt")))
    names = [n for n in read.get_variable_to_shape_map() if "save_counter" not in n and "_CHECKPOINTABLE" not in n]
    return {name: read.get_tensor(name) for name in names}


def test_a_run_whose_workers_are_killed_and_started_again_ends_as_if_they_were_not(dataset: list[str], tmp_path: Path) -> None:
    ended, rng = [], random.Random(SEED)
    flags = [*dataset, *FLAGS, "--train_steps=4000", "--save_every_steps=100", "--deterministic"]
    for name, kills in (("calm", 0), ("killed", KILLS)):
        at, logs = addresses(), tmp_path / name
        logs.mkdir()
        of_run = [*flags, f"--model_dir={logs}/run"]
        processes = [worker(index, at, of_run, logs) for index in range(2)]
        until, lines = time.monotonic() + WHOLE_RUN, logs / "run" / "metrics.jsonl"
        kill_at, seen = 0.0, 0
        try:
            while any(process.poll() is None for process in processes):
                assert time.monotonic() < until, (logs / "0.log").read_text(errors="replace")
                time.sleep(0.1)
                trained = len(lines.read_text().splitlines()) if lines.exists() else 0
                if kills and trained != seen and not kill_at:  # it trains again
                    kill_at = time.monotonic() + rng.uniform(0.0, 1.0)
                seen = trained
                if kill_at and time.monotonic() > kill_at:
                    index = rng.randrange(2)
                    processes[index].kill()
                    processes[index].wait()
                    time.sleep(rng.choice([0.0, 1.0, 5.0]))
                    processes[index] = worker(index, at, of_run, logs)
                    kills, kill_at, seen = kills - 1, 0.0, len(lines.read_text().splitlines())
        finally:
            for process in processes:
                process.kill()
        assert [process.wait() for process in processes] == [0, 0], (logs / "0.log").read_text(errors="replace")
        assert not kills
        ended.append(weights(logs / "run"))
    assert ended[0].keys() == ended[1].keys()
    for name, value in ended[0].items():
        np.testing.assert_array_equal(value, ended[1][name], err_msg=name)


@pytest.mark.parametrize("objective", ["vae", "pagan", "wpagan"], ids=["two networks", "fused", "in phases"])
def test_two_compiled_workers_train_as_two_others(objective: str, dataset: list[str], tmp_path: Path) -> None:
    losses = []
    for xla in ("false", "true"):
        at, logs = addresses(), tmp_path / xla
        logs.mkdir()
        flags = [*dataset, *FLAGS, f"--objective={objective}", f"--xla={xla}", "--train_steps=6", "--summary_every_steps=2"]
        processes = [worker(index, at, [*flags, f"--model_dir={logs}/run"], logs) for index in range(2)]
        try:
            assert [process.wait(BEGINS) for process in processes] == [0, 0], (logs / "0.log").read_text(errors="replace")
        finally:
            for process in processes:
                process.kill()
        assert ("compiled by XLA" in (logs / "0.log").read_text(errors="replace")) == (xla == "true")
        rows = [json.loads(line) for line in (logs / "run/metrics.jsonl").read_text().splitlines()]
        losses.append({(row["step"], tag): value for row in rows for tag, value in row.items() if tag.startswith("loss/")})
    assert len({step for step, _ in losses[0]}) == 3
    assert losses[1] == pytest.approx(losses[0], rel=1e-4, abs=1e-5)
