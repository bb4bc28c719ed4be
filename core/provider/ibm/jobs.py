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
#: IBM's reason code of a job that was cancelled because it ran too long.
_RAN_TOO_LONG = 1305
#: The most characters of a name and of a reason, and the largest reason code.
_NAME, _REASON, _MAX_CODE = 128, 4_000, 999_999


def view_of(raw: Any, now: datetime | None = None) -> JobView:
    """Return a job, from the provider's JSON. Values that are not possible are omitted.

    Args:
        raw: the provider's JSON of the job.
        now: the time; None for the system clock.

    Raises:
        ProviderError: the job has no id.
    """
    now = now or datetime.now(UTC)
    raw = reported.mapping(raw)
    job_id = reported.text(raw.get("id"), _NAME)
    if not job_id:
        raise ProviderError("IBM Quantum listed a job without an id.")
    state = reported.mapping(raw.get("state"))
    reported_status = reported.text(state.get("status"), _NAME)
    status = _STATUS.get(reported_status.upper())
    if status is None:
        # A newer API may have more statuses. A job that may not be final is looked at again.
        log.warning("unknown status of a job: %s", reported_status[:40])
        status = "RUNNING"
    code = reported.count(state.get("reason_code") or state.get("reasonCode"), _MAX_CODE)
    if status == "CANCELLED" and code == _RAN_TOO_LONG:
        status = "ERROR"
    reason = reported.text(state.get("reason"), _REASON) or None
    usage = reported.mapping(raw.get("usage"))
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
        # The second name is that of IBM's API before March 2026.
        charged_seconds=reported.seconds(usage.get("qpu_charge_time_seconds", usage.get("quantum_seconds"))),
    )


def views_of(answer: Any) -> list[JobView]:
    """Return the jobs of a page, in its order. One that cannot be parsed is omitted.

    Raises:
        ValueError: it is not a page of jobs, which is different from a page without jobs.
    """
    page = answer.get("jobs") if isinstance(answer, dict) else None
    if not isinstance(page, list):
        raise ValueError("not a page of jobs")
    views = []
    for raw in page:
        try:
            views.append(view_of(raw))
        except ProviderError as error:
            log.warning("%s", error.message)
    return views
