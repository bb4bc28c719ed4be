"""The jobs of one account, by key and by state. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Generic

from poller.scheduling.fair_queue import FairQueue
from poller.scheduling.job import TRANSITIONS, IllegalTransitionError, Key, ScheduledJob, State


class JobTable(Generic[Key]):
    """Holds every job and moves it between states. The queues are derived from the states."""

    def __init__(self) -> None:
        self._jobs: dict[Key, ScheduledJob[Key]] = {}
        #: The jobs in each state, in the order in which they entered it.
        self._by_state: dict[State, dict[Key, ScheduledJob[Key]]] = {state: {} for state in State}
        self._ready: FairQueue[Key] = FairQueue()

    def __len__(self) -> int:
        return len(self._jobs)

    def __iter__(self) -> Iterator[ScheduledJob[Key]]:
        return iter(self._jobs.values())

    def get(self, key: Key) -> ScheduledJob[Key] | None:
        """Return the job; None if it is not here."""
        return self._jobs.get(key)

    def keys(self) -> Iterator[Key]:
        """Return the keys of all jobs, in the order in which they were added."""
        return iter(self._jobs)

    def add(self, job: ScheduledJob[Key]) -> None:
        """Add a job. It replaces a job with the same key."""
        self.remove(job.key)
        self._jobs[job.key] = job
        self._by_state[job.state][job.key] = job

    def remove(self, key: Key) -> ScheduledJob[Key] | None:
        """Remove and return the job; None if it is not here."""
        job = self._jobs.pop(key, None)
        if job is not None:
            del self._by_state[job.state][key]
            if job.state is State.READY:
                self._ready.discard(lambda other: other == key)
        return job

    def move(self, job: ScheduledJob[Key], state: State) -> None:
        """Change a job's state.

        Raises:
            IllegalTransitionError: the state cannot follow the present one.
        """
        if state not in TRANSITIONS[job.state]:
            raise IllegalTransitionError(f"A job that is {job.state.value} cannot become {state.value}.")
        del self._by_state[job.state][job.key]
        job.state = state
        self._by_state[state][job.key] = job
        if state is State.READY:
            self._ready.put(job.client, job.key)

    def back_off(self, job: ScheduledJob[Key], until: float) -> None:
        """Make the job BACKING_OFF until a time in seconds since 1970."""
        job.retry_at = until
        if job.state is not State.BACKING_OFF:
            self.move(job, State.BACKING_OFF)

    def end_back_offs(self, now: float) -> None:
        """Make the jobs READY or LOOK_DUE whose back-off ends by `now`, in seconds since 1970."""
        for job in list(self._by_state[State.BACKING_OFF].values()):
            if job.retry_at <= now:
                self.move(job, State.READY if job.final else State.LOOK_DUE)

    def next_retry(self) -> float:
        """Return when the next back-off ends, in seconds since 1970; infinity if there is none."""
        return min((job.retry_at for job in self._by_state[State.BACKING_OFF].values()), default=math.inf)

    def first(self, state: State) -> ScheduledJob[Key] | None:
        """Return the job that has been in this state longest; None if no job is in it."""
        return next(iter(self._by_state[state].values()), None)

    def next_ready(self) -> ScheduledJob[Key] | None:
        """Make the next READY job FETCHING and return it, the clients in turn; None if no job is READY."""
        key = self._ready.pop()
        if key is None:
            return None
        job = self._jobs[key]
        self.move(job, State.FETCHING)
        return job
