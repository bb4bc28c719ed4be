"""Other methods: the paper's, a fixed interval, exponential back-off, and a clairvoyant."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable

from testkit.scheduling.tally import Tally
from testkit.scheduling.world import World, WorldJob


def clairvoyant(world: World) -> Tally:
    """The lower bound: one call per job, at the time of its completion."""
    tally = Tally("clairvoyant")
    for job in world.jobs:
        tally.calls += 1
        tally.deliver(job, job.finished)
    return tally


def _each_alone(world: World, name: str, delay: Callable[[float], float]) -> Tally:
    """Look at each job alone, with pauses of `delay(seconds since its creation)`; then fetch its result."""
    tally = Tally(name)
    for job in world.jobs:
        now = job.created
        while True:
            tally.calls += 1
            if now >= job.finished:
                break
            now += delay(now - job.created)
        tally.calls += 1
        tally.deliver(job, now)
    return tally


def fixed(world: World, interval: float = 5.0) -> Tally:
    """Look at each job once per interval."""
    return _each_alone(world, f"fixed {interval:g} s", lambda _: interval)


def backoff(world: World, first: float = 1.0, factor: float = 2.0, most: float = 60.0) -> Tally:
    """Look at each job after delays that double up to a minute."""
    # After delays of first * (1 + factor + ...) the next is factor times the last.
    return _each_alone(
        world, "exponential back-off", lambda age: min(most, first + (factor - 1.0) * age) if age else first
    )


def paper(world: World, workers: int = 16, threshold: float = 60.0, wait: float = 5.0) -> Tally:
    """Grossi et al., section 4.4: a pool of workers, and a topic to which events return.

    A worker consumes an event and looks at its job. If the job is final, the worker fetches its result. If
    the estimated completion is less than `threshold` seconds away, the worker waits for it with the client's
    own function, which polls every `wait` seconds (5 was the client's default at that time), and does nothing
    else. Otherwise the event returns to the topic with the estimate. It is filtered by the estimate, without
    a call, until its completion is near enough.

    The paper's API stated each job's estimated completion. Here the estimate is as exact as possible: the
    number of jobs before it, times the mean service time.
    """
    tally = Tally("the paper's")
    topic: deque[WorldJob] = deque()
    free = workers
    order = 0
    heap: list[tuple[float, int, str, WorldJob]] = []

    def at(instant: float, what: str, job: WorldJob) -> None:
        nonlocal order
        order += 1
        heapq.heappush(heap, (instant, order, what, job))

    def expected(job: WorldJob, now: float) -> float:
        """Return the seconds until the provider expects the job to be done."""
        device = world.devices[job.backend]
        if now >= job.started:
            return max(0.0, device.service - (now - job.started))
        # First come, first served: the jobs that leave from now until it starts are those before it.
        served_before = device.departed(job.started) - device.departed(now)
        return (served_before + 1) * device.service

    for job in world.jobs:
        at(job.created, "event", job)
    while heap:
        now, _, what, job = heapq.heappop(heap)
        if what == "event":
            topic.append(job)
        elif what == "poll":
            tally.calls += 1
            if now >= job.finished:
                tally.calls += 1
                tally.deliver(job, now)
                free += 1
            else:
                at(now + wait, "poll", job)
        while free and topic:
            job = topic.popleft()
            tally.calls += 1
            left = expected(job, now)
            if now >= job.finished:
                tally.calls += 1
                tally.deliver(job, now)
            elif left <= threshold:
                free -= 1
                at(now + wait, "poll", job)
            else:
                at(now + left - threshold, "event", job)
    return tally
