"""Images per second of the ways to compute gradients, measured in turn in one process, and memory growth."""

import dataclasses
import gc
import os
import statistics
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from tfpagan import data
from tfpagan.config import Config
from tfpagan.objectives.pagan import PAGAN
from tfpagan.training import devices
from tfpagan.training.trainer import Trainer

ROUND_SECONDS = 6.0
IMAGE_SHAPE = (32, 32, 3)


class TwoPhasePAGAN(PAGAN):
    """PAGAN with the usual alternation: discriminators, then generator and encoder after a fresh forward pass."""

    @property
    def phases(self) -> tuple[tuple[str, ...], ...]:
        makers = ("generator", "encoder")
        return tuple(p for p in self.players if p not in makers), makers


WAYS = {"two-phase": ("simultaneous", TwoPhasePAGAN()), "simultaneous": ("simultaneous", PAGAN()), "fused": ("fused", PAGAN())}


@dataclasses.dataclass(frozen=True)
class Speed:
    """Images per second of every way, one number per round, at one width and batch size."""

    channels: int
    batch_size: int
    images_per_second: dict[str, list[float]]

    def median(self, way: str) -> float:
        """Median over the rounds."""
        return statistics.median(self.images_per_second[way])

    def ratio(self, way: str) -> float:
        """Ratio to the two-phase step: the median over rounds of the ratio within a round."""
        pairs = zip(self.images_per_second[way], self.images_per_second["two-phase"], strict=True)
        return statistics.median(speed / base for speed, base in pairs)


def speed(channels: int, batch_size: int, rounds: int) -> Speed:
    """Measure every way in turn, `rounds` times; an update of every player counts as one batch of images."""
    strategy = devices.strategy()
    runs = {way: _trainer(channels, batch_size, way, strategy) for way in WAYS}
    steps = {}
    for way, (trainer, batches) in runs.items():
        trainer.advance(batches, 2)
        steps[way] = max(1, round(ROUND_SECONDS / _seconds(trainer, batches, 2) * 2))
    results: dict[str, list[float]] = {way: [] for way in WAYS}
    for _ in range(rounds):
        for way, (trainer, batches) in runs.items():
            results[way].append(steps[way] * batch_size / _seconds(trainer, batches, steps[way]))
    return Speed(channels, batch_size, results)


def memory_mib(channels: int, batch_size: int, steps: int) -> tuple[float, float]:
    """Resident memory after a tenth of the steps, and after `steps` more, of the fused step."""
    trainer, batches = _trainer(channels, batch_size, "fused", devices.strategy())
    part = max(1, steps // 10)
    trainer.advance(batches, part)
    before = _resident_mib()
    for done in range(0, steps, part):  # in several calls, as in a run
        trainer.advance(batches, min(part, steps - done))
    return before, _resident_mib()


def table(speeds: Sequence[Speed]) -> str:
    """The speeds as readable rows."""
    rows = [f"{'channels':>8} {'batch':>6} {'way':<14} {'images/s':>9} {'min':>8} {'max':>8} {'to two-phase':>13}"]
    for s in speeds:
        for way, values in s.images_per_second.items():
            numbers = f"{s.median(way):9.1f} {min(values):8.1f} {max(values):8.1f} {s.ratio(way):13.3f}"
            rows.append(f"{s.channels:8d} {s.batch_size:6d} {way:<14} {numbers}")
    return "\n".join(rows)


def _trainer(channels: int, batch_size: int, way: str, strategy: tf.distribute.Strategy) -> tuple[Trainer, Iterator[tf.Tensor]]:
    mode, objective = WAYS[way]
    config = Config().with_changes({"channels": channels, "batch_size": batch_size, "gradients": mode})
    trainer = Trainer(config=dataclasses.replace(config, objective=objective), image_shape=IMAGE_SHAPE, strategy=strategy)
    noise = np.random.default_rng(0).integers(0, 256, (batch_size, *IMAGE_SHAPE), np.uint8)
    return trainer, iter(data.repeated(noise))


def _seconds(trainer: Trainer, batches: Iterator[tf.Tensor], steps: int) -> float:
    begun = time.monotonic()
    trainer.advance(batches, steps)
    return time.monotonic() - begun


def _resident_mib() -> float:
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
