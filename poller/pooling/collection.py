"""The participants that wait: in the pool of their backend and options, or in a group. Pure."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence, Set

from core.client_sources import source_of
from poller.pooling.backend_pools import BackendPools
from poller.pooling.circuits import extent
from poller.pooling.member import Member
from poller.pooling.policy import Participant, PoolLimits
from poller.state import Key

#: Seconds after which the participants of a group run without those that have not arrived.
GROUP_WAIT = 30.0

#: Sources whose last turns are remembered.
MAX_SOURCES = 10_000

#: A backend's type and name.
TypedBackend = tuple[str, str]
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
        #: None of them is empty.
        self._backends: dict[TypedBackend, BackendPools[Key]] = {}
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
        self._backends.setdefault(_backend_of(member), BackendPools(self._limits)).add(
            member.submission.pool,
            Participant(
                member.key,
                event.client_id,
                size,
                member.consumed_at,
                event.step > 0,
                source=source_of(event.client_id),
                turn=self._turn,
            ),
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
        removed, backend = self._members.pop(member.key, None), _backend_of(member)
        if removed is not None and (pools := self._backends.get(backend)) is not None:
            pools.remove(member.key)
            self._drop_if_empty(backend, pools)

    def _drop_if_empty(self, backend: TypedBackend, pools: BackendPools[Key]) -> None:
        if not len(pools):
            del self._backends[backend]

    def clear(self) -> None:
        """Remove all participants."""
        self._members.clear()
        self._backends.clear()
        self._groups.clear()
        self._batches.clear()

    def places(self) -> dict[Key, int]:
        """Return of each participant in a pool the number of those that arrived there before it."""
        return {
            key: place
            for pools in self._backends.values()
            for pool in pools
            for key, place in pool.places().items()
        }

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
        due = []
        for backend, pools in self._backends.items():
            member = self._members[pools.first_key()]
            if may_submit(member):
                number = pending(member)
                due += [(pool, name, backend, number) for name, pool in pools.due(now, number).items()]
        # Only others for the same backend come before those that are deferred.
        others = {backend for _, _, backend, _ in due}
        batch = self._next_of_batches(may_submit, deferred=True, others=others)
        if batch is None and due:
            # By source: one with jobs of many different options has many pools, but no more turns.
            pool, name, backend, number = min(
                due, key=lambda each: (each[0].waits_since(self._served), each[0].turn)
            )
            taken = self._backends[backend].take(name, now, number)
            self._drop_if_empty(backend, self._backends[backend])
            self._record_turn({participant.source for participant in taken})
            pool.turn = self._turn
            return self._taken([self._members[participant.key] for participant in taken]), 0
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
        self,
        may_submit: Callable[[Member], bool],
        deferred: bool,
        others: Set[TypedBackend] = frozenset(),
    ) -> Batch | None:
        """Return the first batch that may be submitted.

        Args:
            may_submit: as in `next_batch`.
            deferred: whether to consider the deferred batches, or the others.
            others: backends whose batches are passed over.
        """
        # Asked once for each backend: many batches may wait, but of few backends.
        permitted = dict.fromkeys(others, False)
        for index, (members, generation) in enumerate(self._batches):
            if members and members[0].deferred == deferred:
                backend = _backend_of(members[0])
                if backend not in permitted:
                    permitted[backend] = may_submit(members[0])
                chosen = permitted[backend]
            else:
                chosen = not members
            if chosen:
                del self._batches[index]
                return self._taken(members), generation
        return None

    def _taken(self, members: Sequence[Member]) -> list[Member]:
        """Remove and return these participants, but for those that were discarded."""
        taken = [member for member in members if self.waits(member)]
        for member in taken:
            del self._members[member.key]
        return taken

    def _expire_groups(self, now: float) -> None:
        while self._groups:
            # The first one is the oldest.
            group, members = next(iter(self._groups.items()))
            if now - members[0].consumed_at <= GROUP_WAIT:
                return
            self._batches.append((self._groups.pop(group), members[0].submission.generation))

    def due_at(self, pending: Callable[[Member], int]) -> float:
        """Return when `next_batch` should be called if nothing happens before, in seconds since 1970."""
        return min(
            (pools.due_at(pending(self._members[pools.first_key()])) for pools in self._backends.values()),
            default=math.inf,
        )


def _backend_of(member: Member) -> TypedBackend:
    return member.event.backend_type, member.event.backend
