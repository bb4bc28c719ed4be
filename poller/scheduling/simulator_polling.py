"""Decides when to look at jobs on simulators. Pure.

Their completion cannot be estimated, but most complete within milliseconds. Each job has its own next look:
soon at first, then less often. If several looks are due, one page replaces them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from poller.scheduling.delays import simulator_delay
from poller.scheduling.job import UNKNOWN, JobObservation, Key, ScheduledJob

#: Below this number of due jobs each is looked at alone: that gives more detail, and a service may hold the
#: answer until the job is done.
TOGETHER = 3


def next_poll(jobs: Iterable[ScheduledJob[Key]]) -> float:
    """Return when the first look at one of these jobs is due; infinity if none is."""
    return min((job.poll_at for job in jobs if job.simulator and job.state in UNKNOWN), default=math.inf)


def due(jobs: Iterable[ScheduledJob[Key]], now: float, page: int) -> list[ScheduledJob[Key]]:
    """Choose the jobs of one look.

    Args:
        jobs: all jobs of the account.
        now: the time in seconds since 1970.
        page: the most jobs on a page.

    Returns:
        One job if few are due, else up to a page of the newest; an empty list if none is due.
    """
    ready = [job for job in jobs if job.simulator and job.state in UNKNOWN and job.poll_at <= now]
    if len(ready) < TOGETHER:
        return ready[:1]
    # The newest first: a busy simulator has more jobs per minute than fit on a page.
    ready.sort(key=lambda job: -job.submitted)
    return ready[:page]


def observe(job: ScheduledJob[Key], observation: JobObservation, now: float) -> None:
    """Record what a look showed and set when the next one is due."""
    job.looked = now
    job.poll_at = math.inf if observation.final else now + simulator_delay(now - job.added)
    if observation.started is not None and job.started is None:
        job.started = observation.started
