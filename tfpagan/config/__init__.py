"""The configuration of a run, as JSON and as flags; named configurations are in `presets`."""

from tfpagan.config.config import Config, difference, from_json, is_resumable

__all__ = ["Config", "difference", "from_json", "is_resumable"]
