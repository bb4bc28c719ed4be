"""The participants that wait: in the pool of their backend and options, or in a group. Pure."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence, Set

from core.client_sources import source_of
from poller.pooling.circuits import extent
from poller.pooling.member import Member
from poller.pooling.policy import Participant, Pool, PoolLimits
from poller.state import Key

#: Seconds after which the participants of a group run without those that have not arrived.
GROUP_WAIT = 30.0

#: Sources whose last turns are remembered.
MAX_SOURCES = 10_000

#: Members of one provider job, and how many jobs with their circuits have failed.
Batch = tuple[list[Member], int]


class Collection:
    """Participants by pool and by group.

    Args:
        limits: when to submit.
    """

    def __init__(self, limits: PoolLimits) -> None:
        self._limits = limits
        self._members: dict[Key, Member] = {}
        #: The pool that was served last is at the end.
        self._pools: OrderedDict[str, Pool[Key]] = OrderedDict()
        #: After which turn each source had circuits in a job of a pool last, the latest at the end.
        self._served: OrderedDict[str, int] = OrderedDict()
        #: The jobs of pools that were composed.
        self._turn = 0
        self._groups: dict[str, list[Member]] = {}
        #: Participants that run together whatever is pending, as soon as the plan permits.
        self._batches: list[Batch] = []

    def __len__(self) -> int:
        return len(self._members)

    def __iter__(self) -> Iterator[Member]:
        return iter(list(self._members.values()))

    def waits(self, member: Member) -> bool:
        """Return whether a participant is here, and not in a submission."""
        return self._members.get(member.key) is member

    def add(self, member: Member) -> None:
        """Add a participant that has arrived."""
        group = member.submission.group
        self._members[member.key] = member
        if group is None:
            self._add_to_pool(member)
            return
        arrived = self._groups.setdefault(group.id, [])
        arrived.append(member)
        if len(arrived) >= group.size:
            self._batches.append((self._groups.pop(group.id), group.generation))

    def _add_to_pool(self, member: Member) -> None:
        size, event = extent(member.submission), member.event
        self._pools.setdefault(member.submission.pool, Pool(self._limits)).add(
            Participant(
                member.key,
                event.client_id,
                size,
                member.consumed_at,
                event.step > 0,
                source=source_of(event.client_id),
                turn=self._turn,
            )
        )

    def add_batch(self, members: Sequence[Member], generation: int) -> None:
        """Add participants that run together whatever is pending."""
        self._members |= {member.key: member for member in members}
        self._batches.append((list(members), generation))

    def resume(self, backend: str) -> None:
        """Let the deferred participants at a backend have their turns again: the backend accepts jobs."""
        for members, _ in self._batches:
            for member in members:
                if member.event.backend == backend:
                    member.deferred = False

    def discard(self, member: Member) -> None:
        """Remove a participant that was cancelled."""
        removed, pool = self._members.pop(member.key, None), self._pools.get(member.submission.pool)
        if removed is not None and pool is not None:
            pool.remove(member.key)

    def clear(self) -> None:
        """Remove all participants."""
        self._members.clear()
        self._pools.clear()
        self._groups.clear()
        self._batches.clear()

    def places(self) -> dict[Key, int]:
        """Return of each participant in a pool the number of those that arrived there before it."""
        return {key: place for pool in self._pools.values() for key, place in pool.places().items()}

    def next_batch(
        self,
        now: float,
        pending: Callable[[Member], int],
        may_submit: Callable[[Member], bool],
    ) -> Batch | None:
        """Remove and return the participants of the job to submit now; None if there is none.

        Args:
            now: the time in seconds since 1970.
            pending: returns the number of our jobs in the queue of a participant's backend.
            may_submit: returns whether a job for a participant's backend may be submitted now.
        """
        self._expire_groups(now)
        if (batch := self._next_of_batches(may_submit, deferred=False)) is not None:
            return batch
        due: dict[str, int] = {}
        backends: set[str] = set()
        for name, pool in list(self._pools.items()):
            if not len(pool):
                del self._pools[name]
            elif may_submit(member := self._members[pool.first_key()]) and (
                now >= pool.due_at(number := pending(member))
            ):
                due[name] = number
                backends.add(member.event.backend)
        # Only others for the same backend come before those that are deferred.
        batch = self._next_of_batches(may_submit, deferred=True, others=backends)
        if batch is None and due:
            # By source: one with jobs of many different options has many pools, but no more turns.
            name = min(due, key=lambda each: self._pools[each].waits_since(self._served))
            taken = self._pools[name].take(now, due[name])
            self._pools.move_to_end(name)
            self._record_turn({participant.source for participant in taken})
            return self._taken([participant.key for participant in taken]), 0
        return batch

    def _record_turn(self, sources: set[str]) -> None:
        self._turn += 1
        for source in sources:
            # Whoever arrives before the next job comes before this source.
            self._served[source] = self._turn + 1
            self._served.move_to_end(source)
        while len(self._served) > MAX_SOURCES:
            self._served.popitem(last=False)

    def _next_of_batches(
        self, may_submit: Callable[[Member], bool], deferred: bool, others: Set[str] = frozenset()
    ) -> Batch | None:
        """Return the first batch that may be submitted.

        Args:
            may_submit: as in `next_batch`.
            deferred: whether to consider the deferred batches, or the others.
            others: backends whose batches are passed over.
        """
        for index, (members, generation) in enumerate(self._batches):
            if not members or (
                members[0].deferred == deferred
                and members[0].event.backend not in others
                and may_submit(members[0])
            ):
                del self._batches[index]
                return self._taken([member.key for member in members]), generation
        return None

    def _taken(self, keys: Sequence[Key]) -> list[Member]:
        """Remove and return these participants, but for those that were cancelled."""
        return [member for key in keys if (member := self._members.pop(key, None)) is not None]

    def _expire_groups(self, now: float) -> None:
        for group, members in list(self._groups.items()):
            if now - members[0].consumed_at > GROUP_WAIT:
                generation = members[0].submission.generation
                self._batches.append((self._groups.pop(group), generation))

    def due_at(self, pending: Callable[[Member], int]) -> float:
        """Return when `next_batch` should be called if nothing happens before, in seconds since 1970."""
        return min(
            (
                pool.due_at(pending(self._members[pool.first_key()]))
                for pool in self._pools.values()
                if len(pool)
            ),
            default=math.inf,
        )
