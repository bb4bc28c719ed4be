"""Where a job stands in its device's queue and when it will be done. Pure.

IBM Quantum tells a device's queue length, not a job's place in it. A first-in-first-out queue of q jobs when
ours came has served about t / s of them after t seconds, where s is the time one job takes; so our place is
q - t / s, and never more than the queue's present length. s is learned for each backend from the jobs that we
saw start: a job that found q others waiting and started after t seconds says s = t / (q + 1).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

#: Seconds one job is taken to need on a device of which nothing is known yet.
FIRST_GUESS = 3.0
#: Seconds ahead that an estimate looks at the most (a year): further, and the calendar may end.
HORIZON = 365 * 86_400.0
#: Weight of the newest observation.
WEIGHT = 0.3


@dataclass(frozen=True)
class Estimate:
    """A job's place (0: next, or running) and the instant it is expected to be done."""

    position: int
    completion: datetime


class ServiceTimes:
    """The seconds that one job takes on each backend, learned from the jobs seen to start."""

    def __init__(self) -> None:
        self._seconds: dict[str, float] = {}

    def seconds(self, backend: str) -> float:
        """The present estimate."""
        return self._seconds.get(backend, FIRST_GUESS)

    def observe(self, backend: str, waited: float, queue_length: int) -> None:
        """A job that found `queue_length` others on `backend` started after `waited` seconds."""
        sample = max(0.01, waited / (queue_length + 1))
        known = self._seconds.get(backend)
        self._seconds[backend] = sample if known is None else WEIGHT * sample + (1 - WEIGHT) * known


def estimate(
    now: datetime,
    submitted_at: datetime,
    queue_length_at_submit: int,
    present_length: int | None,
    service_seconds: float,
    running: bool,
) -> Estimate:
    """Place and completion of one job.

    Args:
        now: the time to estimate for.
        submitted_at: when the job came into the queue.
        queue_length_at_submit: jobs that were there before it.
        present_length: jobs in the queue now, our own included; None if not known.
        service_seconds: what one job takes.
        running: true once the provider says that it runs.
    """
    if running:
        return Estimate(0, now + timedelta(seconds=min(HORIZON, service_seconds)))
    elapsed = max(0.0, (now - submitted_at).total_seconds())
    place = max(0.0, queue_length_at_submit - elapsed / service_seconds)
    if present_length is not None:
        place = min(place, max(0, present_length - 1))
    position = round(place)
    return Estimate(position, now + timedelta(seconds=min(HORIZON, (place + 1) * service_seconds)))
