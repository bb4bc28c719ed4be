"""The scenarios: steady, heavy-tailed, a burst, an hour's outage, a day."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence

from testkit.scheduling.world import World, WorldPlan, build

#: The number of devices and of clients, and the mean duration of a job in seconds.
DEVICES, CLIENTS, SERVICE = 3, 20, 4.0
HOUR, DAY = 3600.0, 86_400.0
#: The fraction of the time in which the devices run jobs, other users' and ours.
UTILISATION = 0.92


def lognormal(sigma: float) -> Callable[[random.Random], float]:
    """Return a function that draws durations with mean `SERVICE`.

    Args:
        sigma: the standard deviation of the logarithm. With 0.5 the durations vary by half the mean, with 1.5
            by three times the mean.
    """

    def draw(dice: random.Random) -> float:
        return SERVICE * dice.lognormvariate(-(sigma**2) / 2, sigma)

    return draw


def _poisson(
    rate: float, length: float, dice: random.Random, shape: Callable[[float], float] = lambda _: 1.0
) -> list[float]:
    """Return arrivals at `rate` times `shape`, which is at most 2 (by thinning)."""
    arrivals: list[float] = []
    at = 0.0
    while True:
        at += dice.expovariate(2.0 * rate)
        if at >= length:
            return arrivals
        if dice.random() < shape(at) / 2.0:
            arrivals.append(at)


def _clients(times: Sequence[float], dice: random.Random) -> list[tuple[float, str]]:
    return [(at, f"client-{dice.randrange(CLIENTS):02d}") for at in times]


def _devices(
    name: str,
    seed: int,
    length: float,
    ours: float,
    sigma: float = 0.5,
    shape: Callable[[float], float] = lambda _: 1.0,
    down: dict[int, Sequence[tuple[float, float]]] | None = None,
    more: dict[int, list[tuple[float, str]]] | None = None,
    utilisation: float = UTILISATION,
) -> World:
    """Build devices that receive `ours` of our jobs per second together, and other users' jobs."""
    plans = []
    for number in range(DEVICES):
        dice = random.Random(f"{name}/{seed}/{number}/arrivals")
        rate = ours / DEVICES
        plans.append(
            WorldPlan(
                ours=_clients(_poisson(rate, length, dice, shape), dice) + (more or {}).get(number, []),
                others=_poisson(max(1e-9, utilisation / SERVICE - rate), length, dice, shape),
                draw=lognormal(sigma),
                service=SERVICE,
                down=(down or {}).get(number, ()),
            )
        )
    return build(name, plans, seed)


def steady(seed: int) -> World:
    """Three hours of the same load."""
    return _devices("steady load", seed, 3 * HOUR, ours=0.3)


def heavy(seed: int) -> World:
    """The same with some very long service times."""
    return _devices("heavy-tailed service", seed, 3 * HOUR, ours=0.3, sigma=1.5, utilisation=0.8)


def burst(seed: int) -> World:
    """One client submits 1,000 jobs within ten seconds, while 19 others continue as before."""
    dice = random.Random(f"burst/{seed}")
    many: dict[int, list[tuple[float, str]]] = {number: [] for number in range(DEVICES)}
    for number in range(1000):
        many[number % DEVICES].append((HOUR / 2 + dice.uniform(0, 10), "client-00"))
    return _devices("burst of 1,000", seed, 2 * HOUR, ours=0.1, more=many, utilisation=0.5)


def outage(seed: int) -> World:
    """One of three devices goes down for an hour."""
    return _devices(
        "device down 1 h", seed, 5 * HOUR, ours=0.2, down={1: [(HOUR, 2 * HOUR)]}, utilisation=0.75
    )


def day(seed: int) -> World:
    """10,000 jobs over a day: twice as many at noon as on average, none at midnight."""
    return _devices(
        "10,000 over a day",
        seed,
        DAY,
        ours=10_000 / DAY,
        shape=lambda at: 1.0 - math.cos(2 * math.pi * at / DAY),
        utilisation=0.53,
    )


SCENARIOS: list[Callable[[int], World]] = [steady, heavy, burst, outage, day]
