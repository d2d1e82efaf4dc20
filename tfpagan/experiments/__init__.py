"""Several runs as one experiment: the papers' tables, and sweeps over settings."""
