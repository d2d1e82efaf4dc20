"""Shared by tests: the smallest real models and runs, slow reference implementations, and comparisons."""
