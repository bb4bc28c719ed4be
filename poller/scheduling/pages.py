"""Chooses where a page of an account's list of jobs begins. Pure.

A page has a limited number of jobs, created from a given time on by the provider's clock. If not all jobs fit
on one page, it is placed where it is worth most.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Generic

import numpy as np

from core.bounds import CLOCK_SKEW
from poller.scheduling.call import Call
from poller.scheduling.forecast import best_window, expected_lag
from poller.scheduling.job import JobObservation, Key, ScheduledJob

#: Maximum seconds between two looks at a job, for any forecast.
LOOK_MOST = 600.0
#: The most seconds by which our clock and the provider's are assumed to differ: before the provider has
#: returned a job of ours, and the remaining uncertainty after that.
CLOCKS_UNKNOWN, CLOCKS_KNOWN = 60.0, 1.0


class Pages(Generic[Key]):
    """Places the pages.

    Args:
        size: the most jobs on a page.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        #: Seconds between the creation of the first and the last job on the last page that was full.
        self._reach = math.inf
        #: The provider's clock minus ours: minimum and maximum, as observed with our jobs; None if unknown.
        self._clock: tuple[float, float] | None = None

    def best(self, waiting: Sequence[ScheduledJob[Key]], now: float, price: float) -> list[ScheduledJob[Key]]:
        """Choose the jobs of the next page.

        Args:
            waiting: the jobs that the page may include, in any order; at least one.
            now: the time in seconds since 1970.
            price: seconds of lag that a call is worth.

        Returns:
            The jobs, in the order of their submission.
        """
        waiting = sorted(waiting, key=lambda job: job.submitted)
        lags = expected_lag(
            now,
            np.array([job.forecast.mean for job in waiting]),
            np.array([job.forecast.scale for job in waiting]),
            np.array([job.looked for job in waiting]),
        )
        # A job that was not looked at for so long must not lose against jobs that change more often.
        lags = np.where([now - job.looked >= LOOK_MOST for job in waiting], lags + price, lags)
        first = best_window([job.submitted for job in waiting], lags.tolist(), self._reach)
        end = waiting[first].submitted + self._reach
        return [job for job in waiting[first:] if job.submitted <= end][: self._size]

    def since(self, job: ScheduledJob[Key]) -> float:
        """Return the time, by the provider's clock, from which a page must begin to include this job."""
        if self._clock is None:
            return job.submitted - CLOCKS_UNKNOWN
        return job.submitted + self._clock[0] - CLOCKS_KNOWN

    def answered(self, call: Call[Key], created: Sequence[float], full: bool) -> None:
        """Record the answer to a look.

        Args:
            call: the look.
            created: when the jobs in the answer were created, by the provider's clock.
            full: whether the answer was a full page.
        """
        if call.since is not None and not call.newest_first:
            self._reach = max(created) - min(created) if full and created else math.inf

    def note_clock(self, job: ScheduledJob[Key], observation: JobObservation) -> None:
        """Update the difference of the clocks from the time at which the provider created a job of ours."""
        if observation.created is None:
            return
        ahead = observation.created - job.submitted
        if not -CLOCK_SKEW <= ahead <= CLOCK_SKEW:
            return  # implausible: a page placed by it could begin a year too early
        low, high = self._clock or (ahead, ahead)
        self._clock = (min(low, ahead), max(high, ahead))

    def is_beyond(self, job: ScheduledJob[Key], shown: Sequence[float], full: bool) -> bool:
        """Return whether a page ended before this job.

        Args:
            job: the job.
            shown: when the jobs on the page were created, by the provider's clock.
            full: whether the page was full.
        """
        created = job.submitted + (self._clock[1] if self._clock else 0.0)
        return bool(full and shown) and created > max(shown)
