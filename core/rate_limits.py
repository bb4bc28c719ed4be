"""How many requests a minute may have. Each class counts in its own way; all are pure but for the lock."""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable
from typing import Protocol

#: Seconds for which limits are given.
PERIOD = 60.0


class Counter(Protocol):
    """Counts the requests of one client."""

    def admit(self, now: float) -> float:
        """Count a request, and return 0; or the seconds after which a request would be admitted.

        Args:
            now: seconds on any clock that does not go back.
        """


class TokenBucket:
    """Admits a burst of `limit` requests, refilled evenly over a minute. Refusals are not counted."""

    __slots__ = ("_limit", "_tokens", "_updated")

    def __init__(self, limit: int) -> None:
        self._limit = float(limit)
        self._tokens = self._limit
        self._updated: float | None = None

    def admit(self, now: float) -> float:
        """See `Counter`."""
        since = now if self._updated is None else self._updated
        self._tokens = min(self._limit, self._tokens + (now - since) * self._limit / PERIOD)
        self._updated = now
        if self._tokens < 1:
            return (1 - self._tokens) * PERIOD / self._limit
        self._tokens -= 1
        return 0.0


class SlidingWindow:
    """Admits `limit` requests in any 60 seconds. Refusals are not counted."""

    __slots__ = ("_limit", "_times")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._times: deque[float] = deque()

    def admit(self, now: float) -> float:
        """See `Counter`."""
        # Rounded like the wait below, so that the wait is never 0.
        while self._times and self._times[0] + PERIOD <= now:
            self._times.popleft()
        if len(self._times) >= self._limit:
            return self._times[0] + PERIOD - now
        self._times.append(now)
        return 0.0


class FixedWindow:
    """Counts the requests of each minute of the clock, refused ones too, as OpenWhisk does."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._minute = 0
        #: Requests of the present minute.
        self.count = 0

    def admit(self, now: float) -> float:
        """See `Counter`. `now` is in seconds since 1970."""
        minute = int(now // PERIOD)
        if minute != self._minute:
            self._minute, self.count = minute, 0
        self.count += 1
        return (minute + 1) * PERIOD - now if self.count > self.limit else 0.0


class RateLimiter:
    """A counter for each client, in a bounded number. Threads may share it.

    Args:
        counter: makes the counter of a new client.
        max_clients: clients that are remembered. The one that was not seen for longest is forgotten first; it
            starts with a new counter.
    """

    def __init__(self, counter: Callable[[], Counter], max_clients: int) -> None:
        self._new_counter = counter
        self._max_clients = max_clients
        self._lock = threading.Lock()
        self._counters: OrderedDict[Hashable, Counter] = OrderedDict()

    @property
    def clients(self) -> int:
        """The number of clients that are remembered."""
        return len(self._counters)

    def admit(self, client: Hashable, now: float) -> float:
        """Count a request of a client, and return 0; or the seconds after which it would be admitted.

        Args:
            client: who asks.
            now: seconds, on the clock that the counter needs.
        """
        with self._lock:
            counter = self._counters.get(client)
            if counter is None:
                counter = self._counters[client] = self._new_counter()
            self._counters.move_to_end(client)
            if len(self._counters) > self._max_clients:
                self._counters.popitem(last=False)
            return counter.admit(now)
