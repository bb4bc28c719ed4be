"""How many jobs a user may submit."""

from __future__ import annotations

from collections import OrderedDict, deque

#: Seconds over which submissions are counted.
PERIOD = 60.0
#: Users whose submissions are remembered.
REMEMBERED = 1000


class RateLimit:
    """Counts submissions, user by user, over the last minute.

    Args:
        limit: How many there may be; 0 for any number.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._times: OrderedDict[str, deque[float]] = OrderedDict()

    def take(self, user: str, now: float) -> float:
        """Count a submission; return 0, or after how many seconds it would be admitted if it is not."""
        if not self.limit:
            return 0.0
        times = self._times.setdefault(user, deque())
        self._times.move_to_end(user)
        if len(self._times) > REMEMBERED:
            self._times.popitem(last=False)
        while times and times[0] <= now - PERIOD:
            times.popleft()
        if len(times) >= self.limit:
            return times[0] + PERIOD - now
        times.append(now)
        return 0.0
