"""The one exception that a user's mistake raises; everything else is ours."""


class UserError(Exception):
    """A mistake of the user: one line that says what was given and what is legal.

    The executables print it without a traceback and exit with a code other than 0.
    """
