"""Parses the provider's JSON of jobs."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Any

from core.errors import ProviderError
from core.protocol import Status
from core.provider.ibm import reported
from core.provider.port import JobView

log = logging.getLogger(__name__)

_STATUS: dict[str, Status] = {
    "QUEUED": "QUEUED",
    "RUNNING": "RUNNING",
    "COMPLETED": "DONE",
    "FAILED": "ERROR",
    "CANCELLED": "CANCELLED",
}
#: IBM's reason code for a job that was cancelled because it ran too long.
_RAN_TOO_LONG = 1305
#: Characters of a name, and of a reason, at the most, and the greatest reason code.
_NAME, _REASON, _MAX_CODE = 128, 4_000, 999_999


def view_of(raw: Any, now: datetime | None = None) -> JobView:
    """How a job stands, from the provider's JSON; what cannot be true of it is left out.

    Args:
        raw: the job as the provider tells of it.
        now: the time; None for the system's.

    Raises:
        ProviderError: it has no id.
    """
    now = now or datetime.now(UTC)
    raw = reported.mapping(raw)
    job_id = reported.text(raw.get("id"), _NAME)
    if not job_id:
        raise ProviderError("IBM Quantum told of a job without an id.")
    state = reported.mapping(raw.get("state"))
    told = reported.text(state.get("status"), _NAME)
    status = _STATUS.get(told.upper())
    if status is None:
        # A newer API may tell more; what is not known to be final is looked at again.
        log.warning("a job's status is not known: %s", told[:40])
        status = "RUNNING"
    code = reported.count(state.get("reason_code") or state.get("reasonCode"), _MAX_CODE)
    if status == "CANCELLED" and code == _RAN_TOO_LONG:
        status = "ERROR"
    reason = reported.text(state.get("reason"), _REASON) or None
    return JobView(
        job_id=job_id,
        backend=reported.text(raw.get("backend"), _NAME),
        status=status,
        program_id=reported.text(reported.mapping(raw.get("program")).get("id"), _NAME),
        reason=f"{reason} (code {code})" if reason and code else reason,
        created=reported.past(raw.get("created"), now),
        running=reported.past(raw.get("running"), now),
        finished=reported.past(raw.get("finished") or raw.get("ended"), now),
        queue_position=reported.position(raw.get("position_in_queue")),
        estimated_completion=reported.coming(raw.get("estimated_completion_time"), now),
        estimated_running_seconds=reported.seconds(raw.get("estimated_running_time_seconds")),
    )


def views_of(answer: Any) -> list[JobView]:
    """The jobs of a page, in its order; one that cannot be read is left out.

    Raises:
        ValueError: it is not a page of jobs, which is not the same as a page without jobs.
    """
    page = answer.get("jobs") if isinstance(answer, dict) else None
    if not isinstance(page, list):
        raise ValueError("not a page of jobs")
    found = []
    for raw in page:
        try:
            found.append(view_of(raw))
        except ProviderError as error:
            log.warning("%s", error.message)
    return found
