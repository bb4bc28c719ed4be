"""Jobs at the provider that no client knows of, and the requests to pollers to cancel them.

A submission whose answer was lost may have left a job behind. The action looks for it. If the result is
unclear, the action asks the pollers, which look for longer. Such a request is a JobEvent on the topic
`jobs.cancel`, like a client's cancellation request, but its `job_id` is not a provider's: `lost` requests the
cancellation of all jobs of the event's step, `lost.<attempt>` of the jobs of one attempt to submit it, and
`stray.<job id>` of one job. The client gets no event. A poller of an older version would treat it as a
client's request and cancel the run: update the pollers before the actions.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from core.protocol import JobEvent

_LOST, _STRAY = "lost", "stray."
#: The most characters of a provider's job id, so that the prefix fits before it.
MAX_JOB_ID = 128 - len(_STRAY)
_FORM = re.compile(rf"lost(?:\.([A-Za-z0-9_-]{{1,32}}))?|stray\.([A-Za-z0-9_.:-]{{1,{MAX_JOB_ID}}})")


@dataclass(frozen=True)
class Stray:
    """What to cancel: one job, or all jobs with the tag of the step or of the attempt."""

    job_id: str | None = None
    attempt: str | None = None


def lost(event: JobEvent, attempt: str | None = None) -> JobEvent:
    """Return the request to cancel the jobs of this event's step.

    Args:
        event: the step.
        attempt: limits the request to the jobs of one attempt to submit it; None for all.
    """
    return _asking(event, f"{_LOST}.{attempt}" if attempt else _LOST)


def stray(event: JobEvent, job_id: str) -> JobEvent:
    """Return the request to cancel a job that was submitted for the event's step but is not used.

    Args:
        event: the step.
        job_id: the job's id.
    """
    return _asking(event, _STRAY + job_id)


def sought(job_id: str) -> Stray | None:
    """Return what a JobEvent's `job_id` requests; None if it is a provider's id."""
    match = _FORM.fullmatch(job_id)
    return Stray(job_id=match[2], attempt=match[1]) if match else None


def _asking(event: JobEvent, job_id: str) -> JobEvent:
    if not _FORM.fullmatch(job_id):
        raise ValueError(f"not an id of a job or of an attempt: {job_id[:200]!r}")
    # The poller does not need the caller's input, the algorithm's state or the circuit.
    return event.without_large_fields().model_copy(update={"job_id": job_id, "callback_url": None})
