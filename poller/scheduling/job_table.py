"""The jobs of one account, by key and by state. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic

from poller.scheduling.fair_queue import FairQueue
from poller.scheduling.job import TRANSITIONS, IllegalTransitionError, Job, Key, State


class JobTable(Generic[Key]):
    """Holds every job and moves it between states. The queues are derived from the states."""

    def __init__(self) -> None:
        self._jobs: dict[Key, Job[Key]] = {}
        #: The jobs in each state, in the order in which they entered it.
        self._by_state: dict[State, dict[Key, Job[Key]]] = {state: {} for state in State}
        self._ready: FairQueue[Key] = FairQueue()

    def __len__(self) -> int:
        return len(self._jobs)

    def __iter__(self) -> Iterator[Job[Key]]:
        return iter(self._jobs.values())

    def get(self, key: Key) -> Job[Key] | None:
        """The job; None if there is none."""
        return self._jobs.get(key)

    def keys(self) -> Iterator[Key]:
        """The keys of all jobs."""
        return iter(self._jobs)

    def add(self, job: Job[Key]) -> None:
        """Add a job, which replaces one with the same key."""
        self.remove(job.key)
        self._jobs[job.key] = job
        self._by_state[job.state][job.key] = job

    def remove(self, key: Key) -> Job[Key] | None:
        """Remove the job and return it; None if there is none."""
        job = self._jobs.pop(key, None)
        if job is not None:
            del self._by_state[job.state][key]
            if job.state is State.READY:
                self._ready.discard(lambda other: other == key)
        return job

    def move(self, job: Job[Key], state: State) -> None:
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

    def in_state(self, state: State) -> list[Job[Key]]:
        """The jobs in this state, those that entered it first at the start."""
        return list(self._by_state[state].values())

    def first(self, state: State) -> Job[Key] | None:
        """The job that has been in this state longest; None if there is none."""
        return next(iter(self._by_state[state].values()), None)

    def next_ready(self) -> Job[Key] | None:
        """Take the READY job whose client's turn it is and make it FETCHING; None if there is none."""
        key = self._ready.take()
        if key is None:
            return None
        job = self._jobs[key]
        self.move(job, State.FETCHING)
        return job
