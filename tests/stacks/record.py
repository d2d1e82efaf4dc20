"""What must be the same with any TensorFlow; `PYTHONPATH=tests python -m stacks.record` writes it, for the installed one.

tests/test_stacks.py computes it anew, and reads the run and the export of either TensorFlow.
"""

import functools
import shutil
import tempfile
from pathlib import Path

import numpy as np
import tensorflow as tf
from helpers import exports, gradients, scored, tiny

import tfpagan
from tfpagan.config import Config
from tfpagan.forward.noise import Noise
from tfpagan.inference import read_export
from tfpagan.inference.restore import restored
from tfpagan.objectives import OBJECTIVES
from tfpagan.run_folder.checkpoints import Checkpoints
from tfpagan.training.trainer import Trainer

HERE = Path(__file__).parent
STACKS = sorted(path.name for path in HERE.glob("tensorflow_*"))
SIZES = {"channels": 8, "latent_dim": tiny.Z, "code_layers": "8,8"}
STEPS, EVERY = 20, 5
PER_ROLE = 8
"""Gradients that are kept of a network: sums over that many parts of it."""


def random_numbers() -> dict[str, np.ndarray]:
    noise = Noise(7, tf.constant(12345), 4)
    return {"uniform": noise.uniform("z", 5).numpy(), "normal": noise.normal("augmentation", 5).numpy()}


@functools.cache
def gradients_of(system: str) -> dict[str, np.ndarray]:
    """By player, of one step of a system's smallest networks: sums over parts of the flattened gradient, weighted."""
    config = Config().with_changes(SIZES | {"objective": system})
    built = tiny.build_networks(config.objective, config.networks)
    found = gradients.compute("reference", config.objective, built, config=config.networks).of
    random = np.random.default_rng(1)
    sums = {}
    for player, of_variables in found.items():
        flat = np.concatenate([np.ravel(g) for g in of_variables])
        weighted = flat * random.normal(size=flat.size)
        sums[f"gradient/{system}/{player}"] = np.array([part.sum() for part in np.array_split(weighted, PER_ROLE)])
        sums[f"size/{system}/{player}"] = np.array([np.abs(part).sum() for part in np.array_split(weighted, PER_ROLE)])
    return sums


def scores(scratch: Path) -> dict[str, np.ndarray]:
    return {f"score/{key}": np.float64(value) for key, value in scored.score(scratch).metrics.items() if value is not None}


def trained(folder: Path) -> dict[str, np.ndarray]:
    """Losses of a run of 20 steps, which is kept in the folder."""
    config = Config().with_changes(SIZES | {"image_size": tiny.SHAPE[0], "batch_size": 4, "ema_decay": 0.5})
    trainer = Trainer(config=config, image_shape=tiny.SHAPE, strategy=tf.distribute.OneDeviceStrategy("/cpu:0"))
    batches, losses = tiny.feed(), []
    for _ in range(STEPS // EVERY):
        totals = trainer.advance(batches, EVERY).totals
        losses.append([totals[key] / EVERY for key in sorted(totals) if key.startswith("loss/")])
    Checkpoints(trainer.checkpoint(), folder / "ckpt", keep=1).save()
    (folder / "config.json").write_text(config.to_json())
    return {"losses": np.array(losses)}


def answers_of_run(folder: Path) -> dict[str, np.ndarray]:
    model = tfpagan.load(folder)
    return {"codes": model.encode(tiny.images()), "samples": model.sample(3, seed=1, dtype=np.float32)}


def answers_of_export(folder: Path) -> dict[str, np.ndarray]:
    (version,) = folder.iterdir()
    x = tiny.images().astype(np.float32) / 127.5 - 1
    questions = {"encode": {"images": x}, "reconstruct": {"images": x}}
    answers = read_export.answers(version, questions)
    return {f"{signature}/{name}": value for signature in questions for name, value in answers[signature].items()}


def main() -> None:
    folder = HERE / f"tensorflow_{'_'.join(tf.__version__.split('.')[:2])}"
    shutil.rmtree(folder, ignore_errors=True)
    with tempfile.TemporaryDirectory() as scratch:
        values = random_numbers() | scores(Path(scratch)) | trained(folder / "run")
    for system in OBJECTIVES:
        values |= gradients_of(system)
    exports.publish(restored(folder / "run"), folder / "export")
    values |= answers_of_run(folder / "run") | answers_of_export(folder / "export")
    np.savez_compressed(folder / "expected.npz", **values)


if __name__ == "__main__":
    main()
