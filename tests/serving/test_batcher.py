"""Requests that wait are joined, and each gets its own answer."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from helpers.serving import HANGS
from helpers.waiting import waited

from tfpagan.serving.batcher import Batcher
from tfpagan.serving.errors import RequestError


def test_requests_that_wait_are_joined_and_each_gets_its_own() -> None:
    calls: list[int] = []
    begun, go = threading.Event(), threading.Event()

    def run(signature: str, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        begun.set()
        assert go.wait(HANGS)
        calls.append(len(inputs["x"]))
        return {"y": 2 * inputs["x"]}

    batcher = Batcher(run, lambda signature: signature == "rows", max_rows=6)
    with ThreadPoolExecutor(8) as pool:
        first = pool.submit(batcher, "rows", {"x": np.array([0])})
        assert begun.wait(HANGS)
        others = []
        for i in range(1, 6):  # in this order
            others.append(pool.submit(batcher, "rows", {"x": np.arange(2) + 10 * i}))
            assert waited(lambda count=i: len(batcher._waiting) >= count)
        go.set()
        assert first.result()["y"].tolist() == [0]
        assert [f.result()["y"].tolist() for f in others] == [[20 * i, 20 * i + 2] for i in range(1, 6)]
    batcher.close()
    assert calls == [1, 6, 4]
    with pytest.raises(RequestError, match="shutting down"):
        batcher("rows", {"x": np.array([0])})


def test_nobody_answers_for_anothers_mistake() -> None:
    begun, go = threading.Event(), threading.Event()

    def run(signature: str, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        begun.set()
        assert go.wait(HANGS)
        if (inputs["x"] < 0).any():
            raise RequestError("negative")
        return {"y": inputs["x"]}

    batcher = Batcher(run, lambda signature: True, max_rows=100)
    with ThreadPoolExecutor(8) as pool:
        first = pool.submit(batcher, "rows", {"x": np.array([0])})
        assert begun.wait(HANGS)
        good, bad, fine = (pool.submit(batcher, "rows", {"x": np.array([i])}) for i in (1, -1, 2))
        go.set()
        assert [f.result()["y"].tolist() for f in (first, good, fine)] == [[0], [1], [2]]
        with pytest.raises(RequestError, match="negative"):
            bad.result()
    batcher.close()
