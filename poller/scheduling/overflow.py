"""What is too much to keep, and whose it is. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from poller.scheduling.fair_queue import level
from poller.scheduling.job import Job, Key


def overflow(idle: Iterable[Job[Key]], count: int) -> list[Key]:
    """Of whom has most jobs here, those that will be done last.

    Args:
        idle: jobs that could wait elsewhere.
        count: how many of them are to.
    """
    own: dict[str, list[Job[Key]]] = {}
    for job in idle:
        own.setdefault(job.client, []).append(job)
    for jobs in own.values():
        jobs.sort(key=lambda job: job.forecast.mean)
    room = sum(map(len, own.values())) - count
    most = level(map(len, own.values()), room)
    return [job.key for jobs in own.values() for job in jobs[most:]]
