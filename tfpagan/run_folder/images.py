"""`images.json`: the images that a run is trained and tested on, by number and checksum, and which ones it holds out.

A run goes on with the same ones, and is scored on test images that it was not trained on, even if files were added to its
data set: without a test split, which images are held out depends on all of them.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING

from tfpagan.errors import UserError

if TYPE_CHECKING:
    from tfpagan.data import Images

FILE = "images.json"


def write(model_dir: Path, images: "Images", validation_images: int = 0) -> None:
    """Record the images of a new run, and the places of those that it holds out.

    Raises:
      OSError: when it cannot be written.
      UserError: when there are not so many to hold out.
    """
    facts: dict[str, dict[str, object]] = _facts(images)
    if validation_images:
        part = images.held_out(validation_images)
        facts["held_out"] = {"split": part.split, "count": len(part.places), "places": part.places.tolist()}
    unfinished = model_dir / f"{FILE}.part"
    unfinished.write_text(json.dumps(facts) + "\n")
    unfinished.replace(model_dir / FILE)


def require_same(model_dir: Path, images: "Images") -> None:
    """Refuse other images than those of the run; of runs of earlier versions, which have no such file, any are accepted.

    Raises:
      UserError: naming what has changed.
    """
    file = model_dir / FILE
    if not file.exists():
        return
    try:
        stored = json.loads(file.read_text())
        now = {split: facts for split, facts in _facts(images).items() if split in ("train", "test", *stored)}
        before = {split: dict(stored[split]) for split in now}
    except (OSError, ValueError, RecursionError) as e:
        raise UserError(f"{file} cannot be read: {e}") from None
    except (TypeError, KeyError):
        raise UserError(f"{file} is damaged: it lacks the number or checksum of train or test images") from None
    changes = [_change(split, before[split], now[split]) for split in before if before[split] != now[split]]
    if changes:
        raise UserError(
            f"the data set {images.config.dataset} has changed since the run in {model_dir} began: {'; '.join(changes)}. "
            "Restore it, or train in another --model_dir"
        )


def _facts(images: "Images") -> dict[str, dict[str, object]]:
    arrays = {"train": images.train, "test": images.test}
    arrays |= {} if images.validation is None else {"validation": images.validation}
    return {split: {"count": len(array), "checksum": images.checksums[split]} for split, array in arrays.items()}


def _change(split: str, before: dict[str, object], now: dict[str, object]) -> str:
    if before.get("count") != now["count"]:
        return f"{split} had {before.get('count')} images and has {now['count']}"
    return f"the {now['count']} images of {split} are others, or in another order"
