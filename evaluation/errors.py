"""The one exception that what a user hands in can raise; everything else is ours."""


class EvaluationError(ValueError):
    """What cannot be scored: one line that says what was given and what is legal."""
