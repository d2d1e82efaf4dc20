"""Which of several workers this process is, as the environment variable TF_CONFIG says; needs no TensorFlow."""

import json
import os

from tfpagan.errors import UserError


def several_workers() -> bool:
    """Whether this process is one of several that train together."""
    return bool(os.environ.get("TF_CONFIG"))


def is_chief() -> bool:
    """Whether this process writes the run folder: the only one, or the chief, or without a chief the first worker.

    Raises:
      UserError: when TF_CONFIG is set and is not what TensorFlow expects.
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
