"""Decides which changes are worth a progress event. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from core.protocol import Status
from poller.scheduling.forecast import Forecast

#: Seconds after its submission before which a simulator's job gets no progress event: most are done by then.
QUIET = 0.5
#: Seconds between two events with the same status, at least.
PAUSE = 2.0
#: A new completion time is published if it moved by more than this fraction of the remaining wait and by more
#: than this many seconds; a new position, if it moved by at least this fraction of the last one.
PART, SECONDS = 0.2, 2.0


@dataclass(frozen=True)
class LastNotified:
    """The content of the last progress event, and when it was published, in seconds since 1970."""

    status: Status
    forecast: Forecast | None
    at: float


def is_news(
    last_notified: LastNotified | None,
    status: Status,
    forecast: Forecast | None,
    simulator: bool,
    submitted: float,
    now: float,
) -> bool:
    """Return whether the client should get a progress event.

    Args:
        last_notified: the last event; None if there was none.
        status: the job's status now.
        forecast: the job's forecast now; None for a simulator's job.
        simulator: whether the backend is a simulator.
        submitted: when the job was submitted, in seconds since 1970.
        now: the time in seconds since 1970.
    """
    if simulator and now - submitted < QUIET:
        return False
    if last_notified is None or last_notified.status != status:
        return True
    if now - last_notified.at < PAUSE:
        return False
    if forecast is None or last_notified.forecast is None:
        return forecast is not last_notified.forecast
    before = last_notified.forecast.position
    if forecast.position != before and abs(forecast.position - before) >= PART * before:
        return True
    moved = abs(forecast.mean - last_notified.forecast.mean)
    return moved > SECONDS and moved > PART * max(0.0, forecast.mean - now)
