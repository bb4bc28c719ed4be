"""Requests to the pollers to delete the provider's jobs of a run whose client erased its data.

The gateways have no key to the provider. Such a request is a JobEvent on the topic `jobs.cancel`, whose
`job_id` is `erase`, or `erase.<job id>` with the newest job of the run. It does not have the caller's input,
the circuit or the algorithm's state. A poller of an older version treats it as a cancellation of a run that
has ended, and does nothing: update the pollers before the gateways.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from core.protocol import POOLED_JOB, JobEvent

_ERASE = "erase"
#: The most characters of a job's id, so that the prefix fits before it.
_MAX_JOB_ID = 128 - len(_ERASE) - 1
_FORM = re.compile(rf"erase(?:\.([A-Za-z0-9_.:-]{{1,{_MAX_JOB_ID}}}))?")


@dataclass(frozen=True)
class Erasure:
    """What to delete: all jobs with the run's tag, and the job with this id; None if it is unknown."""

    job_id: str | None = None


def erasure_request(event: JobEvent) -> JobEvent:
    """Return the request to delete the jobs of a run.

    Args:
        event: an event of the run's newest job.
    """
    # The job of a pooled step has the circuits of other clients, whose results it still has.
    is_own = event.pool is None and event.job_id != POOLED_JOB and len(event.job_id) <= _MAX_JOB_ID
    job_id = f"{_ERASE}.{event.job_id}" if is_own else _ERASE
    # The pollers retry for as long as a job may take, from now on and not from the submission.
    changes = {"job_id": job_id, "submitted_at": datetime.now(UTC)}
    unneeded = {"callback_url": None, "progress": None, "looked_at": None, "estimated_completion_time": None}
    return event.without_large_fields().model_copy(update=changes | unneeded)


def erasure_of(job_id: str) -> Erasure | None:
    """Return what a JobEvent's `job_id` requests to delete; None if it is no such request."""
    match = _FORM.fullmatch(job_id)
    return Erasure(match[1]) if match else None
