"""Commands on a Ray cluster, a real one of this machine: killed workers, stopped commands, clusters that do not fit."""

import os
import platform
import signal
import socketserver
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import ray
import tensorflow as tf
from helpers.waiting import waited

from tfpagan import cli
from tfpagan.errors import UserError
from tfpagan.experiments import ray_tasks
from tfpagan.experiments.processes import SHARE, Ended, LocalProcesses
from tfpagan.experiments.ray_tasks import RayTasks
from tfpagan.version import __version__

TRAIN = [
    *("train", "--dataset=shapes", "--objective=vae", "--architecture=color_mnist", "--image_size=8", "--channels=8"),
    *("--deterministic", "--summary_every_steps=1", "--save_every_steps=20"),
]


@pytest.fixture(scope="module")
def cluster() -> Iterator[RayTasks]:
    """A cluster of its own, whatever else runs here."""
    before, os.environ["RAY_ADDRESS"] = os.environ.get("RAY_ADDRESS"), "local"
    # As in the background of a shell, or by nohup: the workers inherit that Ctrl-C is ignored.
    on_interrupt = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        made = RayTasks("ray")
        signal.signal(signal.SIGINT, on_interrupt)
        yield made
    finally:
        ray.shutdown()
        del os.environ["RAY_ADDRESS"]
        if before is not None:
            os.environ["RAY_ADDRESS"] = before


class Killing:
    """Says that a command is not to stop; kills the Ray worker of the run once it has saved a checkpoint."""

    def __init__(self, run: Path):
        self.run, self.killed = run, 0

    def __call__(self) -> bool:
        if not self.killed and list((self.run / "ckpt").glob("ckpt-*.index")):
            ours = [pid for pid in map(int, filter(str.isdecimal, os.listdir("/proc"))) if f"{self.run}" in arguments(pid)]
            (self.killed,) = {parent(pid) for pid in ours}
            assert "ray::" in arguments(self.killed)
            os.kill(self.killed, signal.SIGKILL)
        return False


def arguments(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""


def parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def weights(run: Path, step: int) -> dict[str, np.ndarray]:
    reader = tf.train.load_checkpoint(str(run / f"ckpt/ckpt-{step}"))
    names = [name for name in reader.get_variable_to_shape_map() if "OBJECT_GRAPH" not in name and "save_counter" not in name]
    return {name: reader.get_tensor(name) for name in names}


@pytest.mark.slow
def test_a_run_whose_worker_is_killed_ends_like_one_on_this_machine(cluster: RayTasks, tmp_path: Path) -> None:
    on_ray, here = tmp_path / "on_ray", tmp_path / "here"
    killing, many = Killing(on_ray), [*TRAIN, "--train_steps=100"]
    on_ray.mkdir()
    ended = cluster.run([*many, f"--model_dir={on_ray}"], on_ray / "log", killing)
    assert (ended.status, ended.why) == (0, "")
    assert killing.killed
    assert "resuming with the configuration of" in (on_ray / "log").read_text()
    assert LocalProcesses().run([*many, f"--model_dir={here}"], tmp_path / "log", lambda: False).status == 0
    ours, theirs = weights(on_ray, 100), weights(here, 100)
    assert len(ours) > 20
    assert set(ours) == set(theirs)
    assert [name for name in ours if not np.array_equal(ours[name], theirs[name])] == []


@pytest.mark.slow
def test_a_stopped_command_saves_and_one_that_has_not_begun_never_does(cluster: RayTasks, tmp_path: Path) -> None:
    run, late = tmp_path / "run", tmp_path / "late"
    run.mkdir(), late.mkdir()
    ends: dict[str, Ended] = {}

    def train(folder: Path) -> None:
        begun = (run / "metrics.jsonl").exists
        ends[folder.name] = cluster.run([*TRAIN, "--train_steps=1000000", f"--model_dir={folder}"], folder / "log", begun)

    first = threading.Thread(target=train, args=[run])
    first.start()
    assert waited((run / "log").exists)  # until then the cluster's cores are free
    train(late)
    first.join()
    assert ends["run"].status == 128 + signal.SIGTERM
    assert list((run / "ckpt").glob("ckpt-*.index"))
    assert ends["late"] == Ended(-signal.SIGTERM)
    assert not (late / "log").exists()


@pytest.mark.slow
def test_what_a_machine_of_the_cluster_lacks_is_said(
    cluster: RayTasks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = cluster.run(["train"], tmp_path / "nowhere" / "log", lambda: False)
    assert ended.status == 1
    assert f"does not see {tmp_path}/nowhere: it must be on a file system that all machines of the cluster share" in ended.why
    monkeypatch.setattr(ray_tasks, "__version__", "99")
    other = cluster.run(["train"], tmp_path / "log", lambda: False)
    assert other.why.endswith(f"has tfpagan {__version__}, and the machine of the command 99")
    with pytest.raises(UserError, match="--gpus_per_run=100, and no machine of the cluster has more than"):
        RayTasks("ray", gpus_per_run=100)


def test_a_command_gets_its_share_of_the_smallest_machine_that_can_run_it() -> None:
    big, small, head = {"CPU": 32, "GPU": 8}, {"CPU": 8, "GPU": 2}, {"CPU": 64}
    assert ray_tasks._resources([big, small, head], 1, SHARE) == (8, 2)
    assert ray_tasks._resources([big, small, head], 4, SHARE) == (2, 0.25)
    assert ray_tasks._resources([big, small, head], 1, 4) == (32, 4)
    assert ray_tasks._resources([big, small, head], 1, 0) == (8, 0)
    assert ray_tasks._resources([head, {}], 128, SHARE) == (1, 0)
    with pytest.raises(UserError, match="no machine of the cluster has cores"):
        ray_tasks._resources([{"memory": 1}], 1, SHARE)


@pytest.mark.parametrize(
    "address", ["local", "localhost:6379", "ray://", "ray://host", "ray://host:port", "ray://host:65536", "rays", "http://a:1"]
)
def test_addresses_that_are_none_are_refused(address: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run("sweep", ["--grid=seed=0,1", "--dataset=shapes", f"--cluster={address}"]) == 1
    said = capsys.readouterr().err
    assert f"--cluster={address} is not legal: it must be ray or ray://HOST:PORT" in said


def test_a_cluster_that_is_not_there_is_said_at_once(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    flags = ["--grid=seed=0,1", "--dataset=shapes"]
    assert cli.run("sweep", [*flags, "--cluster=ray://localhost:1"]) == 1
    assert "the Ray cluster at ray://localhost:1 does not answer" in capsys.readouterr().err
    monkeypatch.setenv("RAY_ADDRESS", "localhost:1")
    assert cli.run("sweep", [*flags, "--cluster=ray"]) == 1
    assert "the Ray cluster at localhost:1 does not answer" in capsys.readouterr().err


@pytest.mark.slow
def test_a_cluster_that_is_gone_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr(ray_tasks, "CURRENT", tmp_path / "ray_current_cluster")
    monkeypatch.setattr(ray_tasks, "HEALTHY", 3.0)
    assert ray_tasks._running() == "local"
    ray_tasks.CURRENT.write_text("localhost:1\n")
    assert ray_tasks._running() == "local"
    with socketserver.ThreadingTCPServer(("localhost", 0), socketserver.BaseRequestHandler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        ray_tasks.CURRENT.write_text(f"localhost:{server.server_address[1]}")
        assert ray_tasks._running() == "local"
        monkeypatch.setenv("RAY_ADDRESS", f"localhost:{server.server_address[1]}")
        with pytest.raises(UserError, match="is no Ray cluster that can be used: no answer within 3 s"):
            ray_tasks._running()
        server.shutdown()


def test_a_cluster_of_another_version_is_said_by_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """What Ray 2.60 said of clusters of Ray 2.53 and 2.43."""
    other = "RuntimeError: Ray version mismatch: cluster has Ray version 2.53.0 but local Ray version is 2.60.0"
    script = f"print('Traceback (most recent call last):'); import sys; sys.exit('{other}')"
    run = subprocess.run
    monkeypatch.setattr(subprocess, "run", lambda _, **kwargs: run([sys.executable, "-c", script], **kwargs))
    with pytest.raises(UserError, match=f"localhost:1 is no Ray cluster that can be used: {other} "):
        ray_tasks._require_healthy("localhost:1")

    def init(*_: object, **__: object) -> None:
        raise ConnectionAbortedError(
            "Initialization failure from server:\nTraceback (most recent call last):\n"
            '  File "proxier.py", line 714, in Datapath\n'
            "    raise RuntimeError(\nRuntimeError: Starting Ray client server failed."
        )

    monkeypatch.setattr("ray.init", init)
    listening = socketserver.TCPServer(("localhost", 0), socketserver.BaseRequestHandler)
    with listening, pytest.raises(UserError) as refused:
        ray_tasks._connected(f"ray://localhost:{listening.server_address[1]}")
    assert "used: Initialization failure from server: RuntimeError: Starting Ray client server failed. (" in str(refused.value)
    assert f"here Ray {ray.__version__}, Python {platform.python_version()}, as the" in str(refused.value)


@pytest.mark.slow
def test_a_server_that_is_no_cluster_is_said(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ray.util.client.worker.INITIAL_TIMEOUT_SEC", 0.5)
    monkeypatch.setattr("ray.util.client.worker.backoff", lambda seconds: seconds)
    with socketserver.ThreadingTCPServer(("localhost", 0), socketserver.BaseRequestHandler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"ray://localhost:{server.server_address[1]}"
        assert cli.run("sweep", ["--grid=seed=0,1", "--dataset=shapes", f"--cluster={address}"]) == 1
        server.shutdown()
    said = capsys.readouterr().err.strip()
    assert f"--cluster={address} cannot be used" in said
    assert "RAY_AUTH_MODE=token" in said
    assert "\n" not in said
