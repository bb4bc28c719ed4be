"""Chooses the jobs that have to wait elsewhere because there are too many. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from poller.scheduling.fair_queue import level
from poller.scheduling.job import Job, Key


def overflow(idle: Iterable[Job[Key]], count: int) -> list[Key]:
    """Choose jobs of the clients with the most jobs, those that complete last first.

    Args:
        idle: the jobs that can wait elsewhere.
        count: how many of them have to; the result may have more.

    Returns:
        The keys of the chosen jobs.
    """
    by_client: dict[str, list[Job[Key]]] = {}
    for job in idle:
        by_client.setdefault(job.client, []).append(job)
    for jobs in by_client.values():
        jobs.sort(key=lambda job: job.forecast.mean)
    room = sum(map(len, by_client.values())) - count
    most = level(map(len, by_client.values()), room)
    return [job.key for jobs in by_client.values() for job in jobs[most:]]
