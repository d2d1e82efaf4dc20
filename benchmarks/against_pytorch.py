"""Images per second of PAGAN's step here and in eager PyTorch, in turn, each framework in a process of its own, idle meanwhile.

    pip install -e .[bench]
    python benchmarks/against_pytorch.py --channels=128 --batch_size=64 --rounds=5

Both begin with the same weights, and the losses of the first step must agree before anything is measured.
"""

import argparse
import importlib.util
import json
import multiprocessing
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
SECONDS = 8.0  # of one measurement


def ours(pipe: Connection, channels: int, batch_size: int, precision: str) -> None:
    """Answer each request for a number of steps with the seconds that they took."""
    trainer, batches = _trainer(channels, batch_size, precision)
    _answer(pipe, lambda steps: trainer.advance(batches, steps))


def theirs(pipe: Connection, channels: int, batch_size: int, precision: str) -> None:
    """The same in PyTorch."""
    import torch
    from pytorch_twin import Twin

    trainer, batches = _trainer(channels, batch_size, precision)
    twin, images = Twin(trainer.networks, bfloat16=precision == "bfloat16"), torch.from_numpy(next(batches).numpy())

    def run(steps: int) -> None:
        for _ in range(steps):
            twin.step(images)

    _answer(pipe, run)


def _answer(pipe: Connection, run: Callable[[int], Any]) -> None:
    run(2)
    pipe.send(0.0)
    while steps := pipe.recv():
        begun = time.monotonic()
        run(steps)
        pipe.send(time.monotonic() - begun)


def _trainer(channels: int, batch_size: int, precision: str) -> tuple[Any, Iterator[Any]]:
    import numpy as np

    from tfpagan import data
    from tfpagan.training import devices
    from tfpagan.training.trainer import Trainer

    config = _config(channels, batch_size, precision)
    trainer = Trainer(config=config, image_shape=(32, 32, 3), strategy=devices.strategy())
    noise = np.random.default_rng(0).integers(0, 256, (batch_size, 32, 32, 3), np.uint8)
    return trainer, iter(data.repeated(noise))


def _config(channels: int, batch_size: int, precision: str) -> Any:
    from tfpagan.config import Config

    mixed = precision if precision != "float32" else "none"
    return Config().with_changes({"channels": channels, "batch_size": batch_size, "mixed_precision": mixed})


def agreement(channels: int, batch_size: int) -> dict[str, tuple[float, float]]:
    """Losses of the first step in float32, ours and theirs, by role."""
    import tensorflow as tf
    import torch
    from pytorch_twin import Twin

    from tfpagan import networks
    from tfpagan.forward.noise import Noise
    from tfpagan.images import normalize

    trainer, batches = _trainer(channels, batch_size, "float32")
    twin, x = Twin(trainer.networks), normalize(next(batches))
    for network in trainer.networks.values():
        networks.power_iteration(network)
    for layer in twin.spectral:
        layer.power_iteration()
    p = trainer._make_pass(trainer.networks, x, Noise(trainer.config.training.seed, tf.constant(0, tf.int64), batch_size))
    mean, log_variance = p.code
    noise = (p.z_enc - mean) / tf.exp(0.5 * log_variance)
    as_images = [torch.from_numpy(images.numpy()).permute(0, 3, 1, 2) for images in (p.x, p.x_aug)]
    with torch.no_grad():
        found = twin.losses(*as_images, torch.from_numpy(p.z.numpy()), torch.from_numpy(noise.numpy()))
    wanted: dict[str, float] = dict.fromkeys(trainer.networks, 0.0)
    for game in trainer.objective.games(p):
        network = trainer.networks[game.disc]
        real, fake = network(game.real), network(game.fake)
        wanted[game.disc] += float(tf.reduce_mean(game.loss.disc_real(real) + game.loss.disc_fake(fake)))
        for player in game.adversaries:
            wanted[player] += float(tf.reduce_mean(game.loss.adversary(fake)))
    return {role: (value, float(found[role])) for role, value in wanted.items()}


def _checked(pipe: Connection, channels: int, batch_size: int) -> None:
    pipe.send(agreement(channels, batch_size))


def _worker(target: Callable[..., None], *args: Any) -> Connection:
    here, there = multiprocessing.Pipe()
    multiprocessing.Process(target=target, args=(there, *args), daemon=True).start()
    return here


def main() -> int:
    """Check, measure, and print a line for each framework."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--channels", type=int, default=128)
    parser.add_argument("--batch_size", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--precision", choices=("float32", "bfloat16"), default="float32")
    parser.add_argument("--json", action="store_true")
    a = parser.parse_args()
    if a.rounds < 1:
        parser.error(f"--rounds={a.rounds} is not legal: it must be at least 1")
    for package, how in (("torch", "pip install -e .[bench]"), ("tfpagan", "pip install -e .")):
        if importlib.util.find_spec(package) is None:
            parser.error(f"{package} is not installed: {how}")
    from tfpagan.errors import UserError

    try:
        _config(a.channels, a.batch_size, a.precision)
    except UserError as e:
        parser.error(str(e))
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    multiprocessing.set_start_method("spawn")
    losses = _worker(_checked, a.channels, a.batch_size).recv()
    for role, (wanted, found) in losses.items():
        if abs(wanted - found) > 1e-3 * abs(wanted):
            print(f"the twins differ: the loss of {role} is {wanted:.6f} here and {found:.6f} there", file=sys.stderr)
            return 1
    workers = {name: _worker(f, a.channels, a.batch_size, a.precision) for name, f in (("ours", ours), ("PyTorch", theirs))}
    steps, speeds = {}, {name: [] for name in workers}
    for name, pipe in workers.items():
        pipe.recv()
        pipe.send(2)
        steps[name] = max(2, round(2 * SECONDS / pipe.recv()))
    for _ in range(a.rounds):
        for name, pipe in workers.items():
            pipe.send(steps[name])
            speeds[name].append(steps[name] * a.batch_size / pipe.recv())
    for pipe in workers.values():
        pipe.send(0)
    ratio = statistics.median(mine / other for mine, other in zip(speeds["ours"], speeds["PyTorch"], strict=True))
    if a.json:
        print(json.dumps({**vars(a), "images_per_second": speeds}))
        return 0
    for name, values in speeds.items():
        print(f"{name:<8} {statistics.median(values):8.1f} images/s, {min(values):.1f} to {max(values):.1f}")
    how = f"{a.channels} channels, batch {a.batch_size}, {a.precision}"
    print(f"ours to PyTorch: {ratio:.3f}, the median over {a.rounds} rounds; {how}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
