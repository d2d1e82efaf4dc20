"""Checkpoints: kept, damaged, unwritable."""

import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from helpers.kept import Kept

from tfpagan.errors import UserError


def test_the_newest_is_restored_and_tensorflow_finds_it_too(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    for step in (9, 10, 100):  # by number, not by name
        kept.save(step)
    again = Kept(tmp_path)
    assert again.checkpoints.restore() == 100
    np.testing.assert_array_equal(again.weight, 100.0)
    assert tf.train.latest_checkpoint(str(tmp_path)) == f"{tmp_path}/ckpt-100"


def test_an_empty_folder_means_step_0(tmp_path: Path) -> None:
    assert Kept(tmp_path).checkpoints.restore() == 0


def test_only_as_many_as_asked_for_are_kept_also_after_a_resume(tmp_path: Path) -> None:
    kept = Kept(tmp_path, keep=2)
    for step in (1, 2, 3):
        kept.save(step)
    again = Kept(tmp_path, keep=2)
    again.checkpoints.restore()
    again.save(4)
    assert sorted(p.name for p in tmp_path.glob("*.index")) == ["ckpt-3.index", "ckpt-4.index"]


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)


@pytest.mark.parametrize("file", ["ckpt-2.index", "ckpt-2.data-00000-of-00001"])
@pytest.mark.parametrize("damage", [cut, flip, Path.unlink, lambda path: path.write_bytes(b"")])
def test_a_damaged_newest_falls_back_to_the_one_before_and_says_so(  # type: ignore[no-untyped-def]
    tmp_path: Path, damage, file: str, caplog: pytest.LogCaptureFixture
) -> None:
    kept = Kept(tmp_path)
    kept.save(1), kept.save(2)
    damage(tmp_path / file)
    again = Kept(tmp_path)
    with caplog.at_level("WARNING"):
        assert again.checkpoints.restore() == 1
    np.testing.assert_array_equal(again.weight, 1.0)
    if file.endswith(".index") and damage is Path.unlink:
        return  # without its index there is no checkpoint of that name to speak of
    assert "ckpt-2" in caplog.text
    assert "damaged" in caplog.text


@pytest.mark.parametrize("content", [b"", b"garbage", b"model_checkpoint_path: "])
def test_a_damaged_list_of_checkpoints_loses_none(tmp_path: Path, content: bytes) -> None:
    Kept(tmp_path).save(7)
    (tmp_path / "checkpoint").write_bytes(content)
    again = Kept(tmp_path)
    assert again.checkpoints.restore() == 7
    again.save(8)
    assert tf.train.latest_checkpoint(str(tmp_path)) == f"{tmp_path}/ckpt-8"


def test_a_checkpoint_of_other_variables_is_not_taken_for_ours(tmp_path: Path) -> None:
    Kept(tmp_path, size=7).save(5)
    with pytest.raises(UserError, match=r"none of the checkpoints in .* can be read, or fits config.json: ckpt-5"):
        Kept(tmp_path).checkpoints.restore()


@pytest.mark.slow
def test_a_failed_write_names_the_folder_and_keeps_the_earlier_one(tmp_path: Path) -> None:
    """A file size limit stands for a full disk; in a process of its own, for it cannot be lifted again."""
    program = f"""
import resource, signal, sys
sys.path.insert(0, {str(Path(__file__).parents[1])!r})
from pathlib import Path
from helpers.kept import Kept
from tfpagan.errors import UserError
kept = Kept(Path({str(tmp_path)!r}), size=100_000)
kept.save(1)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
try:
    kept.save(2)
except UserError as e:
    print("refused:", e)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=True)
    assert f"refused: cannot write the checkpoint of step 2 to {tmp_path}" in done.stdout
    assert "the newest that was kept is of step 1" in done.stdout
    assert not list(tmp_path.glob("ckpt-2*"))
    again = Kept(tmp_path, size=100_000)
    assert again.checkpoints.restore() == 1
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY


def test_saving_the_same_step_twice_writes_once(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    kept.save(3)
    written = (tmp_path / "ckpt-3.index").stat().st_mtime_ns
    kept.save(3)
    assert (tmp_path / "ckpt-3.index").stat().st_mtime_ns == written


def aborted(*_: object, **__: object) -> None:
    """What TensorFlow does when another worker has gone."""
    raise tf.errors.UnavailableError(None, None, "Collective ops is aborted by: Connection reset by peer")


def test_a_worker_that_is_lost_while_saving_is_not_blamed_on_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = Kept(tmp_path)
    monkeypatch.setattr(tf.train.CheckpointManager, "save", aborted)
    with pytest.raises(tf.errors.UnavailableError, match="reset by peer"):
        kept.save(1)


def test_a_worker_that_is_lost_while_restoring_is_not_blamed_on_the_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = Kept(tmp_path)
    kept.save(1)
    monkeypatch.setattr(tf.train.Checkpoint, "restore", aborted)
    with pytest.raises(tf.errors.UnavailableError, match="reset by peer"):
        Kept(tmp_path).checkpoints.restore()
