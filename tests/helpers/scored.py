"""What tests score: smooth images, a linear classifier and a linear model; and a whole evaluation of them."""

from pathlib import Path

import numpy as np
import tensorflow as tf

from tfpagan.evaluation.classifiers.classifier import Classifier
from tfpagan.evaluation.images import ArrayImages
from tfpagan.evaluation.metrics import METRICS
from tfpagan.evaluation.protocols import Protocol
from tfpagan.evaluation.results import Scores
from tfpagan.evaluation.scorer import Scorer
from tfpagan.evaluation.subjects import of_networks

PX = 16
ALL = tuple(name for name in METRICS if name != "critic")


def images(n: int, seed: int = 0, channels: int = 3) -> np.ndarray:
    """Smooth random images [n, 16, 16, channels], which a classifier can tell apart."""
    coarse = np.random.default_rng(seed).integers(0, 256, [n, 4, 4, channels]).astype(np.uint8)
    return coarse.repeat(4, 1).repeat(4, 2)


def linear_classifier(classes: int = 5, dimensions: int = 6, channels: int = 3, name: str = "linear") -> Classifier:
    """A classifier whose logits and features are linear in the pixels: small, exact, and different for different images."""
    random = np.random.default_rng(9)
    to_features = tf.constant(random.normal(size=[PX * PX * channels, dimensions]) / 10, tf.float32)
    to_logits = tf.constant(random.normal(size=[dimensions, classes]), tf.float32)

    def outputs(x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        features = tf.reshape(x, [tf.shape(x)[0], -1]) @ to_features
        return features @ to_logits, features

    return Classifier(name, "0123456789abcdef", (PX, PX, channels), outputs)


Z = 7
DECODER = np.random.default_rng(3).normal(size=[Z, PX * PX * 3]).astype(np.float32)


def decode(z: np.ndarray) -> np.ndarray:
    return np.tanh(z @ DECODER / 3).reshape(-1, PX, PX, 3)


def encode(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    mean = (x.reshape(len(x), -1) @ DECODER.T / 100).astype(np.float32)
    return mean, np.full_like(mean, -2.0)


MODEL = of_networks("model", decode, Z, encode)


def score(tmp_path: Path, protocol: Protocol | None = None, batch_size: int = 32, **options: object) -> Scores:
    settings = {"test": ArrayImages(images(90, 1), "test"), "reference": ArrayImages(images(300, 2), "train")} | options
    chosen = protocol or Protocol(metrics=ALL, samples=101)
    scorer = Scorer(chosen, classifier=linear_classifier(), batch_size=batch_size, cache_dir=tmp_path, **settings)  # type: ignore[arg-type]
    return scorer.score(MODEL)


def folder_of(tmp_path: Path, pictures: dict[str, np.ndarray]) -> Path:
    for name, picture in pictures.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(tf.io.encode_png(picture).numpy())
    return tmp_path
