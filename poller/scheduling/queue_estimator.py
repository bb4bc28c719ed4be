"""One device's queue as it is seen from outside: where our jobs stand, and when each will be done. Pure.

IBM Quantum tells a device's queue length and, of our own jobs, when each was created, began to run and
finished; it tells no job's place. What is known in a queue that serves first come, first served:

- A job that found q others was preceded by q services once it begins to run. So each start that is seen shows
  how many jobs the device has served since (`served_curve`), and how long one takes: its pace.
- A job's place is what it found less what has been served since, by the starts seen and, since the last of
  them, by the pace. At least those of our own before it that are not done are before it, and at most the
  present length less our own behind it and itself.
- While the device is not operational, nothing moves.
- A job that should have been served already, and was not, shows that the device is slower than it was. The
  longer it is late, the longer that will last: what is left of a heavy-tailed delay grows with what passed.

The completion is the services before it and its own run; its variance is the sum of theirs, of what happened
unseen since the last start, and of the pace's own uncertainty.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right, insort
from typing import Any, Generic

from core.bounds import HORIZON, within
from poller.scheduling.duration_estimate import DurationEstimate
from poller.scheduling.forecast import Forecast
from poller.scheduling.job import Job, JobObservation, Key
from poller.scheduling.served_curve import ServedCurve

#: Seconds one job is taken to need on a device of which nothing is known yet.
FIRST_GUESS = 3.0
#: Services of which one start tells: it counts as so many samples at the most.
MOST_WEIGHT = 20.0
#: Uncertainty of the pace itself: the part of the time that the services before a job will take.
PACE = 0.1
#: How much longer what is late is expected to take, and how uncertain that is: parts of what has passed.
LATE_MEAN, LATE_SPREAD = 0.3, 0.6
#: The spread of a run's duration around its middle, and of what is left of one that is late: parts of the
#: coefficient of variation.
SKEWED, RUN_LATE = 0.8, 1.0
#: Seconds for which a device that went down will be down at the least.
DOWN_LEAST = 30.0
#: The uncertainty of a completion that the provider tells: part of the time until then.
TOLD_SPREAD = 0.15
#: Seconds of uncertainty at the least: clocks, and the way of an answer.
SPREAD_LEAST = 0.02
#: A logistic distribution's scale for a standard deviation of 1.
_LOGISTIC = math.sqrt(3.0) / math.pi


class Device(Generic[Key]):
    """The queue of one backend, and our jobs in it."""

    def __init__(self) -> None:
        #: Seconds between two departures, and those that a job of ours runs.
        self.service, self.run = DurationEstimate(FIRST_GUESS), DurationEstimate(FIRST_GUESS)
        #: How many times longer a job of ours runs than the provider said that it would.
        self.ratio = DurationEstimate(1.0)
        #: Our jobs, in the order in which they came.
        self.jobs: list[Job[Key]] = []
        self._served = ServedCurve()
        self._length: int | None = None
        self._length_seen = 0.0

    def add(self, job: Job[Key], now: float) -> None:
        """A job of ours is in the queue."""
        job.submitted = min(max(job.submitted, now - HORIZON), now)
        job.expected = within(job.expected, now - HORIZON, now + HORIZON)
        if job.ahead is None:
            job.ahead = self._length
        insort(self.jobs, job, key=_order)
        self._estimate(bisect_left(self.jobs, job.submitted, key=_order), job, now)

    def remove(self, job: Job[Key]) -> None:
        """The job is final, or no longer ours to watch."""
        for index in range(bisect_left(self.jobs, job.submitted, key=_order), len(self.jobs)):
            if self.jobs[index] is job:
                del self.jobs[index]
                return

    def listed(self, length: int, operational: bool, now: float, typical_wait: float | None = None) -> None:
        """The provider's list of backends told the length, and perhaps how long jobs usually wait."""
        self._length, self._length_seen = length, now
        self._served.operational(operational, now)
        if typical_wait is not None and 0 < typical_wait <= HORIZON:
            self.service.guess(typical_wait / (length + 1))

    def saw(self, job: Job[Key], observation: JobObservation, now: float) -> None:
        """A look found the job so."""
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
            self.remove(job)
            return
        job.looked = max(job.looked, now)
        if observation.completion is not None:
            job.expected, job.told = observation.completion, True
        if observation.position is not None:
            served = self._served.by(now, self.service.mean) - self._served.by(
                job.submitted, self.service.mean
            )
            job.ahead = observation.position + max(0, round(served))

    def _started(self, job: Job[Key], started: float) -> None:
        """A job of ours began to run: what it found before it has been served."""
        job.started = started
        if job.ahead is None:
            return
        pinned = self._served.pin(job.submitted, job.ahead, started, self.service.mean)
        if pinned is not None and pinned[0] >= 1.0:
            served, seconds = pinned
            self.service.observe(seconds / served, weight=min(served, MOST_WEIGHT))
            self.run.guess(self.service.mean)

    def forecast(self, now: float) -> None:
        """Estimate anew where each of our jobs stands and when it will be done."""
        for index, job in enumerate(self.jobs):
            self._estimate(index, job, now)

    def _estimate(self, index: int, job: Job[Key], now: float) -> None:
        own, own_cv = self.run.mean, self.run.cv
        if job.run_seconds is not None:
            own, own_cv = min(HORIZON, job.run_seconds * self.ratio.mean), self.ratio.cv
        if job.started is not None:
            job.forecast = _running(job.started, own, own_cv, now)
            return
        if job.told and job.expected is not None:
            left, late = max(0.0, job.expected - now), min(HORIZON, max(0.0, now - job.expected))
            job.forecast = _forecast(index, now + left, (TOLD_SPREAD * left) ** 2 + (LATE_SPREAD * late) ** 2)
            return
        service, cv = self.service.mean, self.service.cv
        least, most = float(index), self._most(index, job)
        if job.expected is not None and not self.service.known:
            # Another poller's estimate is better than a guess.
            estimate = (job.expected - now - own) / service
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
            # Uniformly between its bounds at the worst.
            unseen = min(unseen, (most - least) ** 2 / 12 / cv**2)
        mean = min(HORIZON, place * service + own + LATE_MEAN * late)
        variance = (place + unseen) * (cv * service) ** 2 + (own_cv * own) ** 2
        variance += (PACE * place * service) ** 2 + (LATE_SPREAD * late) ** 2
        job.forecast = _forecast(round(place), now + mean, variance)

    def _most(self, index: int, job: Job[Key]) -> float:
        """The jobs that may be before it: those in the queue less itself and ours behind it."""
        if self._length is None or job.submitted > self._length_seen:
            return math.inf
        seen = bisect_right(self.jobs, self._length_seen, key=_order)
        return max(float(index), self._length - 1.0 - (seen - 1 - index))


def _order(job: Job[Any]) -> float:
    return job.submitted


def _forecast(position: int, mean: float, variance: float) -> Forecast:
    spread = min(HORIZON, max(SPREAD_LEAST, math.sqrt(variance)))
    return Forecast(max(0, position), mean, _LOGISTIC * spread)


def _running(started: float, own: float, cv: float, now: float) -> Forecast:
    passed = min(HORIZON, max(0.0, now - started))
    # Durations are skewed: half of the jobs are done before this, and the mean is above it.
    middle = own / math.sqrt(1.0 + cv**2)
    late = max(0.0, passed - middle)
    mean = max(middle - passed, 0.0) + LATE_MEAN * late
    return _forecast(0, now + mean, (SKEWED * cv * middle) ** 2 + (RUN_LATE * cv * late) ** 2)
