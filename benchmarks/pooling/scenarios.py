"""What clients submit to one device, and what other users do there."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from poller.pooling.extent import JobExtent

HOUR = 3600.0
#: Seconds that the device takes for each job, whatever it carries.
OVERHEAD = 4.0
#: The number of clients, and the shots of each circuit.
CLIENTS, SHOTS = 20, 1_000
#: The mean quantum seconds of a circuit, and of another user's job.
CIRCUIT, OTHERS = 0.4, 8.0


@dataclass(frozen=True, slots=True)
class Request:
    """One client's job: circuits, and what follows them.

    Attributes:
        at: when it is submitted, in seconds; for a loop, its first step.
        client: the client.
        extent: what the circuits need.
        steps: the number of jobs, each submitted when the result of the one before has arrived.
    """

    at: float
    client: str
    extent: JobExtent
    steps: int = 1


@dataclass(frozen=True)
class Scenario:
    """The input of one run.

    Attributes:
        name: the title of its table.
        requests: what our clients submit, by time.
        others: when other users' jobs arrive, and their seconds.
        down: when the device starts no job: begin, end.
    """

    name: str
    requests: Sequence[Request]
    others: Sequence[tuple[float, float]]
    down: Sequence[tuple[float, float]] = field(default=())


def circuits(pubs: int, seconds: float) -> JobExtent:
    """Return the extent of circuits of usual size.

    Args:
        pubs: their number.
        seconds: their quantum seconds together.
    """
    return JobExtent(pubs, pubs * SHOTS, 200 * pubs, 20 * pubs, 2_000 * pubs, seconds)


def _poisson(rate: float, begin: float, end: float, dice: random.Random) -> list[float]:
    times: list[float] = []
    at = begin
    while (at := at + dice.expovariate(rate)) < end:
        times.append(at)
    return times


def _duration(mean: float, sigma: float, dice: random.Random) -> float:
    return mean * dice.lognormvariate(-(sigma**2) / 2, sigma)


def _others(utilisation: float, length: float, dice: random.Random) -> list[tuple[float, float]]:
    """Other users' jobs that keep the device busy for this part of the time."""
    rate = utilisation / (OVERHEAD + OTHERS)
    return [(at, _duration(OTHERS, 1.0, dice)) for at in _poisson(rate, 0.0, length, dice)]


def _singles(times: Sequence[float], dice: random.Random, sigma: float = 0.5) -> list[Request]:
    return [
        Request(at, f"client-{dice.randrange(CLIENTS):02d}", circuits(1, _duration(CIRCUIT, sigma, dice)))
        for at in times
    ]


def steady(seed: int) -> Scenario:
    """Four jobs in a minute, which a device that is busy half of the time can serve one by one."""
    dice = random.Random(f"steady/{seed}")
    requests = _singles(_poisson(4 / 60, 0.0, 3 * HOUR, dice), dice)
    return Scenario("steady load", requests, _others(0.5, 3 * HOUR, dice))


def crowd(seed: int) -> Scenario:
    """One job each second: more than the device can serve one by one."""
    dice = random.Random(f"crowd/{seed}")
    requests = _singles(_poisson(1.0, 0.0, HOUR, dice), dice)
    return Scenario("a job each second", requests, _others(0.5, 6 * HOUR, dice))


def burst(seed: int) -> Scenario:
    """One client submits 1,000 jobs at once, while the others go on as before."""
    dice = random.Random(f"burst/{seed}")
    many = [Request(HOUR / 2, "client-00", circuits(1, _duration(CIRCUIT, 0.5, dice))) for _ in range(1_000)]
    requests = sorted(_singles(_poisson(4 / 60, 0.0, HOUR, dice), dice) + many, key=lambda one: one.at)
    return Scenario("burst of 1,000", requests, _others(0.3, 6 * HOUR, dice))


def loops(seed: int) -> Scenario:
    """Twenty loops of 30 steps with 8 circuits each begin within a minute; single jobs arrive as before."""
    dice = random.Random(f"loops/{seed}")
    begun = [
        Request(dice.uniform(60, 120), f"client-{number:02d}", circuits(8, 8 * CIRCUIT), steps=30)
        for number in range(CLIENTS)
    ]
    requests = sorted(_singles(_poisson(2 / 60, 0.0, HOUR, dice), dice) + begun, key=lambda one: one.at)
    return Scenario("20 loops of 30 steps", requests, _others(0.3, 12 * HOUR, dice))


def heavy(seed: int) -> Scenario:
    """Few circuits take most of the time."""
    dice = random.Random(f"heavy/{seed}")
    requests = _singles(_poisson(6 / 60, 0.0, 3 * HOUR, dice), dice, sigma=2.0)
    return Scenario("heavy-tailed circuits", requests, _others(0.4, 6 * HOUR, dice))


def outage(seed: int) -> Scenario:
    """The device is down for an hour."""
    dice = random.Random(f"outage/{seed}")
    requests = _singles(_poisson(4 / 60, 0.0, 3 * HOUR, dice), dice)
    return Scenario("device down 1 h", requests, _others(0.4, 6 * HOUR, dice), down=[(HOUR, 2 * HOUR)])


SCENARIOS: list[Callable[[int], Scenario]] = [steady, crowd, burst, loops, heavy, outage]
