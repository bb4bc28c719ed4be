"""How many requests of one kind a minute may have."""

from __future__ import annotations

import time
from collections.abc import Callable

from core.rate_limits import FixedWindow
from local.openwhisk.errors import TooFast


class Rate:
    """Counts the requests of each minute, as OpenWhisk does.

    Args:
        allowed: requests in a minute.
        clock: seconds since 1970.
    """

    def __init__(self, allowed: int, clock: Callable[[], float] = time.time) -> None:
        self._window = FixedWindow(allowed)
        self._clock = clock

    def count(self) -> None:
        """Count one request.

        Raises:
            TooFast: the minute has had more requests than allowed.
        """
        if self._window.admit(self._clock()) > 0:
            raise TooFast(self._window.count, self._window.limit)
