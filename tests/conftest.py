"""Two logical CPUs with one strategy over them for the whole session, no network access, and no failures of AutoGraph."""

import dataclasses
import gc
import logging
import os
import socket
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import pytest
import tensorflow as tf

from tfpagan.settings.sections import DataConfig

CPUS = 2


def pytest_configure(config: pytest.Config) -> None:
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * CPUS)
    # Graphs run as traced, without Grappler: optimising a graph takes as long as tracing it, and each runs only a few times.
    # Commands that tests start in processes of their own do optimise their graphs.
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    tf.random.set_seed(0)  # a run with --deterministic, in any test before, refuses random numbers without a seed


def pytest_collection_finish() -> None:
    """Tracing makes millions of objects that live long: without this Python looks through all of them again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 20)


@pytest.fixture(scope="session")
def two_replicas() -> tf.distribute.MirroredStrategy:
    """The only MirroredStrategy: a second one over virtual CPUs would clash with its collective keys."""
    return tf.distribute.MirroredStrategy([f"/cpu:{i}" for i in range(CPUS)])


@pytest.fixture(scope="session")
def one_device() -> tf.distribute.OneDeviceStrategy:
    return tf.distribute.OneDeviceStrategy("/cpu:0")


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse connections to other machines, so that no test depends on them."""
    connect = socket.socket.connect

    def local_only(self: socket.socket, address: object) -> object:
        host = address[0] if isinstance(address, tuple) else "localhost"
        if host not in ("localhost", "127.0.0.1", "::1"):
            raise OSError(f"tests have no network access; this one tried to connect to {address}")
        return connect(self, address)  # type: ignore[arg-type]

    monkeypatch.setattr(socket.socket, "connect", local_only)


@pytest.fixture(autouse=True)
def autograph_must_not_give_up(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Fail on functions that AutoGraph cannot convert: they run as plain Python, which is at best slow and at worst wrong."""
    tensorflow = logging.getLogger("tensorflow")
    tensorflow.addHandler(caplog.handler)
    yield
    tensorflow.removeHandler(caplog.handler)
    assert "AutoGraph could not transform" not in caplog.text


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., DataConfig]:
    """Files below tmp_path/photos; its value is a function that gives the config of that folder."""

    def folder(files: Mapping[str, bytes], **changes: Any) -> DataConfig:
        for name, data in files.items():
            path = tmp_path / "photos" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        config = DataConfig(dataset=f"folder:{tmp_path}/photos", cache_dir=str(tmp_path / "cache"), image_size=8)
        return dataclasses.replace(config, **changes)

    return folder
