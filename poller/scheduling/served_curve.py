"""Estimates how many jobs a device has served by a given time, from the starts of our jobs. Pure.

In a first-come, first-served queue, a job that found q jobs when it was submitted starts after exactly those
q: between the two times the device served q jobs. So each observed start pins the curve of jobs served
relative to its value at the submission. Between pins the curve is linear. After the last and before the first
it continues at the device's pace. While the device is known to be down it is constant.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque

#: The most pins and outages kept.
PINS, OUTAGES = 2_000, 50


class ServedCurve:
    """The curve of jobs served. Only differences between its values have a meaning."""

    def __init__(self) -> None:
        self._instants: list[float] = []
        self._counts: list[float] = []
        #: Begin and end of each outage; the end of one that continues is infinity.
        self._outages: deque[tuple[float, float]] = deque(maxlen=OUTAGES)

    def up(self, begin: float, end: float) -> float:
        """Return the seconds between two times in which the device was not known to be down."""
        down = sum(max(0.0, min(end, over) - max(begin, since)) for since, over in self._outages)
        return max(0.0, end - begin - down)

    def operational(self, is_so: bool, now: float) -> None:
        """Record whether the device is operational from now on.

        Args:
            is_so: whether it is.
            now: the time in seconds since 1970.
        """
        down = bool(self._outages) and self._outages[-1][1] == float("inf")
        if is_so and down:
            self._outages.append((self._outages.pop()[0], now))
        elif not is_so and not down:
            self._outages.append((now, float("inf")))

    def down_for(self, now: float) -> float:
        """Return the seconds for which the device has been down; 0 if it is up."""
        if self._outages and self._outages[-1][1] == float("inf"):
            return max(0.0, now - self._outages[-1][0])
        return 0.0

    def by(self, instant: float, service: float) -> float:
        """Return the jobs served by a given time, counted from an arbitrary origin.

        Args:
            instant: the time in seconds since 1970.
            service: seconds per job before the first and after the last pin.
        """
        instants, counts = self._instants, self._counts
        if not instants:
            return -self.up(instant, 0.0) / service if instant < 0 else self.up(0.0, instant) / service
        if instant >= instants[-1]:
            return counts[-1] + self.up(instants[-1], instant) / service
        if instant <= instants[0]:
            return counts[0] - self.up(instant, instants[0]) / service
        index = bisect_right(instants, instant)
        begin, end = instants[index - 1], instants[index]
        part = (instant - begin) / (end - begin)
        return counts[index - 1] + part * (counts[index] - counts[index - 1])

    def pin(self, came: float, ahead: int, started: float, service: float) -> tuple[float, float] | None:
        """Record that a job of ours has started.

        Args:
            came: when it was submitted, in seconds since 1970.
            ahead: the number of jobs that it found in the queue.
            started: when it started, in seconds since 1970.
            service: seconds per job before the first and after the last pin.

        Returns:
            The jobs served since the previous pin and the seconds that this took; None if the start is not
            after the previous pin and adds nothing.
        """
        if started <= came:
            return None
        if not self._instants:
            self._instants, self._counts = [came], [0.0]
        last, count = self._instants[-1], self._counts[-1]
        if started <= last:
            return None
        # The count cannot decrease, although not every queue is strictly first come, first served.
        served = max(count, self.by(came, service) + ahead)
        self._instants.append(started)
        self._counts.append(served)
        if len(self._instants) > PINS:
            del self._instants[: PINS // 2], self._counts[: PINS // 2]
        return served - count, self.up(last, started)

    def unsure(self, came: float, now: float) -> float:
        """Return the seconds since a job's submission that are before the first or after the last pin.

        Args:
            came: when it was submitted, in seconds since 1970.
            now: the time in seconds since 1970.
        """
        if not self._instants:
            return max(0.0, now - came)
        after = now - max(self._instants[-1], came)
        before = min(self._instants[0], now) - came
        return max(0.0, after) + max(0.0, before)
