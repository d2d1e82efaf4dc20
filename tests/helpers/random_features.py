"""Random features and images."""

import math

import numpy as np

from tfpagan.evaluation.statistics import Moments

RANDOM = np.random.default_rng


def moments(features: np.ndarray, batch: int = 1000) -> Moments:
    m = Moments()
    for i in range(0, len(features), batch):
        m.update(features[i : i + batch])
    return m


def gaussians(n: int, m: int, dimensions: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    random = RANDOM(seed)
    mix = random.normal(size=[dimensions, dimensions]) / math.sqrt(dimensions)
    return random.normal(size=[n, dimensions]) @ mix, 0.5 + random.normal(size=[m, dimensions])


def noise_images(n: int, seed: int = 0) -> np.ndarray:
    return RANDOM(seed).integers(0, 256, [n, 12, 12, 3]).astype(np.uint8)
