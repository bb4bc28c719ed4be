"""Estimates a duration from samples with outliers. Pure."""

from __future__ import annotations

import math
from collections import deque

#: Samples kept. A device's speed changes, so older samples are discarded.
REMEMBERED = 24
#: A sample is limited to this many times the median, and to the median divided by it, so that an outage or a
#: job of an hour does not distort the estimate.
FAR = 4.0
#: The number of samples from which their spread is used.
ENOUGH = 6
#: The coefficient of variation: its value until it is known, its minimum and its maximum.
CV_UNKNOWN, CV_LEAST, CV_MOST = 0.7, 0.1, 2.0
#: The shortest duration, in seconds.
SHORTEST = 0.01


class DurationEstimate:
    """The mean and the coefficient of variation of weighted samples.

    Args:
        guess: the mean in seconds until there is a sample.
    """

    def __init__(self, guess: float) -> None:
        self._samples: deque[tuple[float, float]] = deque(maxlen=REMEMBERED)
        #: The mean, in seconds.
        self.mean = guess
        #: The standard deviation divided by the mean.
        self.cv = CV_UNKNOWN

    @property
    def known(self) -> bool:
        """Whether there is a sample."""
        return bool(self._samples)

    def guess(self, seconds: float) -> None:
        """Set the mean until there is a sample.

        Args:
            seconds: the mean. It is ignored if it is not finite or if there is a sample.
        """
        if not self._samples and math.isfinite(seconds):
            self.mean = max(SHORTEST, seconds)

    def observe(self, seconds: float, weight: float = 1.0) -> None:
        """Add a sample.

        Args:
            seconds: the duration. It is ignored if it is not finite.
            weight: the number of durations that it is the average of.
        """
        if not math.isfinite(seconds):
            return
        self._samples.append((max(SHORTEST, seconds), weight))
        ordered = sorted(self._samples)
        half, passed, median = 0.5 * sum(weight for _, weight in ordered), 0.0, ordered[-1][0]
        for value, sample_weight in ordered:
            passed += sample_weight
            if passed >= half:
                median = value
                break
        limited = [(min(FAR * median, max(median / FAR, value)), share) for value, share in ordered]
        total = sum(share for _, share in limited)
        self.mean = sum(value * share for value, share in limited) / total
        if len(limited) >= ENOUGH:
            # The average of n durations varies sqrt(n) times less than one of them.
            variance = sum(share * (value - self.mean) ** 2 for value, share in limited) / len(limited)
            self.cv = min(CV_MOST, max(CV_LEAST, math.sqrt(variance) / self.mean))
