"""Benchmarks: speed of an evaluation relative to tf-gan's functions, peak memory, and time of a Frechet distance."""

import dataclasses
import multiprocessing
import os
import resource
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tfpagan.evaluation.classifiers import vgg
from tfpagan.evaluation.classifiers.classifier import Classifier
from tfpagan.evaluation.classifiers.features import FeatureExtractor
from tfpagan.evaluation.classifiers.mixed_precision import has_bfloat16
from tfpagan.evaluation.images import ArrayImages, GeneratedImages
from tfpagan.evaluation.metrics.fid import frechet_distance
from tfpagan.evaluation.pairs import Pairs
from tfpagan.evaluation.protocols import Protocol
from tfpagan.evaluation.scorer import Scorer
from tfpagan.evaluation.statistics import Moments
from tfpagan.evaluation.subjects import Subject, of_networks
from tfpagan.evaluation.tf_gan import classifier_metrics as tfgan

PX, BATCH = 32, 100
METRICS = ("is", "fid", "rid")


@dataclasses.dataclass(frozen=True)
class Speed:
    """Seconds per round for all metrics, on the same images and with the same classifier.

    Attributes:
      images: of each kind.
      seconds: by way: `first`, an evaluation that nothing is known for; `later`, one that has the reference and the test
        images' logits in the cache; `later_in_bfloat16`, likewise, where the CPU has that; `tf_gans`, tf-gan's functions in
        turn, which keep nothing.
    """

    images: int
    seconds: Mapping[str, Sequence[float]]

    def ratio(self, way: str) -> float:
        """How many times faster a way is than tf-gan's: the median over rounds."""
        return float(np.median(np.array(self.seconds["tf_gans"]) / np.array(self.seconds[way])))


def speed(images: int, rounds: int, channels: int = 32) -> Speed:
    """Time IS, FID and RID of `images` samples, reference images and test images, with a classifier of random weights."""
    classifier = _classifier(channels)
    real, fake, x, x_rec = (_images(images, seed) for seed in range(4))
    subject = Subject("bench", lambda count, seed: ArrayImages(fake), lambda x, code, seed: Pairs(x, ArrayImages(x_rec)))
    protocol = Protocol(metrics=METRICS, samples=images)

    def ours(cache: str, network: Classifier = classifier) -> None:
        test, reference = ArrayImages(x), ArrayImages(real)
        options: dict[str, Any] = {"test": test, "reference": reference, "batch_size": BATCH, "cache_dir": Path(cache)}
        Scorer(protocol, classifier=network, **options).score(subject)

    def first() -> None:
        with tempfile.TemporaryDirectory() as cache:
            ours(cache)

    run = tf.function(lambda batch: dict(zip(("logits", "pool_3"), classifier(batch), strict=True)))
    extract = FeatureExtractor(classifier)

    def tf_gans() -> None:
        def output(key: str) -> Callable[[tf.Tensor], tf.Tensor]:
            return lambda batch: run(tf.cast(batch, tf.uint8))[key]  # tf-gan requires inputs of the outputs' type, float32

        batches = images // BATCH
        given_real, given_fake = (tf.constant(side, tf.float32) for side in (real, fake))
        tfgan.classifier_score(given_fake, output("logits"), batches)
        tfgan.frechet_classifier_distance(given_real, given_fake, output("pool_3"), batches)
        for i in range(0, images, BATCH):  # RID, which tf-gan lacks
            extract(x[i : i + BATCH]), extract(x_rec[i : i + BATCH])

    with tempfile.TemporaryDirectory() as cache:
        ways: dict[str, Callable[[], None]] = {"first": first, "later": partial(ours, cache)}
        if has_bfloat16():
            ways["later_in_bfloat16"] = partial(ours, cache, classifier.in_bfloat16())
        ways["tf_gans"] = tf_gans
        for way in ways.values():
            way()  # for tracing, and to fill the cache
        rounds_of = [{name: _seconds(way) for name, way in ways.items()} for _ in range(rounds)]
    return Speed(images, {name: [seconds[name] for seconds in rounds_of] for name in ways})


def peak_mib(images: int) -> float:
    """Peak memory in MiB of a process that scores this many images, generated batch by batch."""
    return _in_a_process(_score_synthetic, images)


def frechet_seconds(dimensions: int = 2048) -> float:
    """Seconds for one Frechet distance on one core."""
    with _environment(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1"):
        return _in_a_process(_time_frechet, dimensions)


def _score_synthetic(images: int) -> float:
    matrix = np.random.default_rng(0).normal(size=[16, PX * PX * 3]).astype(np.float32) / 4

    def decode(z: np.ndarray) -> np.ndarray:
        return np.tanh(z @ matrix).reshape(-1, PX, PX, 3)

    def encode(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        mean = x.reshape(len(x), -1) @ matrix.T / 100
        return mean, np.zeros_like(mean)

    real, test = (GeneratedImages(decode, 16, images, seed=seed, name="synthetic") for seed in (1, 2))
    protocol = Protocol(samples=images)
    with tempfile.TemporaryDirectory() as cache:
        options: dict[str, Any] = {"test": test, "reference": real, "batch_size": BATCH, "cache_dir": Path(cache)}
        Scorer(protocol, classifier=_classifier(16), **options).score(of_networks("synthetic", decode, 16, encode))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _time_frechet(dimensions: int) -> float:
    both = []
    for seed in range(2):
        random = np.random.default_rng(seed)
        mix = random.normal(size=[dimensions, dimensions]) / dimensions**0.5
        both.append(Moments.of(random.normal(size=dimensions), mix @ mix.T, 50_000))
    return _seconds(lambda: frechet_distance(*both))


def _classifier(channels: int) -> Classifier:
    tf.keras.utils.set_random_seed(0)
    model = vgg.network(vgg.Recipe(channels=channels), 3, 10)

    def outputs(x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        found = model(x, training=False)
        return found["logits"], found["pool_3"]

    return Classifier("random", "0" * 16, (PX, PX, 3), outputs)


def _images(count: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, [count, PX, PX, 3]).astype(np.uint8)


def _seconds(do: Callable[[], Any]) -> float:
    begun = time.monotonic()
    do()
    return time.monotonic() - begun


def _in_a_process(function: Callable[[int], float], argument: int) -> float:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(function, (argument,))


@contextmanager
def _environment(**variables: str) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.__setitem__(name, value)
