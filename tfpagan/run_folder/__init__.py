"""The run folder: names of files, configuration, checkpoints."""
