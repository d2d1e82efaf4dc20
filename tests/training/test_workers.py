"""Several workers: who writes, and two real processes that train as one."""

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
import tensorflow as tf

from tfpagan import cli
from tfpagan.errors import UserError, WorkerLostError, WorkerMissingError
from tfpagan.training import agreement, devices
from tfpagan.version import __version__


def tf_config(ports: list[int], index: int, kind: str = "worker") -> str:
    return json.dumps({"cluster": {"worker": [f"localhost:{port}" for port in ports]}, "task": {"type": kind, "index": index}})


def test_the_first_worker_writes_and_without_workers_everybody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TF_CONFIG", raising=False)
    assert devices.is_chief()
    for index, chief in ((0, True), (1, False)):
        monkeypatch.setenv("TF_CONFIG", tf_config([1, 2], index))
        assert devices.is_chief() == chief
    with_chief = {"cluster": {"chief": ["a:1"], "worker": ["b:1"]}, "task": {"type": "worker", "index": 0}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(with_chief))
    assert not devices.is_chief()


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ("{", "it is not JSON"),
        ("[]", "it must have a cluster and a task"),
        ("{}", "it must have a cluster and a task"),
        ('{"cluster": {"worker": []}, "task": 3}', "it must have a cluster and a task"),
        ('{"cluster": [], "task": {}}', "it must have a cluster and a task"),
        (
            '{"cluster": {"worker": "localhost:1"}, "task": {"type": "worker", "index": 0}}',
            "addresses of worker must be a list",
        ),
        (tf_config([0], 0), "with ports from 1 to 65535"),
        (tf_config([99999], 0), "with ports from 1 to 65535"),
        (tf_config([1], 0).replace(":1", ""), "must be a list of host:port"),
        (tf_config([1], 0).replace("localhost", "http://localhost"), "must be a list of host:port"),
        ('{"cluster": {"chief": ["a:1", "a:2"], "worker": ["a:3"]}, "task": {"type": "worker", "index": 0}}', "has one chief"),
        (tf_config([1, 1], 0), "it has the address localhost:1 twice"),
        (tf_config([1, 2], 2), "index must be from 0 to 1"),
        (tf_config([1, 2], -1), "index must be from 0 to 1"),
        (tf_config([1, 2], 0).replace('"index": 0', '"index": null'), "index must be from 0 to 1"),
        ('{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker"}}', "index must be from 0 to 0"),
        (tf_config([1], 0, "chief"), "type must be chief or worker, and in the cluster"),
        (tf_config([1], 0, "evaluator"), "type must be chief or worker"),
        (tf_config([1], 0, "ps"), "type must be chief or worker"),
    ],
)
def test_a_tf_config_that_cannot_be_used_is_shown_beside_a_right_one(
    wrong: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TF_CONFIG", wrong)
    for ask in (devices.is_chief, devices.strategy):
        with pytest.raises(UserError, match=rf"cannot be used: .*{reason}.*; it must be as"):
            ask()


@pytest.mark.parametrize(
    ("asked", "message"),
    [("GPU:3", "GPU:3, which is not here; this machine has CPU:0, CPU:1"), ("CPU:0,CPU:0", "names a device twice")],
)
def test_devices_that_are_not_here_are_refused(asked: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        devices.strategy(asked)


def strategy_on(used: list[str]) -> mock.Mock:
    """What is asked of a strategy on devices that need not be here."""
    return mock.Mock(extended=mock.Mock(worker_devices=used), num_replicas_in_sync=len(used))


def test_one_device_gets_a_mirrored_strategy() -> None:
    assert isinstance(devices.strategy("cpu:0"), tf.distribute.MirroredStrategy)


@pytest.mark.parametrize(
    ("xla", "kinds", "sync", "compiles"),
    [
        ("auto", ("CPU",), False, False),
        ("auto", ("GPU",), False, True),
        ("auto", ("GPU", "GPU"), False, True),
        ("auto", ("GPU", "CPU"), False, False),
        ("auto", ("GPU", "GPU"), True, False),
        ("auto", ("GPU",), True, True),
        ("true", ("CPU", "CPU"), False, True),
        ("true", ("CPU",), True, True),
        ("false", ("GPU",), False, False),
    ],
)
def test_xla_compiles_on_gpus_unless_one_says_otherwise(xla: str, kinds: tuple[str, ...], sync: bool, compiles: bool) -> None:
    used = [f"/replica:0/task:0/device:{kind}:{i}" for i, kind in enumerate(kinds)]
    strategy = strategy_on(used)
    assert devices.compiles(xla, strategy, waits_in="--sync_batch_norm" if sync else "") == compiles


@pytest.mark.parametrize("gpus", [[], ["GPU:0"]])
def test_the_default_strategy_computes_on_the_first_gpu(gpus: list[str]) -> None:
    with mock.patch.object(tf.config, "list_logical_devices", return_value=gpus):
        assert devices.compiles("auto", tf.distribute.get_strategy()) == bool(gpus)


@pytest.mark.parametrize(
    ("choice", "kind", "xla", "size", "kept"),
    [
        ("auto", "GPU", True, 2**31, True),
        ("auto", "GPU", True, 2**31 + 1, False),
        ("auto", "GPU", False, 1, False),
        ("auto", "CPU", True, 1, False),
        ("true", "CPU", False, 2**40, True),
        ("false", "GPU", True, 1, False),
    ],
)
def test_small_images_stay_on_gpus(choice: str, kind: str, xla: bool, size: int, kept: bool) -> None:
    assert devices.keep_images(choice, strategy_on([f"/device:{kind}:0"]), size, xla=xla) == kept


def test_xla_does_not_compile_passes_that_wait_for_each_other(two_replicas: tf.distribute.Strategy) -> None:
    assert devices.compiles("true", two_replicas)
    with pytest.raises(UserError, match="--xla=true cannot go with --sync_batch_norm and several replicas"):
        devices.compiles("true", two_replicas, waits_in="--sync_batch_norm")


@pytest.mark.parametrize(
    ("ports", "raised", "message"),
    [
        ([1, 2], "Collective ops is aborted by: reset", r"^worker 1 at localhost:2 is gone \(reset\)"),
        ([1, 2, 3], "Graph execution error:\n\nCollective ops is aborted by: reset", r"^another worker is gone \(reset\)"),
        ([1, 2, 3], "from /job:worker/replica:0/task:2: no answer", r"^worker 2 at localhost:3 is gone \(from .* no answer\)"),
    ],
)
def test_a_lost_worker_is_named_when_it_is_known(
    ports: list[int], raised: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TF_CONFIG", tf_config(ports, 0))
    with pytest.raises(WorkerLostError, match=message), devices.losing_workers():
        raise tf.errors.UnavailableError(None, None, raised)


def test_a_worker_waits_for_those_that_train_and_says_for_which(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """An evaluator never listens; a worker at an IPv6 address is reached too, and this one is while it waits."""
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as other, socket.socket() as free:
        free.bind(("localhost", 0))
        own = f"localhost:{free.getsockname()[1]}"
        free.close()
        late = f"[::1]:{other.getsockname()[1]}"
        asked: list[str] = []

        def listens(address: str) -> bool:
            asked.append(address)
            assert original(own)
            return len(asked) > 2 and original(address)

        original = devices._listens
        monkeypatch.setattr(devices, "_listens", listens)
        monkeypatch.setattr(devices, "WAITING_SECONDS", 0.0)
        with caplog.at_level("INFO"):
            devices._wait_for_workers({"worker": [own, late], "evaluator": ["localhost:1"]}, "worker", 0, 0.0)
    assert asked == [late] * 3
    assert f"worker 0 waits for worker 1 at {late}" in caplog.text


def test_a_worker_that_does_not_come_is_waited_for_no_longer_than_asked() -> None:
    with socket.socket() as one, socket.socket() as two:
        one.bind(("localhost", 0)), two.bind(("localhost", 0))
        at = [f"localhost:{s.getsockname()[1]}" for s in (one, two)]
    begun = time.monotonic()
    with pytest.raises(WorkerMissingError, match=rf"worker 1 at {at[1]} did not come within 0.3 s \(--wait_for_workers\)"):
        devices._wait_for_workers({"worker": at}, "worker", 0, 0.3)
    assert 0.3 <= time.monotonic() - begun < 5.0


@pytest.mark.parametrize("wait", [0, 9])
def test_a_worker_that_lost_another_begins_again_or_ends(
    wait: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def lose(*_: object) -> None:
        raise WorkerLostError("worker 1 is gone")

    begun: list[bool] = []
    monkeypatch.setattr("tfpagan.training.loop.train", lose)
    monkeypatch.setattr(devices, "begin_again", lambda: begun.append(True) or sys.exit(0))
    argv = ["--dataset=shapes", f"--wait_for_workers={wait}", f"--model_dir={tmp_path}/run"]
    if wait:
        with pytest.raises(SystemExit):
            cli.run("train", argv)
        assert begun
    else:
        assert cli.run("train", argv) == 75
        assert "worker 1 is gone; start all workers again to go on from the last checkpoint" in capsys.readouterr().err


def pictures(folder: Path, count: int, px: int, seed: int = 0) -> Path:
    folder.mkdir()
    for i in range(count):
        picture = np.random.default_rng([seed, i]).integers(0, 256, [px, px, 3]).astype(np.uint8)
        (folder / f"{i:02d}.png").write_bytes(tf.io.encode_png(picture).numpy())
    return folder


def two_workers(
    *command: str, of_second: Sequence[str] = (), at: Sequence[Path | None] = (None, None), code: int = 0
) -> list[tuple[str, str]]:
    """What two worker processes of a command print, as text and messages; the second has further flags, and each its folder."""
    with socket.socket() as one, socket.socket() as two:
        one.bind(("localhost", 0)), two.bind(("localhost", 0))
        ports = [one.getsockname()[1], two.getsockname()[1]]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    workers = [
        subprocess.Popen(
            [sys.executable, "-m", "tfpagan.cli", *command, *further],
            env=os.environ | {"TF_CONFIG": tf_config(ports, i)},
            cwd=at[i],
            **pipes,
        )
        for i, further in enumerate([(), of_second])
    ]
    said = [worker.communicate(timeout=300) for worker in workers]
    assert [worker.returncode for worker in workers] == [code, code], said
    return said


@pytest.mark.slow
def test_two_worker_processes_score_as_one_and_the_chief_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Also where the last batch does not divide among them, and whatever is in the cache of one."""
    real, fake = pictures(tmp_path / "real", 33, 32), pictures(tmp_path / "fake", 33, 32, seed=1)
    command = [f"--real={real}", f"--fake={fake}", "--classifier=shapes", "--metrics=is,fid,kid,rid,rmse", "--batch_size=8"]
    command += ["--json", f"--cache_dir={tmp_path}/cache", "--splits=2"]
    assert cli.run("evaluate", command) == 0
    expected = json.loads(capsys.readouterr().out)
    (chief, _), (other, _) = two_workers("evaluate", *command, f"--output={tmp_path}/scores")
    assert other == ""
    found = json.loads(chief)
    assert found["protocol"] == expected["protocol"]
    missing = {"kernel_classifier_distance_error"}  # of one block of images
    assert {key for key, value in found["metrics"].items() if value is None} == missing
    for key in found["metrics"].keys() - missing:
        assert found["metrics"][key] == pytest.approx(expected["metrics"][key], rel=1e-5), key
    assert len((tmp_path / "scores/scores.csv").read_text().splitlines()) == 2


@pytest.mark.slow
def test_two_worker_processes_with_other_settings_both_say_which(tmp_path: Path) -> None:
    """Each may have its own caches; otherwise they would train on, with weights that move apart."""
    argv = ["--dataset=shapes", "--objective=vae", "--learning_rate=0.001", f"--model_dir={tmp_path}/run"]
    second = ["--learning_rate=0.002", "--train_steps=7", f"--cache_dir={tmp_path}/cache"]
    for _, said in two_workers("train", *argv, of_second=second, code=1):
        (line,) = [line for line in said.splitlines() if line.startswith("train: error: ")]
        assert re.fullmatch(
            r"train: error: worker 1 at localhost:\d+ differs from worker 0 at localhost:\d+, where all must be alike: "
            r"--train_steps is 7, not 100000; --learning_rate is 0.002, not 0.001",
            line,
        ), line
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_two_worker_processes_with_other_images_at_the_same_path_both_say_so(tmp_path: Path) -> None:
    """Each classifies a share of all images: the scores would be of images from both."""
    real = pictures(tmp_path / "real", 9, 32)
    folders = [tmp_path / "one", tmp_path / "two"]
    for seed, folder in enumerate(folders):
        folder.mkdir()
        pictures(folder / "fake", 9, 32, seed=seed)
    argv = [f"--real={real}", "--fake=fake", "--classifier=shapes", "--metrics=fid", f"--cache_dir={tmp_path}/cache"]
    for text, said in two_workers("evaluate", *argv, at=folders, code=1):
        (line,) = [line for line in said.splitlines() if line.startswith("evaluate: error: ")]
        assert re.search(r"worker 1 at .* must be alike: the checksum of --fake is \w{16}, not \w{16}$", line), line
        assert text == ""


def test_workers_are_alike_in_everything_or_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second of three workers, each of which has two replicas."""
    texts = [json.dumps({"tfpagan": __version__, "TensorFlow": tf.__version__, "step": step, "of": "é"}) for step in (0, 0, 90)]
    monkeypatch.setenv("TF_CONFIG", tf_config([1, 2, 3], 1))

    def sum_over(_: object, own: tf.Tensor) -> tf.Tensor:
        all_rows = np.zeros(own.shape)
        for i, text in enumerate(texts):
            numbers = [len(text.encode())] if own.shape[1] == 2 else text.encode().ljust(own.shape[1] - 1, b"\0")
            all_rows[i] = [2, *(2 * n for n in numbers)]
        np.testing.assert_array_equal(2 * own[1], all_rows[1])  # what this worker gives
        assert not np.any(own.numpy()[[0, 2]])
        return tf.constant(all_rows)

    monkeypatch.setattr(devices, "sum_over", sum_over)
    workers = mock.Mock(spec=tf.distribute.MultiWorkerMirroredStrategy)
    with pytest.raises(UserError, match=r"worker 2 at localhost:3 differs from worker 0 at localhost:1.*: step is 90, not 0$"):
        agreement.require(workers, {"step": 0, "of": "é"})
    texts[2] = texts[0]
    agreement.require(workers, {"step": lambda: 0, "of": "é"})


def test_nothing_is_found_out_for_one_worker(one_device: tf.distribute.Strategy) -> None:
    agreement.require(one_device, {"what takes time": lambda: pytest.fail("it was found out")})


def test_the_checksum_of_contents_is_of_names_and_bytes_and_not_of_the_place(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name / "in").mkdir(parents=True)
        (tmp_path / name / "in/file").write_text("x")
    one = agreement.contents(tmp_path / "a")
    assert agreement.contents(tmp_path / "b") == one
    assert agreement.contents(tmp_path / "a/in/file") == agreement.contents(tmp_path / "b/in/file") != one
    (tmp_path / "b/in/file").rename(tmp_path / "b/in/other")
    assert agreement.contents(tmp_path / "b") != one
    (tmp_path / "b/in/other").rename(tmp_path / "b/in/file")
    (tmp_path / "b/in/file").write_text("y")
    assert agreement.contents(tmp_path / "b") != one
    with pytest.raises(UserError, match=r"/c cannot be read: No such file"):
        agreement.contents(tmp_path / "c")


@pytest.mark.slow
def test_two_worker_processes_train_as_one_and_the_chief_keeps_the_files(tmp_path: Path) -> None:
    folder = pictures(tmp_path / "images", 20, 8)
    argv = [f"--dataset=folder:{folder}", "--image_size=8", "--batch_size=4", "--sync_batch_norm"]
    argv += ["--objective=vae", "--architecture=color_mnist", "--channels=8"]  # two networks, both with batch norm
    argv += ["--train_steps=2", f"--cache_dir={tmp_path}/cache"]
    (closing, chief), (nothing, other) = two_workers("train", *argv, f"--model_dir={tmp_path}/run")
    assert "batch 4 on 2 replica(s)" in chief
    assert "batch 4 on 2 replica(s)" in other
    assert ("ckpt-2" in closing, nothing) == (True, "")
    (line,) = (tmp_path / "run/metrics.jsonl").read_text().splitlines()
    assert cli.run("train", [*argv, f"--model_dir={tmp_path}/alone"]) == 0
    expected = json.loads((tmp_path / "alone/metrics.jsonl").read_text())
    for tag, value in json.loads(line).items():
        if tag.startswith(("loss/", "latent/")):
            assert value == pytest.approx(expected[tag], rel=2e-3), tag
    assert tf.train.latest_checkpoint(f"{tmp_path}/run/ckpt") == f"{tmp_path}/run/ckpt/ckpt-2"
