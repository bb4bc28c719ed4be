"""Jobs at the provider that no client was told of, and how pollers are asked to cancel them.

A submission whose answer was lost may have left a job behind. The action looks for it; where it cannot tell,
it asks the pollers, which keep looking for longer. Such a request is a JobEvent on the topic `jobs.cancel`,
like a client's cancellation request, but its `job_id` is no provider's: `lost` asks for all jobs of the
event's step, `lost.<attempt>` for those of one attempt to submit it, `stray.<job id>` for one job. The client
is told nothing. A poller of an older version takes it for a client's request, and cancels the run:
update the pollers before the actions.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from core.protocol import JobEvent

_LOST, _STRAY = "lost", "stray."
#: Characters of a provider's job id, so that there is room for what is put before it.
MAX_JOB_ID = 128 - len(_STRAY)
_FORM = re.compile(rf"lost(?:\.([A-Za-z0-9_-]{{1,32}}))?|stray\.([A-Za-z0-9_.:-]{{1,{MAX_JOB_ID}}})")


@dataclass(frozen=True)
class Stray:
    """What is to be cancelled: one job, or whatever has the tag of the step or of the attempt."""

    job_id: str | None = None
    attempt: str | None = None


def lost(event: JobEvent, attempt: str | None = None) -> JobEvent:
    """Asks for the jobs of this event's step to be cancelled, or only those of one attempt to submit it."""
    return _asking(event, f"{_LOST}.{attempt}" if attempt else _LOST)


def stray(event: JobEvent, job_id: str) -> JobEvent:
    """Asks for this job to be cancelled, which was to be the event's step but is not."""
    return _asking(event, _STRAY + job_id)


def sought(job_id: str) -> Stray | None:
    """What a JobEvent's `job_id` asks for; None where it is a provider's."""
    found = _FORM.fullmatch(job_id)
    return Stray(job_id=found[2], attempt=found[1]) if found else None


def _asking(event: JobEvent, job_id: str) -> JobEvent:
    if not _FORM.fullmatch(job_id):
        raise ValueError(f"not an id of a job or of an attempt: {job_id[:200]!r}")
    # The caller's input and the algorithm's state are of no use to the poller, and may be large.
    return event.model_copy(update={"job_id": job_id, "params": {}, "state": None, "callback_url": None})
