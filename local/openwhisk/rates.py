"""How many requests of a sort a minute may have."""

from __future__ import annotations

import time
from collections.abc import Callable

from local.openwhisk.errors import TooFast


class Rate:
    """Counts within each minute, as OpenWhisk does."""

    def __init__(self, allowed: int, clock: Callable[[], float] = time.time) -> None:
        """
        Args:
            allowed: requests in a minute.
            clock: seconds since 1970.
        """
        self.allowed = allowed
        self._clock = clock
        self._minute = 0
        self._count = 0

    def count(self) -> None:
        """Count one request; TooFast if it is one too many."""
        minute = int(self._clock() // 60)
        if minute != self._minute:
            self._minute, self._count = minute, 0
        self._count += 1
        if self._count > self.allowed:
            raise TooFast(self._count, self.allowed)
