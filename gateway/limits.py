"""Rate limits for clients and addresses."""

from __future__ import annotations

import time

from core.errors import QwhiskError
from core.rate_limits import RateLimiter, TokenBucket

#: Clients and addresses that are remembered.
MAX_CLIENTS = 50_000


class LimitError(QwhiskError):
    """A client makes too many requests, or has too many jobs in flight.

    Args:
        retry_after: seconds after which a request may succeed.
    """

    code = "too_many_requests"

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Limit:
    """A limit on each client's requests in a minute. They may all come at once.

    Args:
        what: what is limited, for the message.
        per_minute: how many.
    """

    def __init__(self, what: str, per_minute: int) -> None:
        self._what = what
        self._per_minute = per_minute
        self._limiter = RateLimiter(lambda: TokenBucket(per_minute), MAX_CLIENTS)

    def take(self, client: str, now: float | None = None) -> None:
        """Count a request.

        Args:
            client: the client, or its address.
            now: monotonic seconds.

        Raises:
            LimitError: the client has used up its limit. The request is not counted.
        """
        wait = self._admit(client, now)
        if wait > 0:
            raise LimitError(
                f"Over {self._per_minute} {self._what} a minute. Try again in {max(1, round(wait))} s.", wait
            )

    def charge(self, client: str, now: float | None = None) -> None:
        """Count a request that has already been handled. It is counted up to the limit and never refused."""
        self._admit(client, now)

    def _admit(self, client: str, now: float | None) -> float:
        return self._limiter.admit(client, time.monotonic() if now is None else now)
