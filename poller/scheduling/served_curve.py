"""How many jobs a device has served by any instant, as far as starts of our own jobs tell. Pure.

In a queue that serves first come, first served, a job that found q jobs when it came and starts later was
preceded by just those q: between the two instants the device served q jobs. Each start seen so pins the curve
of jobs served to what it was when the job came. Between pins the curve is straight; beyond the last, and
before the first, it goes on at the device's pace; while the device is known to be down it stands still.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque

#: Pins remembered, and outages.
PINS, OUTAGES = 2_000, 50


class ServedCurve:
    """The curve of jobs served. Only its differences mean something."""

    def __init__(self) -> None:
        self._instants: list[float] = []
        self._counts: list[float] = []
        #: Begin and end of each outage; an end of infinity is one that goes on.
        self._outages: deque[tuple[float, float]] = deque(maxlen=OUTAGES)

    def up(self, begin: float, end: float) -> float:
        """Seconds between two instants in which the device was not known to be down."""
        down = sum(max(0.0, min(end, over) - max(begin, since)) for since, over in self._outages)
        return max(0.0, end - begin - down)

    def operational(self, is_so: bool, now: float) -> None:
        """The device is up, or down, from now on."""
        down = bool(self._outages) and self._outages[-1][1] == float("inf")
        if is_so and down:
            self._outages.append((self._outages.pop()[0], now))
        elif not is_so and not down:
            self._outages.append((now, float("inf")))

    def down_for(self, now: float) -> float:
        """Seconds for which the device has been down; 0 while it is up."""
        if self._outages and self._outages[-1][1] == float("inf"):
            return max(0.0, now - self._outages[-1][0])
        return 0.0

    def by(self, instant: float, service: float) -> float:
        """Jobs served by `instant`, from an origin that no one needs to know.

        Args:
            service: seconds a job takes where no pin tells.
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
        """A job of ours that found `ahead` jobs when it came has started.

        Returns:
            The jobs served since the pin before and the seconds that took, or None where the start tells
            nothing new: out of order, or at the same instant.
        """
        if started <= came:
            return None
        if not self._instants:
            self._instants, self._counts = [came], [0.0]
        last, count = self._instants[-1], self._counts[-1]
        if started <= last:
            return None
        # What was served cannot become less; not every queue is quite first come, first served.
        served = max(count, self.by(came, service) + ahead)
        self._instants.append(started)
        self._counts.append(served)
        if len(self._instants) > PINS:
            del self._instants[: PINS // 2], self._counts[: PINS // 2]
        return served - count, self.up(last, started)

    def unsure(self, came: float, now: float) -> float:
        """Seconds between a job's coming and now of which no pin tells."""
        if not self._instants:
            return max(0.0, now - came)
        after = now - max(self._instants[-1], came)
        before = min(self._instants[0], now) - came
        return max(0.0, after) + max(0.0, before)
