"""Jobs, and where they are kept."""

from __future__ import annotations

import asyncio
import secrets
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

Status = Literal["Queued", "Running", "Completed", "Failed", "Cancelled"]


def utc(moment: float | None) -> str | None:
    """Return a time, in seconds since 1970, as IBM Quantum writes it."""
    if moment is None:
        return None
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


@dataclass(eq=False)
class Job:
    """One job.

    Attributes:
        body: The request that submitted it, as it came.
        body_size: Its length, also after it was given up.
        result: The encoded result, once there is one.
        verdict: What a worker said about the job when it had decoded it.
        finished: Set when the job has reached its final state.
    """

    program_id: str
    backend: str
    body: bytes = field(repr=False)
    created: float
    tags: list[str]
    session_id: str | None = None
    cost: float | None = None
    private: bool = False
    job_id: str = field(default_factory=lambda: secrets.token_hex(10))
    status: Status = "Queued"
    reason: str | None = None
    reason_code: int | None = None
    running_at: float | None = None
    finished_at: float | None = None
    result: bytes | None = field(default=None, repr=False)
    verdict: dict[str, Any] = field(default_factory=dict)
    quantum_seconds: float = 0.0
    finished: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def final(self) -> bool:
        """Whether its state will not change any more."""
        return self.status in ("Completed", "Failed", "Cancelled")

    @property
    def size(self) -> int:
        """Bytes it occupies, nearly."""
        return len(self.body) + len(self.result or b"") + 1024

    def start(self, now: float) -> None:
        """Take note that it runs."""
        if self.status == "Queued":
            self.status, self.running_at = "Running", now

    def finish(self, status: Status, now: float, reason: str | None = None, code: int | None = None) -> None:
        """Set its final state, once."""
        if self.final:
            return
        self.status, self.finished_at, self.reason, self.reason_code = status, now, reason, code
        self.finished.set()

    def document(self) -> dict[str, Any]:
        """Return what IBM Quantum tells of a job, without its parameters."""
        state: dict[str, Any] = {"status": self.status}
        if self.reason is not None:
            state["reason"] = self.reason
        if self.reason_code is not None:
            state["reason_code"] = self.reason_code
        return {
            "id": self.job_id,
            "backend": self.backend,
            "program": {"id": self.program_id},
            "state": state,
            "status": self.status,
            "created": utc(self.created),
            "running": utc(self.running_at),
            "ended": utc(self.finished_at),
            "finished": utc(self.finished_at),
            "runtime": "",
            "cost": self.cost,
            "tags": self.tags,
            "session_id": self.session_id,
            "private": self.private,
            "estimated_running_time_seconds": self.verdict.get("device_seconds"),
            "usage": {"seconds": self.quantum_seconds, "quantum_seconds": self.quantum_seconds},
        }

    def metrics(self) -> dict[str, Any]:
        """Return what IBM Quantum tells of a job's use of the machine, and how it was simulated."""
        return {
            "timestamps": {
                "created": utc(self.created),
                "running": utc(self.running_at),
                "finished": utc(self.finished_at),
            },
            "bss": {"seconds": self.quantum_seconds},
            "usage": {
                "status": "done" if self.final else "pending",
                "seconds": self.quantum_seconds,
                "quantum_seconds": self.quantum_seconds,
                "qpu_charge_time_seconds": self.quantum_seconds,
            },
            "simulator": self.verdict.get("simulator", []),
        }


class JobStore:
    """Keeps jobs in memory, within bounds; the oldest finished ones make room.

    The service knows no more of storage than these methods.

    Args:
        max_finished: Finished jobs kept.
        max_bytes: Bytes that finished jobs may occupy.
    """

    def __init__(self, max_finished: int, max_bytes: int) -> None:
        self._jobs: OrderedDict[str, Job] = OrderedDict()
        self._finished: OrderedDict[str, int] = OrderedDict()
        self._finished_bytes = 0
        #: Bytes that jobs which are not finished occupy.
        self.unfinished_bytes = 0
        self._max_finished = max_finished
        self._max_bytes = max_bytes

    @property
    def unfinished(self) -> int:
        """Number of jobs that are not finished."""
        return len(self._jobs) - len(self._finished)

    def add(self, job: Job) -> None:
        """Keep a new job."""
        self._jobs[job.job_id] = job
        self.unfinished_bytes += job.size

    def get(self, job_id: str) -> Job | None:
        """Return a job; None if there is none of this id."""
        return self._jobs.get(job_id)

    def finished(self, job: Job) -> None:
        """Take note that a job is finished: from now on it may have to make room."""
        if job.job_id not in self._jobs or job.job_id in self._finished:
            return
        self.unfinished_bytes -= job.size - len(job.result or b"")
        self._finished[job.job_id] = job.size
        self._finished_bytes += job.size
        while len(self._finished) > 1 and (
            len(self._finished) > self._max_finished or self._finished_bytes > self._max_bytes
        ):
            self.remove(next(iter(self._finished)))

    def remove(self, job_id: str) -> None:
        """Forget a job."""
        job = self._jobs.pop(job_id, None)
        if job_id in self._finished:
            self._finished_bytes -= self._finished.pop(job_id)
        elif job is not None:
            self.unfinished_bytes -= job.size - len(job.result or b"")

    def find(self, wanted: Callable[[Job], bool], newest_first: bool = True) -> Iterator[Job]:
        """Return the jobs that are wanted, in order of their creation."""
        jobs = reversed(self._jobs.values()) if newest_first else iter(self._jobs.values())
        return (job for job in jobs if wanted(job))
