"""How a job stands at the provider, and how one is found again."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from core.events import MAX_QUEUE, Status

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


@dataclass(frozen=True)
class JobView:
    """How a job stands at the provider, at one look."""

    job_id: str
    backend: str
    status: Status
    program_id: str
    reason: str | None
    created: datetime | None
    running: datetime | None
    finished: datetime | None
    #: What the provider itself expects, where it says so: jobs before this one, the instant at which it will
    #: be done, and the seconds for which it will run.
    queue_position: int | None = None
    estimated_completion: datetime | None = None
    estimated_running_seconds: float | None = None


def run_tag(process_job_id: str) -> str:
    """The tag that all jobs of one run of an algorithm carry."""
    return f"qwhisk-{process_job_id}"


def view_of(raw: dict[str, Any]) -> JobView:
    state = raw.get("state") or {}
    status = _STATUS.get(str(state.get("status", "")).upper())
    if status is None:
        # A newer API may tell more; what is not known to be final is looked at again.
        log.warning("a job's status is not known: %s", str(state.get("status"))[:40])
        status = "RUNNING"
    code = state.get("reason_code") or state.get("reasonCode")
    if status == "CANCELLED" and code == _RAN_TOO_LONG:
        status = "ERROR"
    reason = state.get("reason")
    position, running = raw.get("position_in_queue"), raw.get("estimated_running_time_seconds")
    return JobView(
        job_id=str(raw["id"]),
        backend=str(raw.get("backend") or ""),
        status=status,
        program_id=str((raw.get("program") or {}).get("id", "")),
        reason=f"{reason} (code {code})" if reason and code else reason,
        created=_instant(raw.get("created")),
        running=_instant(raw.get("running")),
        finished=_instant(raw.get("finished") or raw.get("ended")),
        queue_position=int(position)
        if isinstance(position, int | float) and 0 <= position <= MAX_QUEUE
        else None,
        estimated_completion=_instant(raw.get("estimated_completion_time")),
        estimated_running_seconds=float(running) if isinstance(running, int | float) else None,
    )


def _instant(value: Any) -> datetime | None:
    if not value:
        return None
    try:
        instant = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)
