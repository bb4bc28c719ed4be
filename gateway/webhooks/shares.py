"""Divides something that is scarce, so that no holder can use all of it."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable


class Shares:
    """Counts what each holder uses. Threads may share it.

    Args:
        limit: the most that one holder may use at the same time.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._used: Counter[str] = Counter()

    def claim(self, holders: Iterable[str]) -> bool:
        """Count one use for each of these holders.

        Returns:
            False if one of them has reached the limit. Then none is counted.
        """
        names = set(holders)
        with self._lock:
            if any(self._used[name] >= self._limit for name in names):
                return False
            self._used.update(names)
            return True

    def release(self, holders: Iterable[str]) -> None:
        """End the uses that a `claim` of the same holders counted."""
        with self._lock:
            for name in set(holders):
                self._used[name] -= 1
                if self._used[name] <= 0:
                    del self._used[name]

    def __len__(self) -> int:
        """Return the number of holders that use something."""
        return len(self._used)
