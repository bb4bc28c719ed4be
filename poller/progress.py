"""Which news are worth telling the client. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from core.events import Status
from poller.scheduling.forecast import Forecast

#: Seconds a simulator's job must have taken before its progress is told: faster ones are done by then.
QUIET = 0.5
#: Seconds between two words about the same status at the least.
PAUSE = 2.0
#: An estimate is news when it moved by this part of the wait that is left, and by this many seconds; a
#: place, when it moved by this part of what it was.
PART, SECONDS = 0.2, 2.0


@dataclass(frozen=True)
class LastNotified:
    """What the client was told last, and when, in seconds."""

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
    """True if the client should hear that its job now stands so.

    Args:
        told: what it heard last.
        status: how the job stands now.
        forecast: its place and completion (devices).
        simulator: true for simulators.
        submitted: when the job was submitted, in seconds since 1970.
        now: the time.
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
