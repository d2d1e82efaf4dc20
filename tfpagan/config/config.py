"""The configuration of a run: five frozen dataclasses, as JSON in `model_dir/config.json` and as flags of `bin/train`."""

import dataclasses
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tfpagan.config import plugins
from tfpagan.config.plugins import Plugin
from tfpagan.config.renamed import translated
from tfpagan.errors import UserError
from tfpagan.objectives import OBJECTIVES
from tfpagan.objectives.contract import Objective
from tfpagan.objectives.pagan import PAGAN
from tfpagan.settings.sections import SECTIONS, AugmentationConfig, DataConfig, NetworkConfig, TrainingConfig
from tfpagan.settings.setting import replace, settings_of, unknown


@dataclasses.dataclass(frozen=True)
class Config:
    """Everything that determines what a run computes.

    Attributes:
      data, augmentation, networks, objective, training: sections of settings.
      plugins: those that were loaded when the run was created.
      image_channels: channels of the data set's images; 0: not known yet.

    >>> Config().with_changes({"channels": 64}).networks.channels
    64
    """

    data: DataConfig = DataConfig()
    augmentation: AugmentationConfig = AugmentationConfig()
    networks: NetworkConfig = NetworkConfig()
    objective: Objective = PAGAN()
    training: TrainingConfig = TrainingConfig()
    plugins: tuple[Plugin, ...] = ()
    image_channels: int = 0

    def with_changes(self, changes: Mapping[str, Any]) -> "Config":
        """A copy with changed settings, given by flag name.

        `objective` is applied first: a new objective resets the hyper-parameters of the previous one's paper and applies
        those of its own, except where `changes` sets them.

        Raises:
          UserError: on an unknown name, an illegal value, or a setting that the objective does not have.
        """
        rest = dict(changes)
        objective = self.objective
        if rest.get("objective", objective.name) != objective.name:
            plain, left = Config().flat(), objective.defaults
            objective = OBJECTIVES.get(rest["objective"])()
            rest = {name: plain[name] for name in left} | dict(objective.defaults) | rest
        rest.pop("objective", None)
        sections = {
            name: {f.name: rest.pop(f.name) for f in dataclasses.fields(kind) if f.name in rest}
            for name, kind in SECTIONS.items()
        }
        changed = {name: replace(getattr(self, name), part, name) for name, part in sections.items()}
        _check_owned(rest, objective)
        chosen = replace(objective, rest, f"objective {objective.name}")
        config = dataclasses.replace(self, objective=chosen, plugins=plugins.loaded(), **changed)
        _check_together(config)
        return config

    def flat(self) -> dict[str, Any]:
        """All settings by flag name."""
        values: dict[str, Any] = {}
        for name in SECTIONS:
            values |= dataclasses.asdict(getattr(self, name))
        return values | {"objective": self.objective.name} | dataclasses.asdict(self.objective)

    def to_json(self) -> str:
        """The configuration as indented JSON, with one object per section."""
        sections = {name: dataclasses.asdict(getattr(self, name)) for name in SECTIONS}
        sections["objective"] = {"name": self.objective.name} | dataclasses.asdict(self.objective)
        if self.image_channels:
            sections["images"] = {"channels": self.image_channels}
        if self.plugins:
            sections["plugins"] = {plugin.name: plugin.checksum for plugin in self.plugins}
        return json.dumps(sections, indent=2) + "\n"


def from_json(text: str) -> Config:
    """The configuration that `to_json` wrote in this or an earlier version; missing settings take their defaults.

    Raises:
      UserError: when the text is not JSON, names an unknown section or setting, or a plugin of the run is not loaded.
    """
    try:
        parts = translated(json.loads(text, object_pairs_hook=_once))
        images, used = parts.pop("images", {}), parts.pop("plugins", {})
        stored = tuple(Plugin(str(name), str(checksum)) for name, checksum in used.items())
        channels = int(images.get("channels", 0))
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError) as e:
        raise UserError(f"config.json is not a JSON object of sections: {e}") from None
    plugins.require(stored)
    chosen = parts.pop("objective", {})
    objective = OBJECTIVES.get(str(chosen.pop("name", PAGAN.name)))()
    changed = {}
    for name, values in parts.items():
        if name not in SECTIONS:
            raise UserError(unknown(name, [*SECTIONS, "objective"], "section of config.json"))
        changed[name] = replace(SECTIONS[name](), values, name)
    objective = replace(objective, chosen, f"objective {objective.name}")
    return Config(objective=objective, plugins=stored, image_channels=channels, **changed)


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """An object each of whose keys is there once; of two, Python would take the second."""
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"it has {next(key for key in keys if keys.count(key) > 1)!r} twice")
    return found


def difference(stored: Config, given: Config) -> list[str]:
    """Differences that a resumed run may not have, each as `name: stored -> given`."""
    old, new = stored.flat(), given.flat()
    return plugins.difference(stored.plugins, given.plugins) + [
        f"{name}: {old.get(name)} -> {new.get(name)}"
        for name in sorted(old | new)
        if old.get(name) != new.get(name) and not is_resumable(name)
    ]


def is_resumable(name: str) -> bool:
    """Whether a resumed run may change a setting, because it does not affect what a step computes."""
    return any(setting.name == name and setting.resumable for kind in SECTIONS.values() for setting in settings_of(kind))


def _check_owned(names: Iterable[str], objective: Objective) -> None:
    for name in names:
        owners = [o for o in OBJECTIVES if name in _fields(OBJECTIVES.get(o))]
        if owners and objective.name not in owners:
            raise UserError(f"--{name} is a setting of objective {', '.join(owners)}, not of {objective.name}")
        if not owners and name not in _fields(type(objective)):
            sections = [setting.name for kind in SECTIONS.values() for setting in settings_of(kind)]
            raise UserError(unknown(name, {*sections, *_fields(type(objective))}, "setting"))


def _fields(kind: type[Objective]) -> set[str]:
    return {setting.name for setting in settings_of(kind)}


def _check_together(config: Config) -> None:
    a, chosen = config.augmentation, config.flat()
    for name, values in config.objective.legal.items():
        if chosen[name] not in values:
            legal = f"it must be {'one of ' * (len(values) > 1)}{', '.join(map(str, values))}"
            raise UserError(f"--{name}={chosen[name]} is not legal with --objective={config.objective.name}: {legal}")
    likelihood = config.networks.likelihood
    if likelihood != "none" and "likelihood" not in config.objective.legal:  # the objective must support it
        raise UserError(f"--likelihood={likelihood} is not legal with --objective={config.objective.name}: it must be none")
    if config.networks.posterior == "flow" and config.networks.latent_dim < 2:
        raise UserError("--posterior=flow needs a --latent_dim of at least 2: a coupling layer splits the code in two")
    for low, high in (("blur_sigma_min", "blur_sigma_max"), ("contrast_min", "contrast_max")):
        if getattr(a, low) > getattr(a, high):
            raise UserError(f"--{low}={getattr(a, low)} is above --{high}={getattr(a, high)}")
