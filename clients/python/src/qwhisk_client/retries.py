"""Which failures are worth another attempt, and when: pure, and always bounded."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from qwhisk_client.errors import (
    APIConnectionError,
    APIError,
    ConflictError,
    FunctionError,
    QwhiskError,
    RateLimitError,
    ServiceUnavailableError,
)

#: Seconds of the first pause and of the longest; each is twice the one before, and half of it is random.
FIRST, LONGEST = 0.5, 8.0
#: The longest pause in seconds that a gateway may ask for. If it asks for more, its error is raised at once.
MAX_RETRY_AFTER = 60.0
#: The status of a function that took too long. It may have submitted the job, which a repeated request finds.
_TOOK_TOO_LONG = 504


@dataclass(frozen=True)
class RetryPolicy:
    """Decides whether a failed request is sent again.

    Args:
        max_retries: how often a request is sent again, if it has no deadline.
        random: returns a number from 0 to 1.
    """

    max_retries: int
    random: Callable[[], float] = random.random

    def pause(self, error: QwhiskError, attempt: int, remaining: float | None) -> float | None:
        """Return the seconds to wait before the next attempt; None if there is none.

        Args:
            error: why the last attempt failed.
            attempt: the number of attempts since the last success, from 0.
            remaining: seconds until the deadline of a wait, which is the only bound of its attempts; None if
                there is no deadline.
        """
        over = attempt >= self.max_retries if remaining is None else remaining <= 0
        if over or not is_temporary(error):
            return None
        whole = min(LONGEST, FIRST * 2.0 ** min(attempt, 10))
        seconds = whole / 2 + whole / 2 * self.random()
        if isinstance(error, APIError) and error.retry_after is not None:
            if error.retry_after > MAX_RETRY_AFTER:
                return None
            seconds = max(seconds, error.retry_after)
        # The last attempt of a wait is at its deadline.
        return seconds if remaining is None else min(seconds, remaining)


def is_temporary(error: QwhiskError) -> bool:
    """Return whether the same request may succeed later. All requests of this package may be repeated."""
    if isinstance(error, FunctionError):
        return error.status == _TOOK_TOO_LONG
    return isinstance(error, APIConnectionError | RateLimitError | ConflictError | ServiceUnavailableError)
