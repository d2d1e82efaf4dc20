"""The TFDS builder of `shapes`: 20,000 training and 2,000 test images, 32x32 RGB, 10 classes."""

from collections.abc import Iterator
from typing import Any

import tensorflow_datasets as tfds

from tfpagan.data.shapes import render

SPLITS = {"train": 20_000, "test": 2_000}
CHUNK = 500  # images drawn at once: some 50 MB of intermediate results


class Shapes(tfds.core.GeneratorBasedBuilder):
    """One coloured shape of 10 kinds over a texture, at random position, size and hue."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First version."}

    def _info(self) -> tfds.core.DatasetInfo:
        size = render.SIZE_PX
        features = {
            "image": tfds.features.Image(shape=(size, size, 3)),
            "label": tfds.features.ClassLabel(names=render.NAMES),
        }
        return tfds.core.DatasetInfo(
            builder=self,
            description="Coloured shapes of 10 kinds over textured backgrounds, drawn by tfpagan; no download.",
            features=tfds.features.FeaturesDict(features),
            supervised_keys=("image", "label"),
        )

    def _split_generators(self, dl_manager: Any) -> dict[str, Iterator[tuple[int, dict[str, Any]]]]:
        del dl_manager  # nothing to download
        return {split: self._generate_examples(split) for split in SPLITS}

    def _generate_examples(self, split: str) -> Iterator[tuple[int, dict[str, Any]]]:
        for first in range(0, SPLITS[split], CHUNK):
            images, labels = images_of(split, first)
            for i, (image, label) in enumerate(zip(images, labels, strict=True)):
                yield first + i, {"image": image, "label": int(label)}


def images_of(split: str, first: int) -> tuple[Any, Any]:
    """Images [CHUNK, 32, 32, 3] uint8 and labels [CHUNK] of a split from number `first`, a multiple of CHUNK, on."""
    chunk = first // CHUNK
    return render.render(CHUNK, seed=chunk if split == "train" else 1_000_000 + chunk)
