"""Sessions and batches: groups of jobs."""

from __future__ import annotations

import math
import secrets
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import orjson

from .database import Database
from .errors import ApiError
from .instances import belongs
from .jobs import SimulatorJob, utc

#: Maximum number of stored sessions.
MAX_SESSIONS = 1000
#: Seconds without a job after which a session is inactive, and its maximum duration, as at IBM.
INTERACTIVE_SECONDS = 60
MAX_SECONDS = 28_800


@dataclass
class RuntimeSession:
    """One session or batch. Times are in seconds since 1970.

    Attributes:
        max_ttl: Its maximum duration in seconds, from the start of its first job.
        quantum_seconds: Device time of its jobs.
        changes: Its states and when they began.
        user: The user who opened it.
        instance: The CRN of its instance.
    """

    backend: str | None
    mode: Literal["dedicated", "batch"]
    max_ttl: int
    created: float
    session_id: str = field(default_factory=lambda: secrets.token_hex(10))
    accepting_jobs: bool = True
    activated_at: float | None = None
    closed_at: float | None = None
    last_job_started: float | None = None
    last_job_completed: float | None = None
    quantum_seconds: float = 0.0
    changes: list[tuple[str, float]] = field(default_factory=list)
    user: str = ""
    instance: str = ""

    def state(self, now: float, busy: bool) -> str:
        """Return IBM's name of its state."""
        if self.closed_at is not None:
            return "closed"
        if self.activated_at is None:
            return "open"
        idle_since = self.last_job_completed or self.activated_at
        return "inactive" if not busy and now - idle_since > INTERACTIVE_SECONDS else "active"

    def seconds(self, now: float) -> float:
        """Return its usage: the time of a batch's jobs, or for how long a session occupied the device."""
        if self.mode == "batch":
            return self.quantum_seconds
        if self.activated_at is None:
            return 0.0
        until = now if self.closed_at is None else max(self.closed_at, self.last_job_completed or 0.0)
        return max(until - self.activated_at, 0.0)

    def remaining(self, now: float) -> int:
        """Return how many seconds it may still be active."""
        if self.closed_at is not None:
            return 0
        used = 0.0 if self.activated_at is None else now - self.activated_at
        return max(math.ceil(self.max_ttl - used), 0)

    def document(self, now: float, busy: bool) -> dict[str, Any]:
        """Return it as IBM Quantum does."""
        return {
            "id": self.session_id,
            "backend_name": self.backend,
            "mode": self.mode,
            "max_ttl": self.max_ttl,
            "interactive_ttl": INTERACTIVE_SECONDS,
            "active_ttl": self.remaining(now),
            "user_id": self.user,
            "state": self.state(now, busy),
            "accepting_jobs": self.accepting_jobs,
            "started_at": utc(self.created),
            "activated_at": utc(self.activated_at),
            "closed_at": utc(self.closed_at),
            "last_job_started": utc(self.last_job_started),
            "last_job_completed": utc(self.last_job_completed),
            "elapsed_time": round(self.seconds(now), 3),
            "timestamps": [{"status": state, "timestamp": utc(at)} for state, at in self.changes],
        }


class Sessions:
    """All sessions.

    Args:
        database: Stores them on disk; None keeps them in memory only.
    """

    def __init__(self, database: Database | None) -> None:
        self._database = database
        self._sessions: OrderedDict[str, RuntimeSession] = OrderedDict()
        for fields in database.sessions() if database is not None else ():
            self._sessions[fields["session_id"]] = RuntimeSession(**fields)

    def open(
        self,
        backend: str | None,
        mode: object,
        max_ttl: object,
        now: float,
        user: str = "",
        instance: str = "",
    ) -> RuntimeSession:
        """Open a session.

        Args:
            backend: The name of its backend; None for that of its jobs.
            mode: `dedicated` or `batch`.
            max_ttl: Its maximum duration in seconds.
            now: The time.
            user: Its user.
            instance: The CRN of its instance.

        Raises:
            ApiError: If its mode or its maximum duration is invalid.
        """
        if mode not in ("dedicated", "batch"):
            raise ApiError(400, 1217, "mode must be dedicated or batch.")
        if isinstance(max_ttl, bool) or not isinstance(max_ttl, int) or not 1 <= max_ttl <= MAX_SECONDS:
            raise ApiError(400, 1217, f"max_ttl must be a whole number of seconds from 1 to {MAX_SECONDS}.")
        session = RuntimeSession(
            backend, mode, max_ttl, now, changes=[("open", now)], user=user, instance=instance
        )
        self._sessions[session.session_id] = session
        while len(self._sessions) > MAX_SESSIONS:
            oldest, _ = self._sessions.popitem(last=False)
            if self._database is not None:
                self._database.forget("sessions", oldest)
        self._save(session)
        return session

    def find(self, session_id: str) -> RuntimeSession | None:
        """Return a session; None if it does not exist."""
        return self._sessions.get(session_id)

    def of_instance(self, instance: str) -> list[RuntimeSession]:
        """Return the sessions of an instance, oldest first."""
        return [item for item in self._sessions.values() if belongs(item.instance, instance)]

    def get(self, session_id: str, instance: str) -> RuntimeSession:
        """Return a session of an instance.

        Raises:
            ApiError: If it does not exist.
        """
        session = self._sessions.get(session_id)
        if session is None or not belongs(session.instance, instance):
            raise ApiError(404, 1206, f"Session not found: {session_id}", "Check the session ID.")
        return session

    def all_active(self) -> Iterable[RuntimeSession]:
        """Return the sessions that have started and are not closed."""
        return [
            session
            for session in self._sessions.values()
            if session.activated_at and session.closed_at is None
        ]

    def admit(self, session_id: str, backend: str, instance: str) -> None:
        """Check that a session accepts a job.

        Raises:
            ApiError: If the session does not exist, is closed, or is on another backend.
        """
        session = self.get(session_id, instance)
        if not session.accepting_jobs:
            raise ApiError(
                400, 1207, f"Session {session_id} is closed and accepts no jobs.", "Open a new session."
            )
        if session.backend is not None and session.backend != backend:
            raise ApiError(400, 1217, f"Session {session_id} is on {session.backend}, not on {backend}.")

    def job_started(self, job: SimulatorJob, now: float) -> RuntimeSession | None:
        """Record that a job runs; return its session if the job is its first."""
        session = self._sessions.get(job.session_id or "")
        if session is None:
            return None
        session.last_job_started = now
        first = session.activated_at is None
        if first:
            session.activated_at = now
            session.changes.append(("active", now))
        self._save(session)
        return session if first else None

    def job_ended(self, job: SimulatorJob, now: float, busy: bool) -> None:
        """Record that a job has ended, and close its session if that accepts no more and has no other."""
        session = self._sessions.get(job.session_id or "")
        if session is None:
            return
        session.last_job_completed = now
        session.quantum_seconds += job.quantum_seconds
        if not session.accepting_jobs and not busy:
            self._close(session, now)
        self._save(session)

    def end(self, session: RuntimeSession, now: float, busy: bool) -> None:
        """Accept no more jobs, and close the session once all have ended."""
        session.accepting_jobs = False
        if not busy:
            self._close(session, now)
        self._save(session)

    @staticmethod
    def _close(session: RuntimeSession, now: float) -> None:
        if session.closed_at is None:
            session.closed_at = now
            session.changes.append(("closed", now))

    def _save(self, session: RuntimeSession) -> None:
        if self._database is not None:
            self._database.put("sessions", session.session_id, session.created, orjson.dumps(asdict(session)))
