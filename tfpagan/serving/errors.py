"""What a client did wrong."""


class RequestError(Exception):
    """A request that cannot be answered: one line, and the HTTP status that goes with it."""

    def __init__(self, message: str, status: int = 400):
        super().__init__(message)
        self.status = status
