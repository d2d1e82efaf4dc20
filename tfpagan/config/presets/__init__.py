"""One function per published experiment, and small ones for a laptop: `bin/train --preset=NAME`.

Each docstring gives the command and, where the paper has one, the score to expect with its protocol.
"""

from collections.abc import Callable
from types import ModuleType

from tfpagan.config import Config
from tfpagan.config.presets import age, alpha_gan, as_vae, laptop, pagan
from tfpagan.errors import UserError
from tfpagan.settings.setting import unknown


def _in(module: ModuleType) -> dict[str, Callable[[], Config]]:
    """The functions that a module defines, by name."""
    return {name: f for name, f in vars(module).items() if getattr(f, "__module__", "") == module.__name__ and name[0] != "_"}


ALL: dict[str, Callable[[], Config]] = {
    name: preset for module in (pagan, alpha_gan, age, as_vae, laptop) for name, preset in _in(module).items()
}


def get(name: str) -> Config:
    """The configuration of a preset.

    Raises:
      UserError: on an unknown name.
    """
    if name not in ALL:
        raise UserError(unknown(name, ALL, "preset"))
    return ALL[name]()
