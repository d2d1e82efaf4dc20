"""A trained model: restored from a run, exported, and loaded again."""
