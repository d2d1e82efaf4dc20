"""The devices of a run, as a `tf.distribute` strategy, and the role of this process among several workers (TF_CONFIG)."""

import json
import os

import tensorflow as tf

from tfpagan.errors import UserError


def strategy(devices: str = "", *, xla: bool = False) -> tf.distribute.Strategy:
    """The strategy for a list of devices.

    MultiWorkerMirroredStrategy when the environment variable TF_CONFIG is set; else MirroredStrategy over `devices`, by
    default all GPUs, or the CPU where there is none. With `xla` OneDeviceStrategy: MirroredStrategy puts a
    synchronisation point, which XLA cannot compile, into every update, even with one replica.

    Args:
      devices: comma-separated, such as 'GPU:0,GPU:1' or 'CPU:0'.
      xla: whether the update will be compiled.

    Raises:
      UserError: on a device that this machine does not have, listing those that it has.
    """
    if several_workers():
        if devices or xla:
            raise UserError("--devices and --xla cannot go with TF_CONFIG: each worker uses all its own GPUs, else its CPU")
        return _several_workers()
    known = [d.name.removeprefix("/device:") for d in tf.config.list_logical_devices() if d.device_type in ("CPU", "GPU")]
    asked = [name.strip().upper() for name in devices.split(",") if name.strip()]
    for name in asked:
        if name not in known:
            raise UserError(f"--devices names {name}, which is not here; this machine has {', '.join(known)}")
    if len(set(asked)) < len(asked):
        raise UserError(f"--devices={devices} names a device twice")
    chosen = asked or [name for name in known if name.startswith("GPU")] or ["CPU:0"]
    if xla:
        if len(chosen) > 1:
            raise UserError(f"--xla compiles the update for one device; choose one of {', '.join(chosen)} by --devices")
        return tf.distribute.OneDeviceStrategy(f"/{chosen[0]}")
    return tf.distribute.MirroredStrategy([f"/{name}" for name in chosen])


def _several_workers() -> tf.distribute.Strategy:
    try:
        return tf.distribute.MultiWorkerMirroredStrategy()
    except (ValueError, tf.errors.OpError) as e:
        raise UserError(f"TF_CONFIG={os.environ['TF_CONFIG']} cannot be used: {e}") from None


def several_workers() -> bool:
    """Whether this process is one of several workers."""
    return bool(os.environ.get("TF_CONFIG"))


def is_chief() -> bool:
    """Whether this process writes the run folder: the only worker, the chief, or without a chief the first worker.

    Raises:
      UserError: when TF_CONFIG is not what TensorFlow expects.
    """
    if not several_workers():
        return True
    try:
        setting = json.loads(os.environ["TF_CONFIG"])
        cluster, task = setting["cluster"], setting["task"]
        first = "chief" if "chief" in cluster else "worker"
        return (task["type"], int(task["index"])) == (first, 0)
    except (ValueError, TypeError, KeyError) as e:
        legal = '{"cluster": {"worker": ["host:port", ...]}, "task": {"type": "worker", "index": 0}}'
        raise UserError(f"TF_CONFIG={os.environ['TF_CONFIG']} cannot be used ({e!r}); it must be as {legal}") from None
