"""Ways to divide circuits into provider jobs, behind one interface."""

from __future__ import annotations

import math
from typing import Protocol

from poller.pooling.policy import Participant, Pool, PoolLimits
from poller.scheduling.fair_queue import FairQueue

#: Participants of one provider job.
ProviderJob = list[Participant[int]]


class Method(Protocol):
    """Collects participants and divides them into jobs."""

    name: str

    def add(self, participant: Participant[int]) -> None:
        """Add a participant that arrives now."""

    def due_at(self, pending: int) -> float:
        """Return when `take` should be called if nothing happens before; infinite for not at all."""

    def take(self, now: float, pending: int) -> ProviderJob:
        """Return the job to submit now; empty if there is none."""


class Direct:
    """A provider job for each client's job, the clients in turn, as many pending as the plan permits.

    Args:
        limits: what the plan permits.
    """

    name = "direct"

    def __init__(self, limits: PoolLimits) -> None:
        self._most = limits.most_pending
        self._queue: FairQueue[Participant[int]] = FairQueue()

    def add(self, participant: Participant[int]) -> None:
        """Append it to the client's queue."""
        self._queue.put(participant.client, participant)

    def due_at(self, pending: int) -> float:
        """Now, if a job waits and the plan permits another one."""
        return -math.inf if len(self._queue) and pending < self._most else math.inf

    def take(self, now: float, pending: int) -> ProviderJob:
        """Return the next client's oldest job."""
        if self.due_at(pending) > now:
            return []
        participant = self._queue.pop()
        return [] if participant is None else [participant]


class Pooled:
    """The policy of `poller/pooling`.

    Args:
        limits: when to submit.
        name: its name in the table.
    """

    def __init__(self, limits: PoolLimits, name: str = "pooled") -> None:
        self.name = name
        self._pool: Pool[int] = Pool(limits)

    def add(self, participant: Participant[int]) -> None:
        """Add it to the pool."""
        self._pool.add(participant)

    def due_at(self, pending: int) -> float:
        """Return when the pool is due."""
        return self._pool.due_at(pending)

    def take(self, now: float, pending: int) -> ProviderJob:
        """Return what the pool gives."""
        return self._pool.take(now, pending)


def window(limits: PoolLimits, seconds: float) -> Pooled:
    """Return the method that collects for a fixed time, whatever is pending.

    Args:
        limits: what the plan permits.
        seconds: the time.
    """
    fixed = PoolLimits(limits.job, pending=0, most_pending=limits.most_pending, wait=seconds)
    return Pooled(fixed, f"window of {seconds:g} s")
