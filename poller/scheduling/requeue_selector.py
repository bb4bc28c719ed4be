"""Chooses the jobs that wait at the broker: they cannot be done soon, or there are too many. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Generic

from poller.scheduling.delays import KEEP
from poller.scheduling.fair_queue import level
from poller.scheduling.job import Key, ScheduledJob, State
from poller.scheduling.job_table import JobTable
from poller.scheduling.pages import LOOK_MOST

#: Seconds for which a job waits at the broker because there is no room for it here.
OVERFLOW_WAIT = KEEP + 0.001
#: A job waits at the broker until it is done with this probability.
EARLY = 0.01


class RequeueSelector(Generic[Key]):
    """Chooses among the jobs of one account.

    A job that cannot wait at the broker now cannot do so later, unless its forecast changes. So only the jobs
    whose forecast has changed are considered.

    Args:
        jobs: the jobs.
    """

    def __init__(self, jobs: JobTable[Key]) -> None:
        self._jobs = jobs
        self._changed: set[Key] = set()

    def changed(self, keys: Iterable[Key]) -> None:
        """Record that the forecasts of these jobs changed."""
        self._changed.update(keys)

    def removed(self, key: Key) -> None:
        """Record that a job was removed."""
        self._changed.discard(key)

    def select(self, now: float, closed_until: float, room: int) -> list[tuple[Key, float]]:
        """Choose the jobs that can wait at the broker, and those for which there is no room here.

        Args:
            now: the time in seconds since 1970.
            closed_until: when the account's pause after failures ends; `now` if it is not paused.
            room: the most jobs kept here.

        Returns:
            The key of each job and the seconds that it can wait, which are more than `KEEP`.
        """
        waits: list[tuple[Key, float]] = []
        if closed_until - now > KEEP:
            self._changed.update(self._jobs.keys())
        for key in self._changed:
            job = self._jobs.get(key)
            if job is None or job.state is not State.WAITING:
                continue
            until = closed_until
            if not job.simulator:
                until = max(until, min(job.forecast.quantile(EARLY), job.looked + LOOK_MOST))
            if until - now > KEEP:
                waits.append((key, until - now))
        self._changed.clear()
        too_many = len(self._jobs) - len(waits) - room
        if too_many > 0:
            leaving = {key for key, _ in waits}
            idle = [job for job in self._jobs if job.state is State.WAITING and job.key not in leaving]
            waits += [(key, OVERFLOW_WAIT) for key in overflow(idle, too_many)]
        return waits


def overflow(idle: Iterable[ScheduledJob[Key]], count: int) -> list[Key]:
    """Choose jobs of the clients with the most jobs, those that complete last first.

    Args:
        idle: the jobs that can wait elsewhere.
        count: how many of them have to; the result may have more.

    Returns:
        The keys of the chosen jobs.
    """
    by_client: dict[str, list[ScheduledJob[Key]]] = {}
    for job in idle:
        by_client.setdefault(job.client, []).append(job)
    for jobs in by_client.values():
        jobs.sort(key=lambda job: job.forecast.mean)
    room = sum(map(len, by_client.values())) - count
    most = level(map(len, by_client.values()), room)
    return [job.key for jobs in by_client.values() for job in jobs[most:]]
