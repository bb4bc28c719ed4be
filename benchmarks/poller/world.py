"""Devices with their queues, and jobs in them: everything that happens, known from the start.

Looking at a job changes nothing in a queue, so one world serves all ways of looking.
"""

from __future__ import annotations

import random
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

#: By how much the running time that the provider tells for a job is off: sigma of its logarithm.
TOLD_ERROR = 0.25


@dataclass(frozen=True, slots=True)
class WorldJob:
    """One job of ours. Instants are in seconds after the start."""

    job_id: int
    client: str
    backend: str
    created: float
    started: float
    finished: float
    #: Jobs that it found in its device's queue.
    ahead: int
    #: Seconds that the provider says it will run.
    run_seconds: float


@dataclass
class WorldDevice:
    """One device: serves one job at a time, first come, first served, and none while it is down."""

    name: str
    #: Mean seconds that a job takes.
    service: float
    arrivals: list[float]
    departures: list[float]
    #: When it is down: begin, end.
    down: Sequence[tuple[float, float]] = ()

    def length(self, now: float) -> int:
        """Jobs waiting or running."""
        return bisect_right(self.arrivals, now) - bisect_right(self.departures, now)

    def departed(self, now: float) -> int:
        """Jobs that have left."""
        return bisect_right(self.departures, now)

    def operational(self, now: float) -> bool:
        """False while it is down."""
        return not any(begin <= now < end for begin, end in self.down)


@dataclass
class World:
    """A scenario's devices and jobs, these in the order of their creation."""

    name: str
    devices: dict[str, WorldDevice]
    jobs: list[WorldJob]
    created: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.created = [job.created for job in self.jobs]

    def page(self, since: float, now: float, count: int) -> list[WorldJob]:
        """The oldest `count` jobs created from `since` to now."""
        return self.jobs[bisect_left(self.created, since) : bisect_right(self.created, now)][:count]


@dataclass(frozen=True)
class WorldPlan:
    """What is to come to one device.

    Attributes:
        ours: instants and clients of our jobs.
        others: instants of other people's jobs.
        draw: gives a job's seconds on the device.
        service: their mean.
        down: when it is down.
    """

    ours: Sequence[tuple[float, str]]
    others: Sequence[float]
    draw: Callable[[random.Random], float]
    service: float
    down: Sequence[tuple[float, float]] = ()


def build(name: str, plans: Sequence[WorldPlan], seed: int) -> World:
    """Let everything happen."""
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
                told = (free - started) * dice.lognormvariate(0.0, TOLD_ERROR)
                jobs.append(WorldJob(0, client, backend, at, started, free, ahead, told))
            arrivals.append(at)
            departures.append(free)
        devices[backend] = WorldDevice(backend, plan.service, arrivals, departures, plan.down)
    jobs.sort(key=lambda job: job.created)
    return World(name, devices, [replace(job, job_id=number) for number, job in enumerate(jobs)])
