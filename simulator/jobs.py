"""Jobs and their states."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

IbmStatus = Literal["Queued", "Running", "Completed", "Failed", "Cancelled"]
FINAL: tuple[IbmStatus, ...] = ("Completed", "Failed", "Cancelled")


def utc(moment: float | None) -> str | None:
    """Return a time, in seconds since 1970, in IBM Quantum's format."""
    if moment is None:
        return None
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


#: The fields of a job that are stored, besides its body and its result.
FIELDS = (
    *("job_id", "program_id", "backend", "created", "tags", "session_id", "cost", "private", "user", "seed"),
    *("instance", "calibration_id", "results_read"),
    *("status", "reason", "reason_code", "running_at", "finished_at", "verdict", "quantum_seconds"),
    *("body_size", "result_size"),
)


@dataclass(eq=False)
class SimulatorJob:
    """One job.

    Attributes:
        body: The request that submitted it, unchanged; None if it is on disk only.
        private: Whether its input is never returned, and deleted at its end, and its result can be read once.
        instance: The CRN of its instance; "" if an earlier version stored it, which belongs to all instances.
        results_read: Whether the result of a private job was read, and is deleted.
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
    instance: str = ""
    calibration_id: str | None = None
    results_read: bool = False
    seed: int = 0
    job_id: str = field(default_factory=lambda: secrets.token_hex(10))
    status: IbmStatus = "Queued"
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

    def keep_verdict(self, verdict: dict[str, Any]) -> None:
        """Keep what a worker has reported about it, unless the worker could not decode it."""
        if "simulator" in verdict:
            self.verdict = verdict

    def start(self, now: float) -> None:
        """Record that it runs."""
        if self.status == "Queued":
            self.status, self.running_at = "Running", now

    def decide(
        self, status: IbmStatus, now: float, reason: str | None = None, code: int | None = None
    ) -> bool:
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

    def finish(
        self, status: IbmStatus, now: float, reason: str | None = None, code: int | None = None
    ) -> None:
        """Set its final state and make it visible, once."""
        if self.decide(status, now, reason, code):
            self.reveal()
