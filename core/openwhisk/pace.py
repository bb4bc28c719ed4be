"""Keeps a process's invocations under OpenWhisk's limits, which are learned from its refusals. Pure.

A stock OpenWhisk permits 60 invocations in a minute of the clock and 30 at a time, and counts those that it
refuses. Other processes use the same key: a gateway submits while pollers fetch answers. So each has a
share.
"""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable

#: The share of the permitted invocations that one process uses.
SHARE = 0.5

#: The most seconds after which an invocation asks again. The pace may become faster in that time.
ASK_AGAIN = 60.0

#: Seconds after which a slot that nobody has used is free again.
UNUSED = 2 * ASK_AGAIN

#: Slots that are kept. Further invocations get the time of the last one.
MAX_SLOTS = 100_000

#: The pause after a refusal because of too many invocations at a time, in seconds.
_AT_A_TIME = 2.0

#: A refused process slows down by this factor, up to the second number, and then returns by the third.
_SLOWER, _SLOWEST, _FASTER = 1.5, 8.0, 0.97

#: The slots that are taken are spread again when the spacing has become less than this part of theirs.
_SPREAD_AGAIN = 0.9

_MINUTE = 60.0
_PER_MINUTE = re.compile(r"in the last minute \(count: \d{1,9}, allowed: (\d{1,9})\)", re.ASCII)


def pause_after(error: object, now: float, chance: float) -> float:
    """Return the seconds to wait after a refusal without a Retry-After header.

    Args:
        error: OpenWhisk's error text.
        now: the time in seconds since 1970.
        chance: from 0 to 1, so that many callers do not come back at the same time.
    """
    if _PER_MINUTE.search(str(error)):
        # The next minute of the clock has a new count.
        return _MINUTE - now % _MINUTE + chance
    return _AT_A_TIME * (0.5 + chance)


class Pace:
    """Gives each invocation its time. Thread-safe.

    Until OpenWhisk has refused an invocation, all may be made at once. From then on they are spread over
    the minute, in the order in which they asked. When the pace becomes faster, several may come at once: each
    asks again only at the time that it was given before.

    Args:
        clock: returns seconds, and never goes back when the time of day is set.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        #: Seconds between two invocations; 0 while no limit is known.
        self._interval = 0.0
        self._slower = 1.0
        self._closed_until = 0.0
        self._last = 0.0
        #: The spacing with which the slots were spread last.
        self._spread = 0.0
        #: The times of the invocations that wait, in order.
        self._slots: OrderedDict[Hashable, float] = OrderedDict()

    def wait(self, key: Hashable) -> float:
        """Return the seconds after which an invocation may be made, or should ask again; 0 if it may be now.

        Args:
            key: of the invocation, which keeps its place as long as it waits.
        """
        now = self._clock()
        with self._lock:
            self._forget_unused(now)
            slot = self._slots.get(key)
            if slot is None:
                slot = max(now, self._closed_until, self._last + self._spacing)
            if slot <= now:
                self._slots.pop(key, None)
                self._last = max(self._last, slot)
                self._quicken(now)
                return 0.0
            if key not in self._slots and len(self._slots) < MAX_SLOTS:
                self._slots[key] = self._last = slot
            return min(slot - now, ASK_AGAIN)

    def refused(self, error: object, retry_after: float) -> None:
        """Note that OpenWhisk has refused an invocation.

        Args:
            error: its error text.
            retry_after: the seconds to wait.
        """
        now = self._clock()
        with self._lock:
            found = _PER_MINUTE.search(str(error))
            if found and int(found[1]):
                if self._interval and now >= self._closed_until:
                    # Others use more than their share.
                    self._slower = min(_SLOWEST, self._slower * _SLOWER)
                self._interval = _MINUTE / (int(found[1]) * SHARE)
            if now + retry_after > self._closed_until:
                self._closed_until = now + retry_after
                self._spread_after(self._closed_until - self._spacing)

    @property
    def _spacing(self) -> float:
        return self._interval * self._slower

    def _quicken(self, now: float) -> None:
        """Return towards the whole share; at once after a minute in which nothing was refused."""
        calm = now >= self._closed_until + _MINUTE
        self._slower = 1.0 if calm else max(1.0, self._slower * _FASTER)
        if self._spacing < self._spread * _SPREAD_AGAIN:
            self._spread_after(now)

    def _spread_after(self, time: float) -> None:
        """Give all that wait new times after a time, in order, with the present spacing."""
        self._last, self._spread = time, self._spacing
        for key in self._slots:
            self._last += self._spacing
            self._slots[key] = self._last

    def _forget_unused(self, now: float) -> None:
        while self._slots:
            key, slot = next(iter(self._slots.items()))
            if slot > now - UNUSED:
                break
            del self._slots[key]
