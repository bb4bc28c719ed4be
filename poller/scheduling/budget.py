"""Limits the calls to one account, and pauses them after failures. Pure: time is passed in."""

from __future__ import annotations

import math

#: Seconds of the window in which calls are counted.
WINDOW = 60.0
#: The fraction of a window's calls that may be made at once.
BURST = 0.25
#: Seconds of the first pause after a failure, which doubles with each further failure, and of the longest.
PAUSE_FIRST, PAUSE_MOST = 0.5, 60.0


class Budget:
    """A token bucket: at most `per_minute` calls in any minute, and none while the account is paused.

    The bucket holds a quarter of a minute's calls and refills at three quarters per minute, so that a burst
    and the calls after it stay within the limit together.

    Args:
        per_minute: calls in any 60 seconds; None for no limit.
        now: the time in seconds.
    """

    def __init__(self, per_minute: int | None, now: float) -> None:
        self._failures = 0
        self._failed_at = -math.inf
        self._paused_until = now
        self._now = now
        self.share(per_minute)
        self._tokens = self._capacity

    def share(self, per_minute: int | None) -> None:
        """Change the limit. It changes as pollers start and stop, since they share the account's limit.

        Args:
            per_minute: calls in any 60 seconds; None for no limit.
        """
        self.per_minute = per_minute
        self._capacity = max(1.0, BURST * per_minute) if per_minute else 1.0
        # Below two calls per minute the bucket alone is the limit, and takes at least a window to refill.
        self._rate = max((per_minute - self._capacity) / WINDOW, 0.5 / WINDOW) if per_minute else 0.0
        self._tokens = min(getattr(self, "_tokens", self._capacity), self._capacity)

    def ready_at(self, now: float) -> float:
        """Return when the next call may be made; `now` or earlier if it may be made at once."""
        self._fill(now)
        ready = self._paused_until
        if self.per_minute and self._tokens < 1.0:
            ready = max(ready, now + (1.0 - self._tokens) / self._rate)
        return ready

    def charge(self, now: float) -> bool:
        """Charge a call that is made now.

        Args:
            now: the time in seconds.

        Returns:
            False if no call may be made now; nothing is charged then.
        """
        if self.ready_at(now) > now:
            return False
        if self.per_minute:
            self._tokens -= 1.0
        return True

    def refund(self) -> None:
        """Return what was charged for a call that was not made."""
        self._tokens = min(self._capacity, self._tokens + 1.0)

    def scarcity(self, now: float) -> float:
        """Return the factor on the price of a call: 1 if the bucket is at least half full, else up to 100."""
        if not self.per_minute:
            return 1.0
        self._fill(now)
        fill = self._tokens / self._capacity
        return 1.0 if fill >= 0.5 else min(100.0, (0.5 / max(fill, 0.01)) ** 2)

    def succeeded(self, asked: float | None = None) -> None:
        """Record that a call was answered. A call made before the last failure does not end the failures.

        Args:
            asked: when the call was made; None for now.
        """
        if asked is None or asked >= self._failed_at:
            self._failures = 0

    def failed(self, now: float, retry_after: float | None = None, asked: float | None = None) -> float:
        """Record that the account rejected a call or did not answer, and pause its calls.

        Args:
            now: the time in seconds.
            retry_after: seconds that the provider asked to wait; used if they are longer than our own pause.
            asked: when the call was made; None for now. Calls that were in progress at a failure and fail too
                count as the same failure.

        Returns:
            When the pause ends.
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
        """The number of failures in a row."""
        return self._failures

    def _fill(self, now: float) -> None:
        if now > self._now:
            self._tokens = min(self._capacity, self._tokens + self._rate * (now - self._now))
            self._now = now
