"""Jobs and their storage."""

from __future__ import annotations

import asyncio
import secrets
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

import orjson

from .database import Database
from .errors import DatabaseError

#: Bytes of finished jobs' bodies and results that stay in memory although they are on disk too.
MEMORY_BYTES = 64 * 1024 * 1024

Status = Literal["Queued", "Running", "Completed", "Failed", "Cancelled"]
FINAL: tuple[Status, ...] = ("Completed", "Failed", "Cancelled")


def utc(moment: float | None) -> str | None:
    """Return a time, in seconds since 1970, in IBM Quantum's format."""
    if moment is None:
        return None
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


#: The fields of a job that are stored, besides its body and its result.
FIELDS = (
    *("job_id", "program_id", "backend", "created", "tags", "session_id", "cost", "private", "user", "seed"),
    *("status", "reason", "reason_code", "running_at", "finished_at", "verdict", "quantum_seconds"),
    *("body_size", "result_size"),
)


@dataclass(eq=False)
class SimulatorJob:
    """One job.

    Attributes:
        body: The request that submitted it, unchanged; None if it is on disk only.
        seed: Seeds the simulation, so that a job that has to be run again gives the same result.
        result: The encoded result; None before it exists, or if it is on disk only.
        verdict: The worker's message after it has decoded the job.
        decided: Set when its final state is known, which becomes visible once it is on disk.
        stored: Whether the job has been passed to the database.
        written: Done when the latest write to the database is on disk.
        finished: Set when the job has reached its final state.
    """

    program_id: str
    backend: str
    body: bytes | None = field(repr=False)
    created: float
    tags: list[str]
    session_id: str | None = None
    cost: float | None = None
    private: bool = False
    user: str = ""
    seed: int = 0
    job_id: str = field(default_factory=lambda: secrets.token_hex(10))
    status: Status = "Queued"
    reason: str | None = None
    reason_code: int | None = None
    running_at: float | None = None
    finished_at: float | None = None
    result: bytes | None = field(default=None, repr=False)
    verdict: dict[str, Any] = field(default_factory=dict)
    quantum_seconds: float = 0.0
    body_size: int = 0
    result_size: int = 0
    decided: bool = False
    stored: bool = False
    written: asyncio.Future[None] | None = field(default=None, repr=False)
    finished: asyncio.Event = field(default_factory=asyncio.Event)
    _end: dict[str, Any] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        """Set its size."""
        if self.body is not None:
            self.body_size = len(self.body)

    @property
    def final(self) -> bool:
        """Whether its state is final."""
        return self.status in FINAL

    @property
    def size(self) -> int:
        """Its approximate size in bytes."""
        return self.body_size + self.result_size + 1024

    def fields(self) -> dict[str, Any]:
        """Return its stored fields, besides its body and its result."""
        return {name: getattr(self, name) for name in FIELDS} | self._end

    def start(self, now: float) -> None:
        """Record that it runs."""
        if self.status == "Queued":
            self.status, self.running_at = "Running", now

    def decide(self, status: Status, now: float, reason: str | None = None, code: int | None = None) -> bool:
        """Set its final state, which is not visible yet; return whether it was not set before."""
        if self.decided:
            return False
        self.decided = True
        self.result_size = len(self.result or b"")
        self._end = {"status": status, "finished_at": now, "reason": reason, "reason_code": code}
        return True

    def reveal(self) -> None:
        """Make the final state visible."""
        for name, value in self._end.items():
            setattr(self, name, value)
        self.finished.set()

    def finish(self, status: Status, now: float, reason: str | None = None, code: int | None = None) -> None:
        """Set its final state and make it visible, once."""
        if self.decide(status, now, reason, code):
            self.reveal()

    def document(self) -> dict[str, Any]:
        """Return the job as IBM Quantum does, without its parameters."""
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
        """Return the job's usage as IBM Quantum does, and how it was simulated."""
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
    """Stores jobs in memory and on disk, within limits. The oldest finished jobs are removed first.

    Args:
        max_finished: Maximum number of finished jobs.
        max_bytes: Maximum bytes of finished jobs.
        database: Stores them on disk; None keeps them in memory only.
        memory_bytes: Maximum bytes of bodies and results in memory, if they are on disk too.
    """

    def __init__(
        self,
        max_finished: int,
        max_bytes: int,
        database: Database | None = None,
        memory_bytes: int = MEMORY_BYTES,
    ) -> None:
        self._jobs: OrderedDict[str, SimulatorJob] = OrderedDict()
        self._finished: OrderedDict[str, int] = OrderedDict()
        self._finished_bytes = 0
        #: Bytes of unfinished jobs.
        self.unfinished_bytes = 0
        self._max_finished = max_finished
        self._max_bytes = max_bytes
        self._database = database
        self._resident: OrderedDict[str, int] = OrderedDict()
        self._resident_bytes = 0
        self._memory_bytes = memory_bytes

    @property
    def durable(self) -> bool:
        """Whether jobs are kept when the service ends."""
        return self._database is not None

    @property
    def unfinished(self) -> int:
        """Number of unfinished jobs."""
        return len(self._jobs) - len(self._finished)

    def load(self) -> list[SimulatorJob]:
        """Read the jobs on disk, and return the unfinished ones, which are queued again."""
        if self._database is None:
            return []
        found = list(self._database.jobs())
        for fields, body in found:
            job = SimulatorJob(body=body, **fields)
            job.decided, job.stored = job.final, True
            job.body_size = fields["body_size"]
            if not job.final:
                job.status, job.running_at = "Queued", None
            self.add(job)
            if job.final:
                job.finished.set()
                self.finished(job)
        return [job for job in self._jobs.values() if not job.final]

    def add(self, job: SimulatorJob) -> None:
        """Add a new job."""
        self._jobs[job.job_id] = job
        self.unfinished_bytes += job.body_size + 1024

    def get(self, job_id: str) -> SimulatorJob | None:
        """Return a job; None if it does not exist."""
        return self._jobs.get(job_id)

    def body(self, job: SimulatorJob) -> bytes:
        """Return the request that submitted a job."""
        if job.body is None and self._database is not None:
            return self._database.body(job.job_id) or b"{}"
        return job.body or b"{}"

    def result(self, job: SimulatorJob) -> bytes | None:
        """Return a job's result, if it has one."""
        if job.result is None and job.result_size and self._database is not None:
            return self._database.result(job.job_id)
        return job.result

    async def save(self, job: SimulatorJob) -> None:
        """Write the current state of a job to disk.

        Raises:
            DatabaseError: If that fails.
        """
        if self._database is None or job.job_id not in self._jobs:
            return
        key = job.job_id
        if not job.stored:
            self._database.put("bodies", key, job.body)
        if job.result is not None:
            self._database.put("results", key, job.result)
        fields = orjson.dumps(job.fields())
        job.written = self._database.put("jobs", key, job.created, int(job.decided), fields)
        job.stored = True
        await self.saved(job)

    async def saved(self, job: SimulatorJob) -> None:
        """Wait until a job is on disk; save it if it has not been saved.

        Raises:
            DatabaseError: If that fails.
        """
        if self._database is None:
            return None
        if job.written is None:
            return await self.save(job)
        try:
            await asyncio.shield(job.written)
        except DatabaseError:
            job.stored, job.written = False, None
            raise

    def finished(self, job: SimulatorJob) -> None:
        """Record that a job is finished, so that it can be removed for newer ones."""
        if job.job_id not in self._jobs or job.job_id in self._finished:
            return
        self.unfinished_bytes -= job.body_size + 1024
        self._finished[job.job_id] = job.size
        self._finished_bytes += job.size
        while len(self._finished) > 1 and (
            len(self._finished) > self._max_finished or self._finished_bytes > self._max_bytes
        ):
            self.remove(next(iter(self._finished)))
        if self._database is not None and job.stored and job.job_id in self._jobs:
            self._settle(job)

    def _settle(self, job: SimulatorJob) -> None:
        """Remove the least recently used bodies and results from memory. They are on disk."""
        size = len(job.body or b"") + len(job.result or b"")
        self._resident[job.job_id] = size
        self._resident_bytes += size
        while self._resident_bytes > self._memory_bytes:
            key, size = self._resident.popitem(last=False)
            self._resident_bytes -= size
            self._jobs[key].body = self._jobs[key].result = None

    def remove(self, job_id: str) -> None:
        """Delete a job."""
        job = self._jobs.pop(job_id, None)
        self._resident_bytes -= self._resident.pop(job_id, 0)
        if job_id in self._finished:
            self._finished_bytes -= self._finished.pop(job_id)
        elif job is not None:
            self.unfinished_bytes -= job.body_size + 1024
        if self._database is not None and job is not None and job.stored:
            for table in ("jobs", "bodies", "results"):
                self._database.forget(table, job_id)

    def find(
        self, wanted: Callable[[SimulatorJob], bool], newest_first: bool = True
    ) -> Iterator[SimulatorJob]:
        """Return the jobs that a filter selects, in order of their creation."""
        jobs = reversed(self._jobs.values()) if newest_first else iter(self._jobs.values())
        return (job for job in jobs if wanted(job))
