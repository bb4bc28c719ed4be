"""Which news are worth telling the client. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from core.events import Status
from poller.estimator import Estimate

#: Seconds a simulator's job must have taken before its progress is told: faster ones are done by then.
QUIET = 0.5
#: An estimate is news when it moved by this part of the wait that is left, and by this many seconds.
PART, SECONDS = 0.2, 2.0


@dataclass(frozen=True)
class Told:
    """What the client was told last."""

    status: Status
    estimate: Estimate | None


def is_news(
    told: Told | None,
    status: Status,
    estimate: Estimate | None,
    simulator: bool,
    elapsed: float,
    left: float = 0.0,
) -> bool:
    """True if the client should hear that its job now stands so.

    Args:
        told: what it heard last.
        status: how the job stands now.
        estimate: its place and completion (devices).
        simulator: true for simulators.
        elapsed: seconds since the job was submitted.
        left: seconds until it is expected to be done.
    """
    if simulator and elapsed < QUIET:
        return False
    if told is None or told.status != status:
        return True
    if estimate is None or told.estimate is None:
        return estimate is not told.estimate
    if estimate.position != told.estimate.position:
        return True
    moved = abs((estimate.completion - told.estimate.completion).total_seconds())
    return moved > SECONDS and moved > PART * left
