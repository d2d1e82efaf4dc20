"""The folder of a run: the names of its files, its configuration, its checkpoints."""
