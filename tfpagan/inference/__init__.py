"""A trained model in use: restored from a run, exported, and loaded again."""
