"""The circuits that wait for one backend, in a pool for each set of options. Pure.

A client may have many pools, such as one for each number of shots. The work to find those that are due, or
when one will be, does not depend on the number of the others.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Generic

from poller.pooling.policy import Key, Participant, Pool, PoolLimits


class BackendPools(Generic[Key]):
    """The pools of one backend.

    Args:
        limits: when to submit.
    """

    def __init__(self, limits: PoolLimits) -> None:
        self._limits = limits
        #: None of them is empty.
        self._pools: dict[str, Pool[Key]] = {}
        #: Of each participant its pool and when it arrived, in the order of their arrival.
        self._waiting: dict[Key, tuple[str, float]] = {}
        #: The pools that fill a job.
        self._full: dict[str, None] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def __iter__(self) -> Iterator[Pool[Key]]:
        return iter(self._pools.values())

    def first_key(self) -> Key:
        """Return the participant that arrived first. There is one."""
        return next(iter(self._waiting))

    def add(self, name: str, participant: Participant[Key]) -> None:
        """Add a participant.

        Args:
            name: its pool.
            participant: the participant. A new pool takes its turn as that of its last service.

        Raises:
            ValueError: the participant is here already.
        """
        if participant.key in self._waiting:
            raise ValueError("the participant waits already")
        pool = self._pools.get(name)
        if pool is None:
            pool = self._pools[name] = Pool(self._limits)
            pool.turn = participant.turn
        pool.add(participant)
        self._waiting[participant.key] = name, participant.arrived
        self._changed(name, pool)

    def remove(self, key: Key) -> None:
        """Remove a participant if it is here."""
        name, _ = self._waiting.pop(key, ("", 0.0))
        if (pool := self._pools.get(name)) is not None:
            pool.remove(key)
            self._changed(name, pool)

    def take(self, name: str, now: float, pending: int) -> list[Participant[Key]]:
        """Remove and return the participants of a job from a pool that is due.

        Args:
            name: the pool.
            now: the time in seconds.
            pending: the number of our jobs that are pending at the backend.
        """
        pool = self._pools[name]
        taken = pool.take(now, pending)
        for participant in taken:
            del self._waiting[participant.key]
        self._changed(name, pool)
        return taken

    def _changed(self, name: str, pool: Pool[Key]) -> None:
        if not len(pool):
            del self._pools[name]
        if len(pool) and pool.is_full:
            self._full[name] = None
        else:
            self._full.pop(name, None)

    def due_at(self, pending: int) -> float:
        """Return when the first pool is due; infinite for not at all.

        Args:
            pending: the number of our jobs that are pending at the backend.
        """
        if not self._waiting:
            return math.inf
        _, arrived = self._waiting[self.first_key()]
        return self._limits.due_at(pending, arrived, bool(self._full))

    def due(self, now: float, pending: int) -> dict[str, Pool[Key]]:
        """Return the pools that are due.

        Args:
            now: the time in seconds.
            pending: the number of our jobs that are pending at the backend.
        """
        if now < self.due_at(pending):
            return {}
        if pending < self._limits.pending:
            return dict(self._pools)
        due = {name: self._pools[name] for name in self._full}
        for name, arrived in self._waiting.values():
            if now < arrived + self._limits.wait:
                break
            due[name] = self._pools[name]
        # A clock that was set back may have changed the order in which they are due.
        return {name: pool for name, pool in due.items() if now >= pool.due_at(pending)}
