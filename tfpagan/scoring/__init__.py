"""Scoring of runs by `tfpagan.evaluation`: runs as subjects, and the files that scores are written to."""
