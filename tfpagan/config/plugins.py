"""Plugins (`--plugin`): files or modules that register systems, architectures, metrics, augmentations or data sources."""

import functools
import hashlib
import importlib
import importlib.util
import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from absl import logging

from tfpagan.errors import UserError, one_line


@dataclass(frozen=True)
class Plugin:
    """A plugin as recorded in config.json.

    Attributes:
      name: of the file, or of the module.
      checksum: the first 16 hexadecimal digits of the SHA-256 of the file.
    """

    name: str
    checksum: str


_LOADED: dict[str, tuple[Plugin, str]] = {}  # by name, with the argument of `load`


def load(given: str) -> Plugin:
    """Import a plugin, 'folder/mine.py' or 'package.module', unless it is loaded already.

    Raises:
      UserError: when there is no such file or module, its import fails, or another plugin of that name is loaded.
    """
    if not given:
        raise UserError("--plugin= is not legal: it must be a .py file or an importable module")
    file = Path(os.path.expanduser(given))
    by_path = file.suffix == ".py"
    if by_path and not file.is_file():
        raise UserError(f"--plugin={given}: there is no file {file}")
    name = file.name if by_path else given
    if name in _LOADED:
        plugin, before = _LOADED[name]
        if by_path and plugin.checksum != _checksum(file):
            raise UserError(f"--plugin={given}: another plugin {name} is loaded, from {before}")
        return plugin
    try:
        module = _module_of(file) if by_path else importlib.import_module(given)
    except UserError as e:
        raise UserError(f"--plugin={given}: {e}") from None
    except ModuleNotFoundError as e:
        if by_path:
            raise UserError(f"--plugin={given} imports {e.name or one_line(e)}, which is not installed") from None
        raise UserError(f"--plugin={given}: there is no module {e.name}; give a .py file or an importable module") from None
    except (Exception, SystemExit) as e:  # a plugin may raise anything
        raise UserError(f"--plugin={given} cannot be imported: {type(e).__name__}: {one_line(e)}") from None
    source = getattr(module, "__file__", None)  # a built-in module has none
    plugin = Plugin(name, _checksum(Path(source)) if source else "")
    _LOADED[name] = plugin, given
    return plugin


def loaded() -> tuple[Plugin, ...]:
    """The plugins of this process, in loading order."""
    return tuple(plugin for plugin, _ in _LOADED.values())


def flags() -> list[str]:
    """The flags with which another process loads the same plugins."""
    given = [os.path.expanduser(given) for _, given in _LOADED.values()]
    return [f"--plugin={os.path.realpath(name) if name.endswith('.py') else name}" for name in given]


def require(wanted: Iterable[Plugin]) -> None:
    """Require a run's plugins to be loaded; log a warning if one has changed.

    Raises:
      UserError: naming the first that is missing.
    """
    here = {plugin.name: plugin for plugin in loaded()}
    for plugin in wanted:
        if plugin.name not in here:
            how = f"--plugin={'PATH/' if plugin.name.endswith('.py') else ''}{plugin.name}"
            raise UserError(f"this run was made with the plugin {plugin.name}, which is not loaded: add {how}")
        if here[plugin.name].checksum != plugin.checksum:
            _warn_once(plugin.name)


def difference(stored: Sequence[Plugin], given: Sequence[Plugin]) -> list[str]:
    """Plugins of a stored run that are missing or have changed, each as `plugin name: stored -> given`."""
    now = {plugin.name: plugin.checksum for plugin in given}
    return [f"plugin {p.name}: {p.checksum} -> {now.get(p.name)}" for p in stored if now.get(p.name) != p.checksum]


@functools.cache
def _warn_once(name: str) -> None:
    """A command may read the configuration of a run more than once."""
    logging.warning("the plugin %s has changed since this run was made", name)


def _module_of(file: Path) -> ModuleType:
    name = f"tfpagan_plugin_{file.stem}"
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise UserError(f"--plugin={file} is not a Python file")
    module = sys.modules[name] = importlib.util.module_from_spec(spec)  # dataclasses look up their module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _checksum(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()[:16]
