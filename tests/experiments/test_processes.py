"""Commands as processes: their ends, their shares of the machine, and that none outlives the program that waits for it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.waiting import waited

from tfpagan import cli
from tfpagan.errors import UserError
from tfpagan.experiments import processes
from tfpagan.experiments.processes import SHARE, LocalProcesses
from tfpagan.run_folder import cpu_time
from tfpagan.run_folder import folder as run_folder

TRAIN = ["train", "--dataset=shapes", "--objective=vae", "--architecture=color_mnist", "--image_size=8", "--channels=8"]
ENDLESS = [*TRAIN, "--train_steps=1000000", "--summary_every_steps=1"]


def never() -> bool:
    return False


@pytest.mark.slow
def test_a_command_ends_with_its_exit_code_and_prints_to_the_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("before\n")
    good = LocalProcesses().run(["sweep", "--help"], log, never)
    bad = LocalProcesses(jobs=2).run(["sweep", "--grad=seed=0"], log, never)
    assert (good.status, good.why, bad.status) == (0, "", 1)
    assert log.read_text().startswith("before\n")
    assert "sweep: error: Unknown command line flag 'grad'" in log.read_text()


def test_a_process_that_is_to_stop_gets_sigterm_however_early() -> None:
    process = subprocess.Popen(["sleep", "60"])
    assert processes.wait(process, lambda: True).status == -signal.SIGTERM


@pytest.mark.slow
def test_a_training_stops_and_saves_when_the_program_that_started_it_is_killed(tmp_path: Path) -> None:
    log, run = tmp_path / "log", tmp_path / "run"
    program = "import sys, pathlib\nfrom tfpagan.experiments.processes import LocalProcesses\n"
    program += "LocalProcesses().run(sys.argv[2:], pathlib.Path(sys.argv[1]), lambda: False)"
    parent = subprocess.Popen([sys.executable, "-c", program, str(log), *ENDLESS, f"--model_dir={run}"])
    assert waited((run / "metrics.jsonl").exists)
    parent.kill()
    parent.wait()
    assert waited(lambda: "resume " in log.read_text())
    assert list((run / "ckpt").glob("ckpt-*.index"))
    first = cpu_time.minutes(run)
    assert first
    assert cli.run("train", [f"--model_dir={run}", f"--train_steps={max(run_folder.steps_in(run / 'ckpt')) + 1}"]) == 0
    both = cpu_time.minutes(run)  # of both processes
    assert both
    assert both > first
    (run / cpu_time.CPU_FILE).write_text("[" * 100_000)
    assert cpu_time.minutes(run) is None
    (run / cpu_time.CPU_FILE).unlink()
    cpu_time.CpuTime(run, begun=True).keep()
    assert cpu_time.minutes(run) is None


def test_the_end_of_a_parent_of_many_threads_is_one_signal() -> None:
    """Linux sends a signal for each of them."""
    program = """
import os, signal
from tfpagan.cli.child import end_with
signal.signal(signal.SIGTERM, lambda *_: print("SIGTERM", flush=True))
end_with(os.getppid(), signal.SIGTERM)
for _ in range(3):
    os.kill(os.getpid(), signal.SIGUSR1)
"""
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert said.stdout == "SIGTERM\n"


@pytest.mark.parametrize(
    ("here", "jobs", "each", "shares"),
    [
        ("0,1,2,3", 2, SHARE, [("0", "1"), ("2", "3")]),
        ("0,1,2,3,4", 2, SHARE, [("0", "1"), ("2", "3")]),  # alike
        ("4,GPU-8a", 3, SHARE, [("4",), ("GPU-8a",), ("4",)]),
        ("0,1", 1, SHARE, [None]),
        ("", 2, SHARE, [None, None]),
        ("-1", 2, SHARE, [None, None]),
        ("0,1,2", 1, 2, [("0", "1")]),
        ("0,1", 2, 0, [(), ()]),
    ],
)
def test_jobs_have_gpus_of_their_own(
    here: str, jobs: int, each: int, shares: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", here)
    assert processes._gpus(jobs, each) == shares


def test_gpus_that_are_not_here_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2")
    with pytest.raises(UserError, match="--gpus_per_run=2 with --jobs=2 needs 4 GPUs, and this machine has 3"):
        LocalProcesses(2, gpus_per_run=2)


def test_gpus_are_those_that_the_driver_lists_and_each_command_sees_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver = tmp_path / "nvidia-smi"
    driver.write_text("#!/bin/sh\nprintf '0\\n1\\n'\n")
    driver.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    seen: list[str] = []

    def start(command: list[str], output: object, **how: dict[str, str]) -> "subprocess.Popen[bytes]":
        seen.append(how["environment"]["CUDA_VISIBLE_DEVICES"])
        return subprocess.Popen(["true"])

    monkeypatch.setattr(processes, "start", start)
    two = LocalProcesses(2)
    for _ in range(2):
        two.run([], tmp_path / "log", never)
    assert seen == ["0", "1"]
