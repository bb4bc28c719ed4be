"""How often a client or an address may ask: token buckets, bounded in number."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict

from core.errors import QwhiskError

#: Askers remembered; the one not seen for longest is forgotten, and so may ask as if for the first time.
MAX_ASKERS = 50_000


class LimitError(QwhiskError):
    """Somebody asks too often or has too much under way.

    Args:
        retry_after: seconds after which asking again makes sense.
    """

    code = "too_many_requests"

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Limit:
    """So many a minute for each asker; as many may come at once.

    Args:
        what: what is limited, in words for the message.
        per_minute: how many.
    """

    def __init__(self, what: str, per_minute: int) -> None:
        self._what = what
        self._most = float(per_minute)
        self._lock = threading.Lock()
        #: What each asker may still ask for, and when that was worked out (monotonic seconds).
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, asker: str, now: float | None = None) -> None:
        """One more of `asker`; LimitError if it is one too many."""
        left = self._one_less(asker, now)
        if left < 1:
            wait = (1 - left) * 60 / self._most
            raise LimitError(
                f"Over {self._most:.0f} {self._what} a minute. Try again in {max(1, round(wait))} s.", wait
            )

    def charge(self, asker: str, now: float | None = None) -> None:
        """As `take`, for what has happened already: it is counted and never refused."""
        self._one_less(asker, now)

    def _one_less(self, asker: str, now: float | None) -> float:
        """What the asker had left before; less than one if it may not have one more."""
        now = time.monotonic() if now is None else now
        with self._lock:
            left, since = self._left.pop(asker, (self._most, now))
            left = min(self._most, left + (now - since) * self._most / 60)
            self._left[asker] = (left - 1 if left >= 1 else left, now)
            if len(self._left) > MAX_ASKERS:
                self._left.popitem(last=False)
        return left
