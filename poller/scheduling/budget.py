"""How many calls one account may be asked, and when it asked for patience. Pure: time is told."""

from __future__ import annotations

import math

#: Seconds of the window in which calls are counted.
WINDOW = 60.0
#: The part of a window's calls that may come at once.
BURST = 0.25
#: Seconds of pause after a failure; doubled with each further one up to the most.
PAUSE_FIRST, PAUSE_MOST = 0.5, 60.0


class Budget:
    """A token bucket: in no minute more than `per_minute` calls, and none while the account is paused.

    The bucket holds a quarter of a minute's calls and is filled with three quarters a minute, so that a burst
    and what follows it stay within the limit together.

    Args:
        per_minute: calls in any 60 seconds; None for any number.
        now: the time, in seconds.
    """

    def __init__(self, per_minute: int | None, now: float) -> None:
        self._failures = 0
        self._failed_at = -math.inf
        self._paused_until = now
        self._now = now
        self.share(per_minute)
        self._tokens = self._capacity

    def share(self, per_minute: int | None) -> None:
        """Set the limit anew: pollers come and go, and share what the account allows."""
        self.per_minute = per_minute
        self._capacity = max(1.0, BURST * per_minute) if per_minute else 1.0
        # With less than two calls a minute the bucket alone is the limit, and takes a window to fill.
        self._rate = max((per_minute - self._capacity) / WINDOW, 0.5 / WINDOW) if per_minute else 0.0
        self._tokens = min(getattr(self, "_tokens", self._capacity), self._capacity)

    def ready_at(self, now: float) -> float:
        """When the next call may be made; `now` or earlier if at once."""
        self._fill(now)
        ready = self._paused_until
        if self.per_minute and self._tokens < 1.0:
            ready = max(ready, now + (1.0 - self._tokens) / self._rate)
        return ready

    def take(self, now: float) -> bool:
        """Take note of a call that is made now; False if it may not be."""
        if self.ready_at(now) > now:
            return False
        if self.per_minute:
            self._tokens -= 1.0
        return True

    def scarcity(self, now: float) -> float:
        """How many times dearer a call is than with a full bucket: 1 with half of it or more, more below."""
        if not self.per_minute:
            return 1.0
        self._fill(now)
        part = self._tokens / self._capacity
        return 1.0 if part >= 0.5 else min(100.0, (0.5 / max(part, 0.01)) ** 2)

    def succeeded(self, asked: float | None = None) -> None:
        """A call was answered; one that was made before a failure says nothing of what was after it.

        Args:
            asked: when the call was made; None for now.
        """
        if asked is None or asked >= self._failed_at:
            self._failures = 0

    def failed(self, now: float, retry_after: float | None = None, asked: float | None = None) -> float:
        """A call was refused for now, or not answered at all; gives the instant until which none is made.

        Args:
            now: the time, in seconds.
            retry_after: seconds that the provider asked to wait; obeyed where they are longer.
            asked: when the call was made; None for now. Calls that were under way at a failure and fail too
                are one trouble with it.
        """
        if asked is None or asked >= self._failed_at:
            self._failures += 1
            self._failed_at = now
        pause = min(PAUSE_MOST, PAUSE_FIRST * 2.0 ** min(max(0, self._failures - 1), 16))
        if retry_after is not None and retry_after > pause:
            pause = retry_after
        self._paused_until = max(self._paused_until, now + pause)
        return self._paused_until

    @property
    def failures(self) -> int:
        """Calls in a row that failed."""
        return self._failures

    def _fill(self, now: float) -> None:
        if now > self._now:
            self._tokens = min(self._capacity, self._tokens + self._rate * (now - self._now))
            self._now = now
