"""What a client is told when its request can't be answered."""

from __future__ import annotations


class RequestError(Exception):
    """A request that is not answered as it was meant.

    Attributes:
        status: the HTTP status code.
        message: what is wrong, and what to do.
        retry_after: in how many seconds to come back; None: that would not help.
    """

    def __init__(self, status: int, message: str, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.retry_after = retry_after
