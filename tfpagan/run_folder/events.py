"""TensorBoard's event files of a run that resumes: without the steps that it will do again."""

from pathlib import Path

import tensorflow as tf
from absl import logging


def keep_up_to(step: int, folder: Path) -> None:
    """Remove events of later steps from the files in a folder, left by a process that was killed after its last checkpoint.

    A record that was cut off is removed too. TensorBoard would show both versions of such steps.
    """
    for file in sorted(folder.glob("events.out.tfevents.*")):
        records, intact = _records(file)
        kept = [record for record in records if tf.compat.v1.Event.FromString(record).step <= step]
        if intact and len(kept) == len(records):
            continue
        part = file.with_name(f"{file.name}.part")
        with tf.io.TFRecordWriter(str(part)) as writer:
            for record in kept:
                writer.write(record)
        part.replace(file)
        logging.info("%s: removed %d events after step %d, which will be done again", file, len(records) - len(kept), step)


def _records(file: Path) -> tuple[list[bytes], bool]:
    """The records of a file, and whether it ends with a whole one."""
    records = []
    try:
        for record in tf.data.TFRecordDataset(str(file)).as_numpy_iterator():
            records.append(record)
    except tf.errors.DataLossError:
        return records, False
    return records, True
