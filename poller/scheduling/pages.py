"""What one page of an account's list of jobs covers, and where it is to begin. Pure.

A page tells of so many jobs from an instant of creation on, by the provider's clock. Where there are
more than that, it is placed where it is worth most.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Generic

import numpy as np

from core.bounds import CLOCK_SKEW
from poller.scheduling.call import Call
from poller.scheduling.forecast import best_window, expected_lag
from poller.scheduling.job import Job, JobObservation, Key

#: Seconds between looks at a job at the most, whatever is expected.
LOOK_MOST = 600.0
#: Seconds by which our clock and the provider's may differ before a job of ours was seen there, and after.
CLOCKS_UNKNOWN, CLOCKS_KNOWN = 60.0, 1.0


class Pages(Generic[Key]):
    """Places the pages.

    Args:
        size: jobs that a page tells of at the most.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        #: Seconds of creation that a page covered when there was more than it could tell.
        self._reach = math.inf
        #: The provider's clock less ours, at least and at most, as far as jobs of ours tell.
        self._clock: tuple[float, float] | None = None

    def best(self, waiting: Sequence[Job[Key]], now: float, price: float) -> list[Job[Key]]:
        """The jobs to ask about now, in the order of their creation.

        Args:
            waiting: jobs that may be asked about, in any order; at least one.
            now: the time.
            price: what a call is worth, in seconds of lag.
        """
        waiting = sorted(waiting, key=lambda job: job.submitted)
        lags = expected_lag(
            now,
            np.array([job.forecast.mean for job in waiting]),
            np.array([job.forecast.scale for job in waiting]),
            np.array([job.looked for job in waiting]),
        )
        # What was not looked at for so long must not be left out for what changes more often.
        lags = np.where([now - job.looked >= LOOK_MOST for job in waiting], lags + price, lags)
        first = best_window([job.submitted for job in waiting], lags.tolist(), self._reach)
        end = waiting[first].submitted + self._reach
        return [job for job in waiting[first:] if job.submitted <= end][: self._size]

    def since(self, job: Job[Key]) -> float:
        """The instant, by the provider's clock, from which on a page has this job."""
        if self._clock is None:
            return job.submitted - CLOCKS_UNKNOWN
        return job.submitted + self._clock[0] - CLOCKS_KNOWN

    def answered(self, call: Call[Key], created: Sequence[float], full: bool) -> None:
        """A look was answered with jobs created at these instants."""
        if call.since is not None and not call.newest_first:
            self._reach = max(created) - min(created) if full and created else math.inf

    def note_clock(self, job: Job[Key], observation: JobObservation) -> None:
        """The provider told when it created a job of ours."""
        if observation.created is None:
            return
        ahead = observation.created - job.submitted
        if not -CLOCK_SKEW <= ahead <= CLOCK_SKEW:
            return  # no clock is so wrong: a page placed by it would begin a year too early
        low, high = self._clock or (ahead, ahead)
        self._clock = (min(low, ahead), max(high, ahead))

    def is_beyond(self, job: Job[Key], shown: Sequence[float], full: bool) -> bool:
        """True if a page of the oldest jobs, created at the instants `shown`, ended before this job."""
        created = job.submitted + (self._clock[1] if self._clock else 0.0)
        return bool(full and shown) and created > max(shown)
