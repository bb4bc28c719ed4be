"""The service's clock."""

from __future__ import annotations

import time


class Clock:
    """Seconds since 1970 that never go back."""

    def __init__(self) -> None:
        self._offset = time.time() - time.monotonic()

    def __call__(self) -> float:
        """Return the time, in whole microseconds: that is how it is stated, and how clients filter by it."""
        return round(self._offset + time.monotonic(), 6)
