"""Errors caused by a client."""


class RequestError(Exception):
    """A request that cannot be answered: one line, with its HTTP status."""

    def __init__(self, message: str, status: int = 400):
        super().__init__(message)
        self.status = status
