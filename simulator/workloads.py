"""Workloads: sessions, batches, and the jobs outside of them, in the form of IBM's REST API.

Also the statistics of their usage. All times of statistics are in milliseconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from .jobs import SimulatorJob, utc
from .sessions import RuntimeSession

WorkloadMode = Literal["job", "session", "batch"]
WorkloadStatus = Literal["pending", "in_progress", "completed", "canceled", "failed"]

#: The status of a job as a workload.
JOB_STATUS: Mapping[str, WorkloadStatus] = {
    "Queued": "pending",
    "Running": "in_progress",
    "Completed": "completed",
    "Cancelled": "canceled",
    "Failed": "failed",
}


@dataclass(frozen=True)
class Workload:
    """A job, a session or a batch. Times are in seconds since 1970, durations in seconds.

    Attributes:
        tags: The tags of a job; of a session, those of its jobs.
        usage: What it has used so far.
        waited: How long its jobs waited in queues.
        job_count: Number of its jobs.
    """

    id: str
    mode: WorkloadMode
    status: WorkloadStatus
    backend: str
    user: str
    instance: str
    created: float
    ended: float | None
    tags: tuple[str, ...]
    usage: float
    estimated: float | None
    accepting_jobs: bool | None
    reason: str | None
    waited: tuple[float, ...]
    job_count: int

    def document(self) -> dict[str, Any]:
        """Return it as IBM Quantum does."""
        return {
            "id": self.id,
            "created": utc(self.created),
            "ended": utc(self.ended),
            "backend": self.backend,
            "instance": self.instance,
            "user_id": self.user,
            "accepting_jobs": self.accepting_jobs,
            "mode": self.mode,
            "status": self.status,
            "status_reason": self.reason,
            "tags": list(self.tags),
            "usage_seconds": round(self.usage, 6),
            "estimated_running_time_seconds": self.estimated,
        }


def workloads(jobs: Iterable[SimulatorJob], sessions: Iterable[RuntimeSession], now: float) -> list[Workload]:
    """Return the workloads of jobs and sessions.

    Args:
        jobs: The jobs.
        sessions: The sessions. A job whose session is not among them is a workload itself.
        now: The time.
    """
    by_session: dict[str, list[SimulatorJob]] = {session.session_id: [] for session in sessions}
    found = []
    for job in jobs:
        if job.session_id in by_session:
            by_session[job.session_id].append(job)
        else:
            found.append(_of_job(job))
    for session in sessions:
        found.append(_of_session(session, by_session[session.session_id], now))
    return found


def _of_job(job: SimulatorJob) -> Workload:
    return Workload(
        id=job.job_id,
        mode="job",
        status=JOB_STATUS[job.status],
        backend=job.backend,
        user=job.user,
        instance=job.instance,
        created=job.created,
        ended=job.finished_at,
        tags=tuple(job.tags),
        usage=job.quantum_seconds,
        estimated=job.verdict.get("device_seconds"),
        accepting_jobs=None,
        reason=job.reason,
        waited=_waits([job]),
        job_count=1,
    )


def _of_session(session: RuntimeSession, jobs: list[SimulatorJob], now: float) -> Workload:
    busy = any(not job.final for job in jobs)
    state = session.state(now, busy)
    status: WorkloadStatus = {"open": "pending", "closed": "completed"}.get(state, "in_progress")  # type: ignore[assignment]
    estimates = [job.verdict.get("device_seconds") or 0.0 for job in jobs]
    return Workload(
        id=session.session_id,
        mode="session" if session.mode == "dedicated" else "batch",
        status=status,
        backend=session.backend or (jobs[0].backend if jobs else ""),
        user=session.user,
        instance=session.instance,
        created=session.created,
        ended=session.closed_at,
        tags=tuple(sorted({tag for job in jobs for tag in job.tags})),
        usage=session.seconds(now),
        estimated=sum(estimates) if estimates else None,
        accepting_jobs=session.accepting_jobs,
        reason=None,
        waited=_waits(jobs),
        job_count=len(jobs),
    )


def _waits(jobs: Iterable[SimulatorJob]) -> tuple[float, ...]:
    return tuple(max(job.running_at - job.created, 0.0) for job in jobs if job.running_at is not None)


def statistics(selected: Iterable[Workload]) -> dict[str, float]:
    """Return the statistics of workloads as IBM's analytics do, in milliseconds."""
    items = list(selected)
    groups = {
        "sessions": [item.usage for item in items if item.mode != "job"],
        "batch_sessions": [item.usage for item in items if item.mode == "batch"],
        "dedicated_sessions": [item.usage for item in items if item.mode == "session"],
        "individual_jobs": [item.usage for item in items if item.mode == "job"],
    }
    waits = [wait for item in items for wait in item.waited]
    document: dict[str, float] = {
        "usage": _milliseconds(sum(item.usage for item in items)),
        "jobs": sum(item.job_count for item in items),
    }
    for name, usages in groups.items():
        document[name] = len(usages)
        document |= _totals(usages, f"{name}_usage")
    return document | _totals(waits, "queue_time")


def _totals(values: list[float], name: str) -> dict[str, float]:
    return {
        name: _milliseconds(sum(values)),
        f"avg_{name}": _milliseconds(sum(values) / len(values)) if values else 0.0,
        f"max_{name}": _milliseconds(max(values, default=0.0)),
    }


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 3)
