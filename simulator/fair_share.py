"""Fair-share order of a device's queue: the next job is one of the user who has used the device least.

The use of a device is counted with a half-life, so that what was used long ago does not count. Pure.
"""

from __future__ import annotations

import heapq
import math
import random
from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from typing import Protocol, TypeVar

#: Seconds of device time after which the use of a device counts half.
HALF_LIFE = 3600.0
#: Maximum number of users whose use is counted; the least one is removed first.
MAX_USERS = 2_000


class Waiting(Protocol):
    """A waiting job."""

    @property
    def user(self) -> str:
        """Its user."""
        ...

    @property
    def arrived(self) -> float:
        """When it arrived, in seconds."""
        ...

    @property
    def expected(self) -> float:
        """For how many seconds it will probably occupy the device."""
        ...


Job = TypeVar("Job", bound=Waiting)


class FairShare:
    """The use of a device by its users.

    Args:
        others: Number of other users. A few of them submit most of the jobs: user number n is drawn with a
            probability proportional to 1 / n (Zipf's law).
        load: Fraction of the time for which the other users' jobs occupy the device.
        speed_up: Seconds of device time in a second.
        source: Draws the users.
        now: The time, in seconds.
    """

    def __init__(self, others: int, load: float, speed_up: float, source: random.Random, now: float) -> None:
        self._random = source
        self._rate = math.log(2) / HALF_LIFE * speed_up
        self._names = [f"other-{number}" for number in range(1, others + 1)]
        self._weights = [1 / number for number in range(1, others + 1)]
        self._load = min(load, 1.0)
        #: The use of each user, in seconds, as of the second time.
        self._used: dict[str, tuple[float, float]] = {}
        self.settle(now)

    def settle(self, now: float) -> None:
        """Set the other users' use to that after a long time, when what they add equals what decays."""
        total = sum(self._weights)
        for name, weight in zip(self._names, self._weights, strict=True):
            self._used[name] = (self._load * weight / total / self._rate, now)

    def draw_user(self) -> str:
        """Return the user of another job that arrives."""
        return self._random.choices(self._names, self._weights)[0]

    def charge(self, user: str, seconds: float, now: float) -> None:
        """Count that a job of a user occupied the device."""
        self._used[user] = (self.used(user, now) + max(seconds, 0.0), now)
        if len(self._used) > MAX_USERS:
            del self._used[min(self._used, key=lambda name: self.used(name, now))]

    def used(self, user: str, now: float) -> float:
        """Return the use of a user."""
        seconds, at = self._used.get(user, (0.0, now))
        return seconds * math.exp(-self._rate * max(now - at, 0.0))

    def next(self, waiting: Sequence[Waiting], now: float) -> int:
        """Return the index of the job that is served next."""
        used: dict[str, float] = {}
        for job in waiting:
            if job.user not in used:
                used[job.user] = self.used(job.user, now)
        return min(range(len(waiting)), key=lambda index: (used[waiting[index].user], waiting[index].arrived))

    def order(self, waiting: Iterable[Job], running: Iterable[Job], now: float) -> list[Job]:
        """Return the jobs in the order in which they will be served if no others arrive.

        Args:
            waiting: The waiting jobs, in order of arrival.
            running: The running jobs, whose time is not counted yet.
            now: The time.
        """
        pending: defaultdict[str, float] = defaultdict(float)
        for job in running:
            pending[job.user] += job.expected
        jobs: defaultdict[str, deque[Job]] = defaultdict(deque)
        for job in waiting:
            jobs[job.user].append(job)
        heap = [(self.used(user, now) + pending[user], own[0].arrived, user) for user, own in jobs.items()]
        heapq.heapify(heap)
        ordered = []
        while heap:
            used, _, user = heapq.heappop(heap)
            job = jobs[user].popleft()
            ordered.append(job)
            if jobs[user]:
                heapq.heappush(heap, (used + job.expected, jobs[user][0].arrived, user))
        return ordered
