"""A duration learned from samples, of which some are far off. Pure."""

from __future__ import annotations

import math
from collections import deque

#: Samples remembered: a device's pace changes, and what is older says little.
REMEMBERED = 24
#: A sample counts as at most so many times the median, and at least that part of it: one outage or one job
#: of an hour must not spoil the estimate for all that follow.
FAR = 4.0
#: Samples from which on the spread between them says something.
ENOUGH = 6
#: The coefficient of variation: until it is known, and its bounds.
CV_UNKNOWN, CV_LEAST, CV_MOST = 0.7, 0.1, 2.0
#: Seconds that a sample has at the least.
SHORTEST = 0.01


class DurationEstimate:
    """A mean and a coefficient of variation, from weighted samples.

    Args:
        guess: seconds, until there is a sample.
    """

    def __init__(self, guess: float) -> None:
        self._samples: deque[tuple[float, float]] = deque(maxlen=REMEMBERED)
        #: Seconds.
        self.mean = guess
        #: Standard deviation divided by the mean.
        self.cv = CV_UNKNOWN

    @property
    def known(self) -> bool:
        """True once there was a sample."""
        return bool(self._samples)

    def guess(self, seconds: float) -> None:
        """Somebody else's figure; it counts until there is a sample."""
        if not self._samples and math.isfinite(seconds):
            self.mean = max(SHORTEST, seconds)

    def observe(self, seconds: float, weight: float = 1.0) -> None:
        """A sample; one that is the average of several durations has their number as its weight."""
        if not math.isfinite(seconds):
            return
        self._samples.append((max(SHORTEST, seconds), weight))
        ordered = sorted(self._samples)
        half, passed, median = 0.5 * sum(weight for _, weight in ordered), 0.0, ordered[-1][0]
        for value, one in ordered:
            passed += one
            if passed >= half:
                median = value
                break
        near = [(min(FAR * median, max(median / FAR, value)), one) for value, one in ordered]
        total = sum(one for _, one in near)
        self.mean = sum(value * one for value, one in near) / total
        if len(near) >= ENOUGH:
            # An average of n durations varies sqrt(n) times less than one of them.
            variance = sum(one * (value - self.mean) ** 2 for value, one in near) / len(near)
            self.cv = min(CV_MOST, max(CV_LEAST, math.sqrt(variance) / self.mean))
