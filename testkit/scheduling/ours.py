"""The poller's own scheduler and estimator, driven in virtual time."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable

from poller.job_consumer import choose_wait_topic
from poller.scheduling.call import Call, Limits
from poller.scheduling.job import JobObservation
from poller.scheduling.scheduler import Scheduler
from testkit.scheduling.tally import Tally
from testkit.scheduling.world import World, WorldJob

#: The limits of an IBM Quantum account, and the price of its calls.
IBM = Limits(per_minute=120, price=1.0, list_every=60.0)

#: Seconds after the last job's completion by which every job must be delivered.
PATIENCE = 6 * 3_600.0


def qwhisk(world: World, limits: Limits = IBM, name: str = "qwhisk") -> Tally:
    """Run the whole scenario. Calls take no time."""
    return Run(world, limits, name).run()


class Run:
    """The scheduler on one world.

    Args:
        world: the devices and jobs.
        limits: what the account allows.
        name: the name of its row in the table.
    """

    def __init__(self, world: World, limits: Limits, name: str = "qwhisk") -> None:
        self.world = world
        self.limits = limits
        self.tally = Tally(name)
        self.scheduler: Scheduler[int] = Scheduler(limits, 0.0)
        self._heap: list[tuple[float, int, Callable[[float], None]]] = []
        self._order, self._now = 0, 0.0
        self._requeued: dict[int, tuple[float, float]] = {}
        for job in world.jobs:
            self._at(job.created, self._adder(job))

    def run(self) -> Tally:
        """Run until every job is delivered. Raises AssertionError if one is not."""
        last = max(job.finished for job in self.world.jobs) + PATIENCE
        while (left := len(self.world.jobs) - len(self.tally.lags)) > 0:
            assert self._now < last, f"{left} jobs are done for {PATIENCE:.0f} s and not delivered"
            wake = self.scheduler.next_wake(self._now) if len(self.scheduler) else float("inf")
            if self._heap and self._heap[0][0] <= wake:
                now, _, happen = heapq.heappop(self._heap)
                self._now = now
                happen(now)
            else:
                self._now = max(self._now, wake)
            self._turn(self._now)
        return self.tally

    def _at(self, instant: float, what: Callable[[float], None]) -> None:
        self._order += 1
        heapq.heappush(self._heap, (instant, self._order, what))

    def _adder(self, job: WorldJob) -> Callable[[float], None]:
        def add(now: float) -> None:
            self.scheduler.add(
                job.job_id,
                job.client,
                job.backend,
                False,
                job.created,
                job.ahead,
                now,
                *self._requeued.get(job.job_id, (None, None)),
            )

        return add

    def _turn(self, now: float) -> None:
        while (call := self.scheduler.next_call(now)) is not None:
            self.tally.calls += 1
            self.make(call, now)
        for key, seconds in self.scheduler.to_requeue(now):
            job = self.scheduler.job(key)
            assert job is not None
            self._requeued[key] = (job.forecast.mean, job.looked)
            self.scheduler.remove(key)
            self._at(now + choose_wait_topic(seconds).delay, self._adder(self.world.jobs[key]))

    def make(self, call: Call[int], now: float) -> None:
        """Make the call and report its outcome to the scheduler."""
        if call.kind == "list":
            devices = self.world.devices.values()
            self.scheduler.backends_listed(
                [(d.name, d.length(now), d.operational(now), None) for d in devices], now
            )
        elif call.kind == "fetch":
            [key] = call.keys
            self.tally.deliver(self.world.jobs[key], now)
            self.scheduler.fetch_delivered(key)
        else:
            self._look(call, now)

    def _look(self, call: Call[int], now: float) -> None:
        shown: Iterable[WorldJob]
        if call.since is None:
            shown = [self.world.jobs[call.keys[0]]]
            full = False
        else:
            shown = self.world.page(call.since, now, self.limits.page)
            full = len(shown) == self.limits.page
        self.scheduler.look_answered(call, {job.job_id: _observation(job, now) for job in shown}, now, full)


def _observation(job: WorldJob, now: float) -> JobObservation:
    started = job.started if job.started <= now else None
    finished = job.finished if job.finished <= now else None
    status = "DONE" if finished is not None else "RUNNING" if started is not None else "QUEUED"
    return JobObservation(
        status, finished is not None, job.created, started, finished, run_seconds=job.run_seconds
    )
