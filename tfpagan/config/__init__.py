"""The configuration of a run: its sections together, as JSON and as flags; and named configurations in `presets`."""

from tfpagan.config.config import Config, difference, from_json, is_resumable

__all__ = ["Config", "difference", "from_json", "is_resumable"]
