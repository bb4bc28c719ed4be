"""Decides which circuits the next provider job carries, and when it is submitted. Pure.

The rule is Nagle's for small packets (RFC 896), with the device's queue as the network: if no job of ours is
pending, submit at once; otherwise collect, since the circuits would only wait in another place. A collection
ends when a pending job ends, when it fills a job, or when its oldest circuits have waited for long enough.
"""

from __future__ import annotations

import heapq
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from poller.pooling.extent import IBM_JOB, JobExtent

Key = TypeVar("Key")
#: In which order participants come whose clients have equally many circuits in a job.
Rank = tuple[int, bool, float]


@dataclass(slots=True)
class Participant(Generic[Key]):
    """The circuits of one client's job, which run in one provider job.

    Attributes:
        key: identifies the client's job.
        client: the client's id.
        extent: what the circuits need.
        arrived: when they arrived, in seconds.
        continuing: whether they are a later step of a loop, whose client waits for all its steps.
        passed_over: the number of jobs for which there was no room for them.
        source: who signed in, or the address of anonymous sessions: it may have many clients.
        turn: the number of jobs of pools that were composed before it arrived.
    """

    key: Key
    client: str
    extent: JobExtent
    arrived: float
    continuing: bool = False
    passed_over: int = 0
    source: str = ""
    turn: int = 0


@dataclass(frozen=True, slots=True)
class PoolLimits:
    """When to submit.

    Attributes:
        job: what one provider job may carry.
        pending: the number of pending jobs below which waiting circuits are submitted at once.
        most_pending: the most pending jobs: what the plan permits.
        wait: seconds after which circuits are submitted although `pending` jobs are pending.
        waiting: the number of participants that wait, or are being submitted, from which no further ones are
            consumed.
        waiting_bytes: the bytes of their messages from which no further ones are consumed.
    """

    job: JobExtent = IBM_JOB
    pending: int = 1
    most_pending: int = 3
    wait: float = 60.0
    waiting: int = 4_000
    waiting_bytes: int = 200_000_000

    def due_at(self, pending: int, arrived: float, is_full: bool) -> float:
        """Return when circuits that wait are due; infinite for not at all.

        Args:
            pending: the number of our jobs that are pending at the backend.
            arrived: when the first of them arrived.
            is_full: whether they fill a job.
        """
        if pending >= self.most_pending:
            return math.inf
        if pending < self.pending or is_full:
            return -math.inf
        return arrived + self.wait


class Pool(Generic[Key]):
    """The circuits that wait for a job of one backend with the same options.

    Args:
        limits: when to submit.
    """

    def __init__(self, limits: PoolLimits) -> None:
        self.limits = limits
        #: The number of jobs of pools that were composed before the pool was served last, or was new.
        self.turn = 0
        #: In the order of their arrival.
        self._waiting: dict[Key, Participant[Key]] = {}
        self._total = JobExtent()

    def __len__(self) -> int:
        return len(self._waiting)

    def __contains__(self, key: Key) -> bool:
        return key in self._waiting

    @property
    def is_full(self) -> bool:
        """Whether the participants fill a job."""
        return not self._total.fits(self.limits.job)

    def waits_since(self, served: Mapping[str, int]) -> int:
        """Return since which turn a source has waited here, the longest. The pool is not empty.

        Args:
            served: after which turn each source was served last.
        """
        return min(max(each.turn, served.get(each.source, 0)) for each in self._waiting.values())

    def places(self) -> dict[Key, int]:
        """Return of each participant the number of those that arrived before it."""
        return {key: place for place, key in enumerate(self._waiting)}

    def add(self, participant: Participant[Key]) -> None:
        """Add a participant, after those that arrived earlier.

        One that is too large for a shared job waits for its turn as the others do, and has a job of its own.

        Raises:
            ValueError: the participant is here already.
        """
        if participant.key in self._waiting:
            raise ValueError("the participant waits already")
        self._waiting[participant.key] = participant
        self._total += participant.extent

    def remove(self, key: Key) -> Participant[Key] | None:
        """Remove a participant and return it; None if it does not wait here."""
        participant = self._waiting.pop(key, None)
        if participant is not None:
            self._total -= participant.extent
        return participant

    # --- when -----------------------------------------------------------------------------------------------

    def due_at(self, pending: int) -> float:
        """Return when `take` should be called if nothing happens before; infinite for not at all.

        Args:
            pending: the number of our jobs that are pending at the backend.
        """
        if not self._waiting:
            return math.inf
        oldest = next(iter(self._waiting.values())).arrived
        return self.limits.due_at(pending, oldest, self.is_full)

    # --- who ------------------------------------------------------------------------------------------------

    def take(self, now: float, pending: int) -> list[Participant[Key]]:
        """Remove and return the participants of the job to submit now, in the order of their circuits.

        Args:
            now: the time in seconds.
            pending: the number of our jobs that are pending at the backend.

        Returns:
            The participants; empty if no job should be submitted yet.
        """
        if now < self.due_at(pending):
            return []
        chosen = self._compose()
        for participant in chosen:
            self.remove(participant.key)
        return chosen

    def _compose(self) -> list[Participant[Key]]:
        """Fill a job, each time from the client that has the fewest circuits in it, of the source that has.

        Whoever opens many sessions has no more turns than with one. Among equal clients, and within a client,
        those come first for which there was no room before, then the later steps of loops, then the oldest.
        """
        queues: dict[tuple[str, str], list[Participant[Key]]] = defaultdict(list)
        for participant in self._waiting.values():
            queues[participant.source, participant.client].append(participant)
        sources: dict[str, list[tuple[int, Rank, str]]] = defaultdict(list)
        for (source, client), queue in queues.items():
            queue.sort(key=_rank)
            queue.reverse()
            sources[source].append((0, _rank(queue[-1]), client))
        for clients in sources.values():
            heapq.heapify(clients)
        turns = [(0, clients[0], source) for source, clients in sources.items()]
        heapq.heapify(turns)
        total: JobExtent = JobExtent()
        chosen: list[Participant[Key]] = []
        while turns:
            of_source, (of_client, _, client), source = heapq.heappop(turns)
            clients, queue = sources[source], queues[source, client]
            heapq.heappop(clients)
            participant = queue.pop()
            if (total + participant.extent).fits(self.limits.job):
                total += participant.extent
                of_client += participant.extent.pubs
                of_source += participant.extent.pubs
                chosen.append(participant)
            elif not chosen and not participant.extent.fits(self.limits.job):
                return [participant]
            else:
                participant.passed_over += 1
            if queue:
                heapq.heappush(clients, (of_client, _rank(queue[-1]), client))
            if clients:
                heapq.heappush(turns, (of_source, clients[0], source))
        return chosen


def _rank(participant: Participant[Key]) -> Rank:
    return (-participant.passed_over, not participant.continuing, participant.arrived)


def groups_after_failure(members: Sequence[Key], generation: int) -> list[list[Key]]:
    """Divide the participants of a job that failed as a whole, so that a bad circuit fails alone.

    Args:
        members: the participants.
        generation: 0 for a job from the pool, 1 for one of its groups.

    Returns:
        About √n groups of nearly the same size for a job from the pool; afterwards a group for each. So no
        participant is in more than two further jobs.
    """
    count = len(members)
    groups = min(count, math.ceil(math.sqrt(count))) if generation == 0 else count
    return [list(members[index::groups]) for index in range(groups)]
