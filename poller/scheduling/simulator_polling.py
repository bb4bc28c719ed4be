"""Jobs of simulators: nobody estimates their completion, but most are done within milliseconds. Pure.

Each has an instant of its own for its next look, soon at first and then less often; those that are due are
looked at together.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Hashable

from poller.scheduling.call import Call
from poller.scheduling.delays import simulator_delay
from poller.scheduling.queue_estimator import Job, JobObservation

#: A job is looked at alone where so few are in question: it is told more, and a service may hold the answer.
TOGETHER = 3


class SimulatorPolling:
    """When each of an account's simulator jobs is to be looked at."""

    def __init__(self) -> None:
        #: When each is due, and since when it is watched.
        self._due: dict[Hashable, tuple[float, float]] = {}
        self._jobs: dict[Hashable, Job] = {}

    def __contains__(self, key: Hashable) -> bool:
        return key in self._due

    def add(self, job: Job, now: float) -> None:
        """Watch a job, from now on."""
        self._due[job.key], self._jobs[job.key] = (now, now), job

    def drop(self, key: Hashable) -> None:
        """Watch it no longer, if it was."""
        self._due.pop(key, None)
        self._jobs.pop(key, None)

    def wake(self, busy: Collection[Hashable]) -> float:
        """When the first of them is due that is not busy."""
        return min((due for key, (due, _) in self._due.items() if key not in busy), default=math.inf)

    def due(self, now: float, busy: Collection[Hashable], page: int) -> list[Job]:
        """The jobs that one look is to tell of now: one of a few, or up to a page of many."""
        due = [self._jobs[key] for key, (at, _) in self._due.items() if at <= now and key not in busy]
        if len(due) < TOGETHER:
            return due[:1]
        # The newest first: that is what is due, and a busy simulator has more jobs a minute than a page.
        due.sort(key=lambda job: -job.submitted)
        return due[:page]

    def saw(self, job: Job, observation: JobObservation, now: float) -> None:
        """A look told of this job."""
        job.looked = now
        _, since = self._due[job.key]
        self._due[job.key] = (math.inf if observation.final else now + simulator_delay(now - since), since)
        if observation.started is not None and job.started is None:
            job.started = observation.started

    def are_those(self, call: Call) -> bool:
        """True if the call was a look at such jobs."""
        return any(key in self._due for key in call.keys)
