"""An in-domain classifier with the outputs of tf-gan's Inception: a VGG-style network after alpha-GAN's section H.5.

The paper's table 5 lists eleven 3 x 3 convolutions of 64 to 512 feature maps, batch norm after each, average pooling and
a linear layer. Its strides, as printed, would halve 24 px nine times; here the first convolution of each wider group has
stride 2.
"""

import dataclasses
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tfpagan.evaluation.classifiers.preprocessing import for_classifier
from tfpagan.evaluation.errors import EvaluationError

GROUPS = ((1, 2), (2, 3), (4, 3), (8, 3))
"""Feature maps in units of `channels`, and number of convolutions: 64 x 2, 128 x 3, 256 x 3, 512 x 3 for 64 channels."""


@dataclasses.dataclass(frozen=True)
class Recipe:
    """How the classifier is trained (as in alpha-GAN H.5 unless stated otherwise).

    Attributes:
      channels: of the first convolution (paper: 64).
      train_steps: number of updates; the learning rate is divided by 10 after one half and three quarters of them
        (paper: 80,000, at 40,000 and 60,000).
      batch_size: paper: 256.
      learning_rate: the initial one.
      weight_decay: weight of the L2 penalty.
      crop_fraction: training images are cropped at random to this share of their size (paper: 24 of 32 px).
      flip: whether training images are mirrored at random (not in the paper).
      seed: of weights, order and crops.
    """

    channels: int = 64
    train_steps: int = 80_000
    batch_size: int = 256
    learning_rate: float = 0.1
    weight_decay: float = 1e-4
    crop_fraction: float = 0.75
    flip: bool = False
    seed: int = 0


def network(recipe: Recipe, image_channels: int, classes: int) -> tf.keras.Model:
    """A network from images [N, H, W, C] in [-1, 1) of any size to logits [N, K] and features [N, 8 channels]."""
    x = inputs = tf.keras.Input([None, None, image_channels])
    decay = tf.keras.regularizers.L2(recipe.weight_decay / 2)  # Keras's penalty lacks the factor 1/2
    for group, (share, count) in enumerate(GROUPS):
        for i in range(count):
            strides = 2 if group and not i else 1
            x = tf.keras.layers.Conv2D(
                share * recipe.channels,
                3,
                strides,
                "same",
                use_bias=False,
                kernel_initializer="he_normal",
                kernel_regularizer=decay,
            )(x)
            x = tf.keras.layers.ReLU()(tf.keras.layers.BatchNormalization(momentum=0.9)(x))
    features = tf.keras.layers.GlobalAveragePooling2D()(x)
    logits = tf.keras.layers.Dense(classes, kernel_regularizer=decay)(features)
    return tf.keras.Model(inputs, {"logits": logits, "pool_3": features})


def train(
    images: np.ndarray, labels: np.ndarray, recipe: Recipe, *, say: Callable[[str], None] = print, every_steps: int = 500
) -> tf.keras.Model:
    """Train on uint8 images [N, H, W, C] and integer labels [N].

    Raises:
      EvaluationError: when the loss does not stay finite.
    """
    tf.keras.utils.set_random_seed(recipe.seed)
    model = network(recipe, images.shape[3], int(labels.max()) + 1)
    half, rate = recipe.train_steps // 2, recipe.learning_rate
    schedule = tf.keras.optimizers.schedules.PiecewiseConstantDecay([half, half + half // 2], [rate, rate / 10, rate / 100])
    loss = {"logits": tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)}
    model.compile(tf.keras.optimizers.SGD(schedule, momentum=0.9, jit_compile=False), loss, metrics={"logits": "accuracy"})

    def tell(batch: int, logs: dict[str, float]) -> None:
        step = batch + 1
        if step % every_steps == 0 or step == recipe.train_steps:
            share = next(value for key, value in logs.items() if key.endswith("accuracy"))
            say(f"step {step} of {recipe.train_steps}: loss {logs['loss']:.3f}, training accuracy {share:.2%}")
            model.reset_metrics()

    model.fit(
        _batches(images, labels, recipe),
        steps_per_epoch=recipe.train_steps,
        verbose=0,
        callbacks=[tf.keras.callbacks.LambdaCallback(on_batch_end=tell), tf.keras.callbacks.TerminateOnNaN()],
    )
    if not all(np.isfinite(v).all() for v in model.get_weights()):
        raise EvaluationError("the classifier's loss became NaN or infinite; try a smaller learning rate")
    return model


def accuracy(model: tf.keras.Model, images: np.ndarray, labels: np.ndarray, batch_size: int = 500) -> float:
    """Share of uint8 images [N, H, W, C] that are classified correctly."""
    right = 0
    for i in range(0, len(images), batch_size):
        logits = model(_whole(images[i : i + batch_size]), training=False)["logits"]
        right += int((np.argmax(logits, 1) == labels[i : i + batch_size]).sum())
    return right / len(images)


def export(model: tf.keras.Model, folder: Path, image_shape: tuple[int, int, int], facts: dict[str, Any]) -> None:
    """Write a SavedModel that returns `logits` and `pool_3` for float32 images in [-1, 1), and classifier.json with `facts`.

    Raises:
      EvaluationError: when the folder cannot be written.
    """
    module = tf.Module()
    module.weights = model.variables  # not the model: Keras would write ten further functions, four times the size
    module.__call__ = tf.function(
        lambda images: model(images, training=False),
        input_signature=[tf.TensorSpec([None, *image_shape], tf.float32, "images")],
    )
    part = folder.with_name(folder.name + ".part")
    try:
        tf.saved_model.save(module, str(part), signatures={"serving_default": module.__call__})
        (part / "classifier.json").write_text(json.dumps(facts, indent=2) + "\n")
        with tempfile.TemporaryDirectory(dir=folder.parent) as before:
            old = Path(before) / "old"
            if folder.exists():
                folder.rename(old)
            try:
                part.rename(folder)
            except OSError:
                if old.exists():
                    old.rename(folder)
                raise
    except (OSError, tf.errors.OpError) as e:
        raise EvaluationError(f"the classifier cannot be written to {folder}: {e}") from None
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _whole(images: np.ndarray) -> tf.Tensor:
    _, height, width, channels = images.shape
    return for_classifier(tf.constant(images), (height, width, channels))


def _batches(images: np.ndarray, labels: np.ndarray, recipe: Recipe) -> tf.data.Dataset:
    height, width, channels = images.shape[1:]
    size = [round(recipe.crop_fraction * height), round(recipe.crop_fraction * width), channels]

    def augmented(example: tuple[tf.Tensor, tf.Tensor], seed: tf.Tensor) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        image, label = example
        image = tf.image.stateless_random_crop(image, size, seed)
        if recipe.flip:
            image = tf.image.stateless_random_flip_left_right(image, seed + 1)
        return (tf.cast(image, tf.float32) - 128.0) / 128.0, {"logits": label}

    examples = tf.data.Dataset.from_tensor_slices((images, labels.astype(np.int32))).shuffle(len(images), recipe.seed).repeat()
    seeds = tf.data.Dataset.random(recipe.seed).batch(2, drop_remainder=True)
    mapped = tf.data.Dataset.zip((examples, seeds)).map(augmented, os.cpu_count())
    options = tf.data.Options()
    options.autotune.enabled = False  # to end the thread of tf.data's tuner can take TensorFlow up to a minute
    return mapped.batch(recipe.batch_size, drop_remainder=True).prefetch(4).with_options(options)
