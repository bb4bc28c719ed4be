"""One device in virtual time: it takes the jobs of its queue one at a time, first come, first served."""

from __future__ import annotations

import heapq
import itertools
import math
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from benchmarks.pooling.methods import Method, ProviderJob
from benchmarks.pooling.scenarios import OVERHEAD, Request, Scenario
from poller.pooling.policy import Participant
from testkit.percentile import percentile

#: Seconds from a step's result to the next step's submission.
STEP = 0.5


@dataclass
class Outcome:
    """What a method achieved.

    Attributes:
        name: the method.
        jobs: the number of provider jobs.
        waits: for each client, the seconds from each request to its (last) result.
        busy: the seconds for which our jobs kept the device.
    """

    name: str
    jobs: int = 0
    busy: float = 0.0
    waits: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    @property
    def all_waits(self) -> list[float]:
        """The waits of all clients."""
        return [wait for waits in self.waits.values() for wait in waits]

    @property
    def mean(self) -> float:
        """The mean seconds to the result."""
        return sum(self.all_waits) / len(self.all_waits)

    @property
    def p99(self) -> float:
        """The seconds to the result that one request in a hundred exceeds."""
        return percentile(self.all_waits, 0.99)

    @property
    def worst(self) -> float:
        """The mean seconds to the result of the client for which they are longest."""
        return max(sum(waits) / len(waits) for waits in self.waits.values())

    @property
    def fairness(self) -> float:
        """Jain's index of the clients' mean seconds: 1 if all are equal, 1 / clients if one has all."""
        means = [sum(waits) / len(waits) for waits in self.waits.values()]
        return sum(means) ** 2 / (len(means) * sum(mean**2 for mean in means))


class _Run:
    """The events of one run. Ours and others' jobs are in one queue; None is another user's job."""

    def __init__(self, scenario: Scenario, method: Method, late: bool) -> None:
        self.scenario = scenario
        self.method = method
        #: Whether circuits are chosen when the device takes a job, which is always ours if one waits.
        self.late = late
        self.outcome = Outcome(method.name)
        self._order = itertools.count()
        self._events: list[tuple[float, int, Callable[[float], None]]] = []
        self._queue: deque[tuple[ProviderJob | None, float]] = deque()
        self._running: ProviderJob | None = None
        self._idle = True
        self._pending = 0
        self._left: dict[int, tuple[Request, int]] = {}
        self._unfinished = len(scenario.requests)
        for request in scenario.requests:
            self._at(request.at, partial(self._submit, request, request.steps))
        for at, seconds in scenario.others:
            self._at(at, partial(self._other, seconds))
        for _, end in scenario.down:
            self._at(end, _nothing)

    def _at(self, when: float, happens: Callable[[float], None]) -> None:
        heapq.heappush(self._events, (when, next(self._order), happens))

    def run(self) -> Outcome:
        while self._unfinished:
            now, _, happens = heapq.heappop(self._events)
            happens(now)
            self._fill(now)
            self._start(now)
        return self.outcome

    def _other(self, seconds: float, _now: float) -> None:
        self._queue.append((None, seconds))

    def _submit(self, request: Request, left: int, now: float) -> None:
        key = next(self._order)
        self._left[key] = (request, left)
        self.method.add(Participant(key, request.client, request.extent, now, left < request.steps))

    def _fill(self, now: float) -> None:
        """Submit what the method wants to submit, and return at the time that it names."""
        while not self.late and (job := self.method.take(now, self._pending)):
            self._queue.append((job, _seconds(job)))
            self._pending += 1
        due = self.method.due_at(self._pending)
        if now < due < math.inf:
            self._at(due, _nothing)

    def _start(self, now: float) -> None:
        down = any(begin <= now < end for begin, end in self.scenario.down)
        if not self._idle or down:
            return
        if self.late and (chosen := self.method.take(now, 0)):
            self._queue.appendleft((chosen, _seconds(chosen)))
        if not self._queue:
            return
        job, seconds = self._queue.popleft()
        self._idle, self._running = False, job
        if job is not None:
            self.outcome.jobs += 1
            self.outcome.busy += OVERHEAD + seconds
        self._at(now + OVERHEAD + seconds, self._done)

    def _done(self, now: float) -> None:
        """End the running job."""
        job, self._running, self._idle = self._running, None, True
        if job is None:
            return
        self._pending -= not self.late
        for participant in job:
            request, left = self._left.pop(participant.key)
            if left > 1:
                self._at(now + STEP, partial(self._submit, request, left - 1))
            else:
                self.outcome.waits[request.client].append(now - request.at)
                self._unfinished -= 1


def _nothing(_now: float) -> None:
    """Happens when only the time matters."""


def _seconds(job: ProviderJob) -> float:
    return sum(participant.extent.seconds for participant in job)


def run(scenario: Scenario, method: Method, late: bool = False) -> Outcome:
    """Run a scenario until every request has its result.

    Args:
        scenario: the requests and the device.
        method: divides the circuits into jobs.
        late: whether our next job has no wait but for the running one and is filled when the device takes
            it: a bound, for no client of a provider can do this.
    """
    return _Run(scenario, method, late).run()
