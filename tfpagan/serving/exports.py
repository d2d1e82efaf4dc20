"""The layout of a folder of exports."""

from pathlib import Path

WARMUP = Path("assets.extra", "tf_serving_warmup_requests")
"""Where TensorFlow Serving looks for warm-up requests."""
FACTS = Path("assets.extra", "tfpagan.json")
"""Facts about the run that a version was exported from."""


def versions(base: Path) -> list[int]:
    """The versions in a folder of exports, oldest first."""
    found = [int(p.name) for p in base.iterdir() if p.name.isdecimal()] if base.is_dir() else []
    return sorted(version for version in found if (base / str(version) / "saved_model.pb").is_file())


def newest(base: Path) -> Path:
    """The newest version in a folder of exports; the folder itself if it has none."""
    found = versions(base)
    return base / str(found[-1]) if found else base
