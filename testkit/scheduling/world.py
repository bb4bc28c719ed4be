"""Devices with their queues and jobs. All events are known in advance.

A look at a job does not change a queue, so all methods run on the same world.
"""

from __future__ import annotations

import random
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

#: The error of the running time that the provider states: the standard deviation of its logarithm.
STATED_ERROR = 0.25


@dataclass(frozen=True, slots=True)
class WorldJob:
    """One job of ours. Times are in seconds after the start."""

    job_id: int
    client: str
    backend: str
    created: float
    started: float
    finished: float
    #: The number of jobs in the device's queue when it was submitted.
    ahead: int
    #: The running time in seconds that the provider states.
    run_seconds: float


@dataclass
class WorldDevice:
    """One device. It serves one job at a time, first come, first served, and none while it is down."""

    name: str
    #: The mean duration of a job, in seconds.
    service: float
    arrivals: list[float]
    departures: list[float]
    #: When it is down: begin, end.
    down: Sequence[tuple[float, float]] = ()

    def length(self, now: float) -> int:
        """Return the number of jobs that wait or run."""
        return bisect_right(self.arrivals, now) - bisect_right(self.departures, now)

    def departed(self, now: float) -> int:
        """Return the number of jobs that are done."""
        return bisect_right(self.departures, now)

    def operational(self, now: float) -> bool:
        """Return whether the device runs jobs."""
        return not any(begin <= now < end for begin, end in self.down)


@dataclass
class World:
    """The devices and jobs of a scenario; the jobs in the order of their creation."""

    name: str
    devices: dict[str, WorldDevice]
    jobs: list[WorldJob]
    created: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.created = [job.created for job in self.jobs]

    def page(self, since: float, now: float, count: int) -> list[WorldJob]:
        """Return the oldest `count` jobs created from `since` to `now`."""
        return self.jobs[bisect_left(self.created, since) : bisect_right(self.created, now)][:count]


@dataclass(frozen=True)
class WorldPlan:
    """The input of one device.

    Attributes:
        ours: the times and clients of our jobs.
        others: the times of other users' jobs.
        draw: returns the duration of a job, in seconds.
        service: the mean duration.
        down: when the device is down: begin and end.
    """

    ours: Sequence[tuple[float, str]]
    others: Sequence[float]
    draw: Callable[[random.Random], float]
    service: float
    down: Sequence[tuple[float, float]] = ()


def build(name: str, plans: Sequence[WorldPlan], seed: int) -> World:
    """Simulate the devices and return the world."""
    devices: dict[str, WorldDevice] = {}
    jobs: list[WorldJob] = []
    for number, plan in enumerate(plans):
        dice = random.Random(f"{name}/{seed}/{number}")
        backend = f"device_{number}"
        merged = sorted([(at, "") for at in plan.others] + list(plan.ours))
        arrivals: list[float] = []
        departures: list[float] = []
        free = 0.0
        for at, client in merged:
            started = max(at, free)
            for begin, end in plan.down:
                if begin <= started < end:
                    started = end
            free = started + plan.draw(dice)
            if client:
                ahead = len(arrivals) - bisect_right(departures, at)
                stated = (free - started) * dice.lognormvariate(0.0, STATED_ERROR)
                jobs.append(WorldJob(0, client, backend, at, started, free, ahead, stated))
            arrivals.append(at)
            departures.append(free)
        devices[backend] = WorldDevice(backend, plan.service, arrivals, departures, plan.down)
    jobs.sort(key=lambda job: job.created)
    return World(name, devices, [replace(job, job_id=number) for number, job in enumerate(jobs)])
