"""The exception that what a user hands in can raise, and the one that ends an evaluation early."""


class EvaluationError(ValueError):
    """What cannot be scored: one line that says what was given and what is legal."""


class GivenUpError(Exception):
    """Whoever asked for the evaluation does not want it any more."""
