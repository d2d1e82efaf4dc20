"""TensorBoard's files of a run that resumes."""

from pathlib import Path

import pytest
import tensorflow as tf
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

from tfpagan.run_folder import events


def write(folder: Path, steps: range) -> Path:
    writer = tf.summary.create_file_writer(str(folder))
    with writer.as_default():
        for step in steps:
            tf.summary.scalar("loss", float(step), step)
    writer.close()
    (file,) = folder.glob("events.*")
    return file


def steps_in(file: Path) -> list[int]:
    return [event.step for event in EventFileLoader(str(file)).Load() if event.summary.value]


def test_later_steps_are_removed_and_earlier_ones_stay(tmp_path: Path) -> None:
    file = write(tmp_path, range(1, 8))
    before = file.read_bytes()
    events.keep_up_to(7, tmp_path)
    assert file.read_bytes() == before
    events.keep_up_to(4, tmp_path)
    assert steps_in(file) == [1, 2, 3, 4]
    assert next(EventFileLoader(str(file)).Load()).file_version == "brain.Event:2"
    events.keep_up_to(0, tmp_path)
    assert steps_in(file) == []
    events.keep_up_to(0, tmp_path / "nowhere")


@pytest.mark.parametrize("cut", [1, 5, 30])
def test_a_record_that_was_cut_off_is_removed(tmp_path: Path, cut: int) -> None:
    file = write(tmp_path, range(1, 4))
    file.write_bytes(file.read_bytes()[:-cut])
    events.keep_up_to(9, tmp_path)
    assert steps_in(file) == [1, 2]
    assert [path.name for path in tmp_path.iterdir()] == [file.name]
