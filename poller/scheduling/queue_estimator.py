"""Estimates the positions and completions of our jobs in the queue of one device. Pure.

IBM Quantum states the length of a device's queue and, for our jobs, when each was created, started and
finished. It does not state a job's position. In a first-come, first-served queue the following is known:

- A job that found q jobs in the queue starts after q services. So each observed start shows how many jobs the
  device has served since (`served_curve`), and how long one service takes: its pace.
- A job's position is the number of jobs that it found minus the jobs served since. These are counted by the
  observed starts and, after the last of them, by the pace. The position is at least the number of our own
  unfinished jobs before it, and at most the current length minus our jobs behind it and itself.
- While the device is not operational, the queue does not move.
- A job that should have been served and was not shows that the device is slower than before. The longer the
  delay, the longer the rest of it: the expected rest of a heavy-tailed delay grows with the time passed.

The time to completion is the sum of the services before the job and its own run. Its variance is the sum of
their variances, of the uncertainty since the last observed start, and of the uncertainty of the pace.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right, insort
from typing import Any, Generic

from core.bounds import HORIZON, value_within
from poller.scheduling.duration_estimate import DurationEstimate
from poller.scheduling.forecast import Forecast
from poller.scheduling.job import JobObservation, Key, ScheduledJob
from poller.scheduling.served_curve import ServedCurve

#: The assumed seconds per job on a device that is not known yet.
FIRST_GUESS = 3.0
#: The most samples that one observed start counts as.
MOST_WEIGHT = 20.0
#: The uncertainty of the pace, as a fraction of the time that the services before a job take.
PACE = 0.1
#: The expected rest of a delay and its standard deviation, as fractions of the delay so far.
LATE_MEAN, LATE_SPREAD = 0.3, 0.6
#: The spread of a run's duration around its median, and of the rest of a late run, as fractions of the
#: coefficient of variation.
SKEWED, RUN_LATE = 0.8, 1.0
#: The least seconds for which a device that is down is expected to stay down.
DOWN_LEAST = 30.0
#: The uncertainty of a completion that the provider states, as a fraction of the time until then.
STATED_SPREAD = 0.15
#: The least uncertainty in seconds: clocks and network latency.
SPREAD_LEAST = 0.02
#: A logistic distribution's scale for a standard deviation of 1.
_LOGISTIC = math.sqrt(3.0) / math.pi


class Device(Generic[Key]):
    """The queue of one device, and our jobs in it."""

    def __init__(self) -> None:
        #: Seconds between two departures, and the seconds that a job of ours runs.
        self.service, self.run = DurationEstimate(FIRST_GUESS), DurationEstimate(FIRST_GUESS)
        #: The run time of our jobs divided by the run time that the provider stated.
        self.ratio = DurationEstimate(1.0)
        #: Our jobs, in the order of their submission.
        self.jobs: list[ScheduledJob[Key]] = []
        self._served = ServedCurve()
        #: The jobs in the queue as listed, without those of ours that have ended since; None if unknown.
        self._length: int | None = None
        self._length_seen = 0.0

    def length(self, before: float = math.inf) -> int | None:
        """Return the jobs in the queue: those listed that have not ended since, and ours since.

        Args:
            before: ours that were submitted at this time or later are not counted, in seconds since 1970.

        Returns:
            The number; None if the queue was not listed.
        """
        if self._length is None:
            return None
        ours = bisect_left(self.jobs, before, key=_order)
        later = max(0, ours - bisect_right(self.jobs, self._length_seen, key=_order))
        return max(ours, self._length + later)

    def add(self, job: ScheduledJob[Key], now: float) -> None:
        """Add a job of ours.

        Args:
            job: the job. Implausible times in it are corrected.
            now: the time in seconds since 1970.
        """
        job.submitted = min(max(job.submitted, now - HORIZON), now)
        job.expected = value_within(job.expected, now - HORIZON, now + HORIZON)
        if job.ahead is None:
            job.ahead = self.length(job.submitted)
        insort(self.jobs, job, key=_order)
        self._estimate(bisect_left(self.jobs, job.submitted, key=_order), job, now)

    def remove(self, job: ScheduledJob[Key]) -> None:
        """Remove a job: it is final or no longer tracked. A job that is not here is ignored."""
        for index in range(bisect_left(self.jobs, job.submitted, key=_order), len(self.jobs)):
            if self.jobs[index] is job:
                del self.jobs[index]
                return

    def listed(self, length: int, operational: bool, now: float, typical_wait: float | None = None) -> None:
        """Record what the provider's list of backends states.

        Args:
            length: the number of jobs in the queue.
            operational: whether the device runs jobs.
            now: the time in seconds since 1970.
            typical_wait: the usual wait in seconds; None if it is not stated.
        """
        self._length, self._length_seen = length, now
        self._served.operational(operational, now)
        if typical_wait is not None and 0 < typical_wait <= HORIZON:
            self.service.guess(typical_wait / (length + 1))

    def saw(self, job: ScheduledJob[Key], observation: JobObservation, now: float) -> None:
        """Record what a look showed about a job of ours.

        Args:
            job: the job.
            observation: its state at the provider.
            now: when the look was started, in seconds since 1970.
        """
        observation = observation.bounded(job.submitted, now)
        if observation.run_seconds is not None:
            job.run_seconds = observation.run_seconds
        if observation.started is not None and job.started is None:
            self._started(job, observation.started)
        if observation.final:
            if observation.started is not None and observation.finished is not None:
                took = observation.finished - observation.started
                self.run.observe(took)
                if job.run_seconds:
                    self.ratio.observe(took / job.run_seconds)
            self._ended(job, observation.finished)
            self.remove(job)
            return
        job.looked = max(job.looked, now)
        if observation.completion is not None:
            job.expected, job.stated = observation.completion, True
        if observation.position is not None:
            served = self._served.by(now, self.service.mean) - self._served.by(
                job.submitted, self.service.mean
            )
            job.ahead = observation.position + max(0, round(served))

    def _ended(self, job: ScheduledJob[Key], finished: float | None) -> None:
        """Record that a job of ours has ended: if the list counted it, the queue is shorter by one now."""
        last = job.looked if finished is None else finished
        if self._length and job.submitted <= self._length_seen < last:
            self._length -= 1

    def _started(self, job: ScheduledJob[Key], started: float) -> None:
        """Record that a job of ours started: the jobs that it found in the queue have been served."""
        job.started = started
        if job.ahead is None:
            return
        pinned = self._served.pin(job.submitted, job.ahead, started, self.service.mean)
        if pinned is not None and pinned[0] >= 1.0:
            served, seconds = pinned
            self.service.observe(seconds / served, weight=min(served, MOST_WEIGHT))
            self.run.guess(self.service.mean)

    def forecast(self, now: float) -> None:
        """Update the forecasts of all our jobs."""
        for index, job in enumerate(self.jobs):
            self._estimate(index, job, now)

    def _estimate(self, index: int, job: ScheduledJob[Key], now: float) -> None:
        run, run_cv = self.run.mean, self.run.cv
        if job.run_seconds is not None:
            run, run_cv = min(HORIZON, job.run_seconds * self.ratio.mean), self.ratio.cv
        if job.started is not None:
            job.forecast = _running(job.started, run, run_cv, now)
            return
        if job.stated and job.expected is not None:
            left, late = max(0.0, job.expected - now), min(HORIZON, max(0.0, now - job.expected))
            job.forecast = _forecast(
                index, now + left, (STATED_SPREAD * left) ** 2 + (LATE_SPREAD * late) ** 2
            )
            return
        service, cv = self.service.mean, self.service.cv
        least, most = float(index), self._most(index, job)
        if job.expected is not None and not self.service.known:
            # Another poller's estimate is better than a guess.
            estimate = (job.expected - now - run) / service
        else:
            served = self._served.by(now, service) - self._served.by(job.submitted, service)
            estimate = (job.ahead or 0) - served
        place = max(least, min(most, estimate))
        late = min(HORIZON, max(0.0, least - estimate) * service)
        down = min(HORIZON, self._served.down_for(now))
        if down:
            late += DOWN_LEAST + down
        unseen = 1.0 + self._served.unsure(job.submitted, now) / service
        if most < math.inf:
            # At worst the position is uniformly distributed between its bounds.
            unseen = min(unseen, (most - least) ** 2 / 12 / cv**2)
        mean = min(HORIZON, place * service + run + LATE_MEAN * late)
        variance = (place + unseen) * (cv * service) ** 2 + (run_cv * run) ** 2
        variance += (PACE * place * service) ** 2 + (LATE_SPREAD * late) ** 2
        job.forecast = _forecast(round(place), now + mean, variance)

    def _most(self, index: int, job: ScheduledJob[Key]) -> float:
        """Return the most jobs that may be before it: the queue without itself and our jobs behind it."""
        if self._length is None or job.submitted > self._length_seen:
            return math.inf
        seen = bisect_right(self.jobs, self._length_seen, key=_order)
        return max(float(index), self._length - 1.0 - (seen - 1 - index))


def _order(job: ScheduledJob[Any]) -> float:
    return job.submitted


def _forecast(position: int, mean: float, variance: float) -> Forecast:
    spread = min(HORIZON, max(SPREAD_LEAST, math.sqrt(variance)))
    return Forecast(max(0, position), mean, _LOGISTIC * spread)


def _running(started: float, run: float, cv: float, now: float) -> Forecast:
    passed = min(HORIZON, max(0.0, now - started))
    # Durations are skewed: this is the median, which is below the mean.
    median = run / math.sqrt(1.0 + cv**2)
    late = max(0.0, passed - median)
    mean = max(median - passed, 0.0) + LATE_MEAN * late
    return _forecast(0, now + mean, (SKEWED * cv * median) ** 2 + (RUN_LATE * cv * late) ** 2)
