"""The devices of a run, as a `tf.distribute` strategy, and the role of this process among several workers (TF_CONFIG)."""

import json
import os
import random
import re
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import tensorflow as tf
from absl import logging

from tfpagan.errors import UserError, WorkerLostError, WorkerMissingError, why

KINDS = ("chief", "worker")
"""Kinds of tasks that train; TensorFlow has others, such as evaluator and ps."""
ADDRESS = re.compile(r"(?P<host>[\w.-]+|\[[\da-f:]+\]):(?P<port>\d{1,5})", re.ASCII | re.IGNORECASE)
WAITING_SECONDS = 5.0
"""Between lines that say for which workers this one waits."""
AGAIN_SECONDS = 2.0
"""Within which a worker begins again: if all did at once, each could meet the others' last breath."""
MOST_ON_DEVICE = 2**31
"""Bytes of training images that stay on a GPU unless one says otherwise."""
LOST = (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.CancelledError, tf.errors.DeadlineExceededError)
"""What TensorFlow raises in a collective operation whose other side has gone."""


def strategy(devices: str = "", *, wait: float = 0.0) -> tf.distribute.Strategy:
    """The strategy for a list of devices.

    MultiWorkerMirroredStrategy when the environment variable TF_CONFIG is set; else MirroredStrategy over `devices`, by
    default all GPUs, or the CPU where there is none.

    Args:
      devices: comma-separated, such as 'GPU:0,GPU:1' or 'CPU:0'.
      wait: seconds to wait for other workers; 0: for as long as it takes.

    Raises:
      WorkerMissingError: when another worker does not come.
      UserError: on a device that this machine does not have, listing those that it has.
    """
    if several_workers():
        if devices:
            raise UserError("--devices cannot go with TF_CONFIG: each worker uses all its own GPUs, else its CPU")
        return _several_workers(wait)
    known = [d.name.removeprefix("/device:") for d in tf.config.list_logical_devices() if d.device_type in ("CPU", "GPU")]
    asked = [name.strip().upper() for name in devices.split(",") if name.strip()]
    for name in asked:
        if name not in known:
            raise UserError(f"--devices names {name}, which is not here; this machine has {', '.join(known)}")
    if len(set(asked)) < len(asked):
        raise UserError(f"--devices={devices} names a device twice")
    chosen = asked or [name for name in known if name.startswith("GPU")] or ["CPU:0"]
    return tf.distribute.MirroredStrategy([f"/{name}" for name in chosen])


def compiles(xla: str, strategy: tf.distribute.Strategy, *, waits_in: str = "") -> bool:
    """Whether `--xla` means that XLA compiles the update: auto, on GPUs alone, as it is slower on CPUs.

    Args:
      xla: auto, true or false.
      strategy: whose devices compute.
      waits_in: the flag of what makes replicas wait for each other in the middle of a pass, which XLA cannot compile; "":
        nothing does.

    Raises:
      UserError: when it is asked for and not possible.
    """
    waits = bool(waits_in) and strategy.num_replicas_in_sync > 1
    if xla == "true" and waits:
        raise UserError(f"--xla=true cannot go with {waits_in} and several replicas, whose passes wait for each other")
    return xla == "true" or (xla == "auto" and all_gpus(strategy) and not waits)


def keep_images(choice: str, strategy: tf.distribute.Strategy, size: int, *, xla: bool) -> bool:
    """Whether `--data_on_device` means that training images stay on the devices: auto, on GPUs if they are small enough.

    Args:
      choice: auto, true or false.
      strategy: whose devices compute.
      size: of the images, in bytes.
      xla: whether XLA compiles the update: without it TensorFlow may gather bytes on the CPU.
    """
    return choice == "true" or (choice == "auto" and xla and all_gpus(strategy) and size <= MOST_ON_DEVICE)


def memory_mib(strategy: tf.distribute.Strategy) -> tuple[str, int]:
    """The device with the least memory, and how much: what TensorFlow may take of a GPU, or the machine's."""
    from tensorflow.python.client import device_lib

    if not all_gpus(strategy):
        return "this machine", os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
    limits = {one.name: one.memory_limit for one in device_lib.list_local_devices() if one.device_type == "GPU"}
    name = min(limits, key=lambda name: limits[name])
    return name.removeprefix("/device:"), limits[name] // 2**20


@contextmanager
def running(strategy: tf.distribute.Strategy, *, xla: bool) -> Iterator[None]:
    """Run the loop within the block as it was traced, unless all devices are GPUs.

    On CPUs TensorFlow's graph optimiser takes longer than it saves (docs/performance.md).

    Raises:
      UserError: when XLA cannot compile, as without CUDA's libdevice or ptxas.
    """
    name = "disable_meta_optimizer"
    before = tf.config.optimizer.get_experimental_options().get(name, False)
    tf.config.optimizer.set_experimental_options({name: before or not all_gpus(strategy)})
    try:
        yield
    except tf.errors.OpError as e:
        of_xla = any(word in str(e) for word in ("JIT compilation", "libdevice", "ptxas"))
        if not xla or not of_xla or isinstance(e, tf.errors.ResourceExhaustedError):
            raise
        raise UserError(f"XLA cannot compile the update here ({why(e)}); --xla=false does without it") from None
    finally:
        tf.config.optimizer.set_experimental_options({name: before})


def all_gpus(strategy: tf.distribute.Strategy) -> bool:
    """Whether all devices that compute are GPUs."""
    try:
        devices = strategy.extended.worker_devices
    except RuntimeError:  # TensorFlow's default strategy names none; it computes on the first GPU, if there is one
        return bool(tf.config.list_logical_devices("GPU"))
    return all("GPU" in device for device in devices)


def _several_workers(wait: float) -> tf.distribute.Strategy:
    cluster, kind, index = _task()  # refuses what TensorFlow would ignore, or end with a traceback
    _wait_for_workers(cluster, kind, index, wait)
    try:
        return tf.distribute.MultiWorkerMirroredStrategy()
    except LOST:
        raise  # of a worker that went while this one came
    except (ValueError, RuntimeError, tf.errors.OpError) as e:
        raise UserError(f"TF_CONFIG={os.environ['TF_CONFIG']} cannot be used: {why(e)}") from None


def _wait_for_workers(cluster: dict[str, list[str]], kind: str, index: int, wait: float) -> None:
    """Wait until every other task that trains listens at its address.

    TensorFlow waits too, but says nothing and hears no signal meanwhile. Until it opens this worker's port, a socket of
    ours listens there for the others.

    Raises:
      WorkerMissingError: when one does not within so many seconds, unless they are 0.
    """
    own = cluster[kind][index]
    missing = {name: address for name, address in _addresses(cluster).items() if address != own}
    ipv6 = socket.has_dualstack_ipv6()  # and IPv4 with it
    try:
        here = socket.create_server(
            ("", int(own.rpartition(":")[2])), family=socket.AF_INET6 if ipv6 else socket.AF_INET, dualstack_ipv6=ipv6
        )
    except OSError:
        return  # TensorFlow will say what is wrong with the port
    with here:
        begun = time.monotonic()
        next_line = begun + WAITING_SECONDS
        while missing := {name: address for name, address in missing.items() if not _listens(address)}:
            if wait and time.monotonic() > begun + wait:
                raise WorkerMissingError(f"{' and '.join(missing)} did not come within {wait:g} s (--wait_for_workers)")
            if time.monotonic() > next_line:
                logging.info("%s %d waits for %s", kind, index, " and ".join(missing))
                next_line = time.monotonic() + WAITING_SECONDS
            time.sleep(0.2)


def _listens(address: str) -> bool:
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), 1.0).close()
    except OSError:
        return False
    return True


def several_workers() -> bool:
    """Whether this process is one of several workers."""
    return bool(os.environ.get("TF_CONFIG"))


def is_chief() -> bool:
    """Whether this process writes the run folder: the only worker, the chief, or without a chief the first worker.

    Raises:
      UserError: when TF_CONFIG is not what TensorFlow expects.
    """
    return not several_workers() or place() == 0


def workers() -> list[str]:
    """The tasks that train, by kind, index and address, beginning with the one that writes the run folder."""
    return list(_addresses(_task()[0]))


def place() -> int:
    """The place of this worker among `workers`."""
    cluster, kind, index = _task()
    return list(_addresses(cluster).values()).index(cluster[kind][index])


def _addresses(cluster: dict[str, list[str]]) -> dict[str, str]:
    """The addresses of the tasks that train, by the names in messages."""
    return {f"{kind} {i} at {address}": address for kind in KINDS for i, address in enumerate(cluster.get(kind, ()))}


@tf.function
def sum_over(strategy: tf.distribute.Strategy, value: tf.Tensor) -> tf.Tensor:
    """The sum of the values that all workers give, each of whose replicas gives its own."""
    return strategy.reduce(tf.distribute.ReduceOp.SUM, strategy.run(tf.identity, [value]), axis=None)


@contextmanager
def losing_workers() -> Iterator[None]:
    """Turn what TensorFlow raises when another worker has gone into one line.

    Raises:
      WorkerLostError: naming the worker, if TensorFlow does.
    """
    try:
        yield
    except LOST as e:
        if not several_workers():
            raise
        cluster, kind, index = _task()
        others = {(k, i) for k, addresses in cluster.items() for i in range(len(addresses))} - {(kind, index)}
        named = {(k, int(i)) for k, i in re.findall(r"/job:(\w+)/replica:\d+/task:(\d+)", str(e))} & others
        if not named and len(others) == 1:
            named = others
        gone = [f"{k} {i} at {cluster[k][i]}" for k, i in sorted(named)]
        who = " and ".join(gone) or "another worker"
        aborted = re.search(r"Collective ops is aborted by: (.+)", str(e))  # not always in the first line
        reason = aborted[1][:300] if aborted else why(e)
        raise WorkerLostError(f"{who} is gone ({reason})") from None


def begin_again() -> NoReturn:
    """Replace this process by one of the same command: TensorFlow cannot leave a cluster, or meet again who has left it."""
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    time.sleep(random.uniform(0.0, AGAIN_SECONDS))
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])


def _task() -> tuple[dict[str, list[str]], str, int]:
    """Addresses by kind of task, and the kind and index of this process, from TF_CONFIG."""
    text = os.environ["TF_CONFIG"]
    try:
        setting = json.loads(text)
    except ValueError:
        raise _refused(text, "it is not JSON") from None
    cluster = setting.get("cluster") if isinstance(setting, dict) else None
    task = setting.get("task") if isinstance(setting, dict) else None
    if not isinstance(cluster, dict) or not isinstance(task, dict):
        raise _refused(text, "it must have a cluster and a task")
    for kind, addresses in cluster.items():
        if not isinstance(addresses, list) or not addresses or not all(_is_address(address) for address in addresses):
            raise _refused(text, f"the addresses of {kind} must be a list of host:port, with ports from 1 to 65535")
    if len(cluster.get("chief", [""])) > 1:
        raise _refused(text, "a cluster has one chief")
    every = [address for addresses in cluster.values() for address in addresses]
    if twice := [address for address in every if every.count(address) > 1]:
        raise _refused(text, f"it has the address {twice[0]} twice")
    kind, index = task.get("type"), str(task.get("index"))
    if kind not in KINDS or kind not in cluster:
        raise _refused(text, f"the task's type must be {' or '.join(KINDS)}, and in the cluster")
    if not index.isdecimal() or int(index) >= len(cluster[kind]):
        raise _refused(text, f"the task's index must be from 0 to {len(cluster[kind]) - 1}")
    return cluster, kind, int(index)


def _is_address(address: object) -> bool:
    found = ADDRESS.fullmatch(address) if isinstance(address, str) else None
    return found is not None and 0 < int(found["port"]) < 2**16


def _refused(text: str, reason: str) -> UserError:
    legal = '{"cluster": {"worker": ["host:port", ...]}, "task": {"type": "worker", "index": 0}}'
    return UserError(f"TF_CONFIG={text} cannot be used: {reason}; it must be as {legal}")
