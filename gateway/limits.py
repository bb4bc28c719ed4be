"""Rate limits for clients and addresses: a bounded number of token buckets."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict

from core.errors import QwhiskError

#: The most clients and addresses that are remembered. The one with the oldest request is forgotten, and then
#: has its full limit again.
MAX_ASKERS = 50_000


class LimitError(QwhiskError):
    """A client or an address has reached a limit.

    Args:
        retry_after: seconds after which a retry can succeed.
    """

    code = "too_many_requests"

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Limit:
    """A number of requests per minute for each client or address. They may all come at once.

    Args:
        what: what is limited, for the error message.
        per_minute: the limit.
    """

    def __init__(self, what: str, per_minute: int) -> None:
        self._what = what
        self._most = float(per_minute)
        self._lock = threading.Lock()
        #: What each client or address has left, and when that was calculated (monotonic seconds).
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, asker: str, now: float | None = None) -> None:
        """Count one request.

        Args:
            asker: the client or the address.
            now: seconds on a monotonic clock; None for the system clock.

        Raises:
            LimitError: the limit is reached.
        """
        left = self._one_less(asker, now)
        if left < 1:
            wait = (1 - left) * 60 / self._most
            raise LimitError(
                f"Over {self._most:.0f} {self._what} a minute. Try again in {max(1, round(wait))} s.", wait
            )

    def charge(self, asker: str, now: float | None = None) -> None:
        """Count one request without an error, for something that has already happened."""
        self._one_less(asker, now)

    def _one_less(self, asker: str, now: float | None) -> float:
        """Count one request and return what was left before; less than 1 if the limit is reached."""
        now = time.monotonic() if now is None else now
        with self._lock:
            left, since = self._left.pop(asker, (self._most, now))
            left = min(self._most, left + (now - since) * self._most / 60)
            self._left[asker] = (left - 1 if left >= 1 else left, now)
            if len(self._left) > MAX_ASKERS:
                self._left.popitem(last=False)
        return left
