"""The configuration of a run: five frozen dataclasses, as JSON in `model_dir/config.json` and as flags of `bin/train`."""

import dataclasses
import json
from collections.abc import Iterable, Mapping
from typing import Any

from tfpagan import objectives, settings
from tfpagan.errors import UserError
from tfpagan.objectives.base import Objective
from tfpagan.objectives.pagan import PAGAN
from tfpagan.settings import setting


@dataclasses.dataclass(frozen=True)
class DataConfig:
    """Which images, and how they become [H, W, C] of one size (`data.py`)."""

    dataset: str = setting(
        "shapes", "TFDS name (celeb_a, cifar10, mnist, ...), folder:/path, color_mnist, or the embedded 'shapes'"
    )
    data_dir: str = setting("", "where TFDS data sets are; default: $TFDS_DATA_DIR, then ~/tensorflow_datasets", resumable=True)
    cache_dir: str = setting(
        "", "where decoded images are kept; default: $XDG_CACHE_HOME/tfpagan, then ~/.cache/tfpagan", resumable=True
    )
    image_size: int = setting(
        0,
        "height and width in px, a multiple of 8; 0: the data set's own (celeb_a 64, mnist 32)",
        at_least=0,
        multiple_of=8,
    )
    crop: str = setting(
        "auto",
        "none, center (the largest square), center:PX, pad (zeros up to image_size), or auto: what suits the data set",
    )
    skip_corrupt_images: bool = setting(False, "go on without the images that cannot be decoded, counting them")


@dataclasses.dataclass(frozen=True)
class AugmentationConfig:
    """The stochastic augmentation a(x) of the real pairs (PAGAN section 3 and appendix B; `augment.py`)."""

    augmentation: str = setting(
        "pad_crop", "a(x) of the real pairs; none is PAGAN-NOAUG", choices=("pad_crop", "blur", "contrast", "none")
    )
    pad_fraction: float = setting(
        0.1, "pad_crop: reflected border on each side, as a fraction of the image size", at_least=0.0, at_most=0.5
    )
    blur_sigma_min: float = setting(0.5, "blur: smallest standard deviation in px", at_least=0.05)
    blur_sigma_max: float = setting(2.0, "blur: largest standard deviation in px", at_least=0.05)
    contrast_min: float = setting(0.5, "contrast: smallest factor", at_least=0.0)
    contrast_max: float = setting(1.5, "contrast: largest factor", at_least=0.0)


@dataclasses.dataclass(frozen=True)
class NetworkConfig:
    """Widths and forms of the networks (PAGAN section 5; `networks/`)."""

    channels: int = setting(
        512, "channels of the widest convolution, a multiple of 8 (paper: 512)", at_least=8, at_most=8192, multiple_of=8
    )
    latent_dim: int = setting(128, "dimensions of the code z", at_least=1, at_most=65536)
    architecture: str = setting(
        "dcgan",
        "layers of the networks: PAGAN's; generator and encoder residual; alpha-GAN's for ColorMNIST (64 channels)",
        choices=("dcgan", "resnet", "color_mnist"),
    )
    initializer: str = setting("normal", "kernels before training: Normal(0, 0.02), or Xavier's", choices=("normal", "xavier"))
    encoder_norm: str = setting(
        "batch",
        "normalisation inside the encoder; spectral lets it collapse to the prior",
        choices=("batch", "spectral", "none"),
    )
    code: str = setting(
        "normal",
        "what the encoder gives: a normal, one that has been through a normalising flow, a point, or a point on the unit "
        "sphere, on which the prior is uniform then",
        choices=("normal", "flow", "point", "sphere"),
    )
    condition: str = setting(
        "none",
        "what encoder and generator are given: lightness makes the colours of grey images",
        choices=("none", "lightness"),
    )
    flow_length: int = setting(80, "flow: couplings, one after another", at_least=1, at_most=1000)
    disc_norm: str = setting("spectral", "normalisation inside the discriminators", choices=("spectral", "batch", "none"))
    disc_dropout: float = setting(
        0.0, "share of the features of an image that discriminators drop after the last convolution", at_least=0.0, below=1.0
    )
    code_layers: str = setting("512,256", "widths of the hidden layers of the code discriminator", whole_numbers=True)
    pair: str = setting("width", "how the pair discriminator sees two images", choices=("width", "channels", "siamese"))
    likelihood: str = setting(
        "none",
        "p(x | z) of a stochastic decoder around the generator's output; none: the output is x",
        choices=("none", "gaussian", "laplace", "bernoulli"),
    )
    likelihood_scale: float = setting(
        0.0, "its standard deviation (laplace: scale), of pixels in [-1, 1]; 0: learned with the generator", at_least=0.0
    )
    sync_batch_norm: bool = setting(False, "batch statistics over all replicas instead of each replica's own")


QUICK_PROTOCOLS = ("quick1k", "quick5k", "is50k", "fid50k", "rid10k", "full")


@dataclasses.dataclass(frozen=True)
class TrainingConfig:
    """Optimisation and the loop (PAGAN section 5, Algorithm 1; `step.py`, `train.py`)."""

    train_steps: int = setting(100_000, "updates of every player", at_least=1, resumable=True)
    batch_size: int = setting(64, "images per step, over all replicas", at_least=2, at_most=65536)
    learning_rate: float = setting(2e-4, "Adam's step size", above=0.0)
    disc_learning_rate: float = setting(0.0, "that of the discriminators; 0: the same", at_least=0.0)
    adam_beta1: float = setting(0.5, "Adam's decay of the mean", at_least=0.0, below=1.0)
    adam_beta2: float = setting(0.999, "Adam's decay of the square", at_least=0.0, below=1.0)
    ema_decay: float = setting(
        0.0, "moving average of generator and encoder, used for pictures and export; 0: none", at_least=0.0, below=1.0
    )
    step: str = setting(
        "auto",
        "how gradients are computed; auto: fused where exact, else simultaneous",
        choices=("auto", "fused", "simultaneous", "reference"),
    )
    mixed_precision: str = setting("none", "type of activations", choices=("none", "bfloat16", "float16"))
    xla: bool = setting(False, "compile the whole update as one XLA program", resumable=True)
    seed: int = setting(0, "of weights, noise and the order of the data", at_least=0, at_most=2**31 - 1)
    deterministic: bool = setting(False, "the same numbers on every run on the same machine, slower")
    devices: str = setting("", "comma-separated, as GPU:0,GPU:1 or CPU:0; default: all GPUs, else the CPU", resumable=True)
    summary_every_steps: int = setting(
        100, "steps between lines of metrics.jsonl and TensorBoard scalars", at_least=1, resumable=True
    )
    image_every_steps: int = setting(1000, "steps between pictures", at_least=1, resumable=True)
    save_every_steps: int = setting(1000, "steps between checkpoints", at_least=1, resumable=True)
    eval_every_steps: int = setting(0, "steps between evaluations; 0: none", at_least=0, resumable=True)
    eval_protocol: str = setting("quick1k", "protocol of these evaluations", choices=QUICK_PROTOCOLS, resumable=True)
    eval_classifier: str = setting(
        "inception", "inception, or a SavedModel folder as bin/train_classifier makes it", resumable=True
    )
    best_metric: str = setting(
        "", "key of the metric by which the best checkpoint is kept in best/, as rmse; default: none is", resumable=True
    )
    keep_checkpoints: int = setting(3, "how many checkpoints to keep", at_least=1, resumable=True)


SECTIONS: Mapping[str, type] = {
    "data": DataConfig,
    "augmentation": AugmentationConfig,
    "networks": NetworkConfig,
    "training": TrainingConfig,
}


@dataclasses.dataclass(frozen=True)
class Config:
    """Everything that decides what a run computes.

    >>> Config().with_changes({"channels": 64}).networks.channels
    64
    """

    data: DataConfig = DataConfig()
    augmentation: AugmentationConfig = AugmentationConfig()
    networks: NetworkConfig = NetworkConfig()
    objective: Objective = PAGAN()
    training: TrainingConfig = TrainingConfig()

    def with_changes(self, changes: Mapping[str, Any]) -> "Config":
        """A copy with settings changed by their flag's name.

        `objective` is a name and comes first: another one brings the settings that its paper uses, where `changes` says
        nothing of them.

        Raises:
          UserError: on an unknown name, an illegal value, or a setting that the objective does not have.
        """
        rest = dict(changes)
        objective = self.objective
        if rest.get("objective", objective.name) != objective.name:
            plain, left = Config().flat(), objective.defaults
            objective = objectives.get(rest["objective"])()
            rest = {name: plain[name] for name in left} | dict(objective.defaults) | rest
        rest.pop("objective", None)
        sections = {
            name: {f.name: rest.pop(f.name) for f in dataclasses.fields(kind) if f.name in rest}
            for name, kind in SECTIONS.items()
        }
        changed = {name: settings.replace(getattr(self, name), part, name) for name, part in sections.items()}
        _check_owned(rest, objective)
        config = Config(objective=settings.replace(objective, rest, f"objective {objective.name}"), **changed)
        _check_together(config)
        return config

    def flat(self) -> dict[str, Any]:
        """Every setting by its flag's name."""
        values: dict[str, Any] = {}
        for name in SECTIONS:
            values |= dataclasses.asdict(getattr(self, name))
        return values | {"objective": self.objective.name} | dataclasses.asdict(self.objective)

    def to_json(self) -> str:
        """The configuration as indented JSON, one section an object."""
        sections = {name: dataclasses.asdict(getattr(self, name)) for name in SECTIONS}
        sections["objective"] = {"name": self.objective.name} | dataclasses.asdict(self.objective)
        return json.dumps(sections, indent=2) + "\n"


def from_json(text: str) -> Config:
    """The configuration that `to_json` wrote; settings that it does not name have their defaults.

    Raises:
      UserError: when the text is not JSON, or names an unknown section or setting.
    """
    try:
        sections = json.loads(text)
        parts = {name: dict(values) for name, values in sections.items()}
    except (ValueError, TypeError, AttributeError) as e:
        raise UserError(f"config.json is not a JSON object of sections: {e}") from None
    chosen = parts.pop("objective", {})
    objective = objectives.get(str(chosen.pop("name", PAGAN.name)))()
    changed = {}
    for name, values in parts.items():
        if name not in SECTIONS:
            raise UserError(settings.unknown(name, [*SECTIONS, "objective"], "section of config.json"))
        changed[name] = settings.replace(SECTIONS[name](), values, name)
    return Config(objective=settings.replace(objective, chosen, f"objective {objective.name}"), **changed)


def difference(stored: Config, given: Config) -> list[str]:
    """The settings that a resumed run may not change and that differ, one `name: stored -> given` each."""
    old, new = stored.flat(), given.flat()
    return [
        f"{name}: {old.get(name)} -> {new.get(name)}"
        for name in sorted(old | new)
        if old.get(name) != new.get(name) and not is_resumable(name)
    ]


def is_resumable(name: str) -> bool:
    """Whether a setting may differ when a run goes on: it does not decide what a step computes."""
    fields = [f for kind in SECTIONS.values() for f in dataclasses.fields(kind) if f.name == name]
    return bool(fields) and fields[0].metadata["resumable"]


def _check_owned(names: Iterable[str], objective: Objective) -> None:
    for name in names:
        owners = [o for o in objectives.names() if name in _fields(objectives.get(o))]
        if owners and objective.name not in owners:
            raise UserError(f"--{name} is a setting of objective {', '.join(owners)}, not of {objective.name}")


def _fields(kind: type[Objective]) -> set[str]:
    return {field.name for field in dataclasses.fields(kind)}


def _check_together(config: Config) -> None:
    a, chosen = config.augmentation, config.flat()
    for name, values in config.objective.legal.items():
        if chosen[name] not in values:
            legal = f"it must be {'one of ' * (len(values) > 1)}{', '.join(map(str, values))}"
            raise UserError(f"--{name}={chosen[name]} is not legal with --objective={config.objective.name}: {legal}")
    for name in ("condition", "likelihood"):  # which systems must know what to do with
        if chosen[name] != "none" and name not in config.objective.legal:
            raise UserError(f"--{name}={chosen[name]} is not legal with --objective={config.objective.name}: it must be none")
    if config.networks.code == "flow" and config.networks.latent_dim < 2:
        raise UserError("--code=flow needs a --latent_dim of at least 2: a coupling changes one half by the other")
    for low, high in (("blur_sigma_min", "blur_sigma_max"), ("contrast_min", "contrast_max")):
        if getattr(a, low) > getattr(a, high):
            raise UserError(f"--{low}={getattr(a, low)} is above --{high}={getattr(a, high)}; the smallest value comes first")
