"""A quantum account in memory: it keeps the submitted jobs, and the test decides how they end."""

from __future__ import annotations

import threading
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

from qiskit import QuantumCircuit

from core.errors import JobNotFoundError, ProviderError
from core.protocol import BackendInfo, JobResult, Status
from core.provider.port import BACKENDS_FRESH, LOOK_PAGE, JobView, Primitive
from core.simulators import NOISELESS

#: The time at which the first job is created. Each further job is created a second later.
EPOCH = datetime(2026, 5, 1, tzinfo=UTC)


@dataclass(frozen=True)
class SubmittedPubs:
    """What was submitted as one job."""

    pubs: Sequence[Any]
    shots: int
    primitive: Primitive


class UnchangedTarget:
    """A target whose gates are those of every circuit."""

    def transpile(self, circuit: QuantumCircuit, key: Hashable | None) -> QuantumCircuit:
        """Return the circuit."""
        return circuit


class InMemoryAccount:
    """An account with one noiseless simulator and one device.

    Jobs stay QUEUED until `finish` or `cancel`. Thread-safe.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._views: dict[str, JobView] = {}
        self._tags: dict[str, frozenset[str]] = {}
        self._results: dict[str, JobResult] = {}
        #: The submitted jobs, by their ids.
        self.submitted: dict[str, SubmittedPubs] = {}

    def finish(self, job_id: str, result: JobResult | None, reason: str | None = None) -> None:
        """Let a job succeed with a result, or fail without one.

        Args:
            job_id: the job's id.
            result: its result; None if it failed.
            reason: why it failed.
        """
        with self._lock:
            if result is not None:
                self._results[job_id] = result
            self._end(job_id, "ERROR" if result is None else "DONE", reason)

    def backends(self, fresh: float = BACKENDS_FRESH) -> list[BackendInfo]:
        """Return the two backends."""
        return [
            BackendInfo(
                name=NOISELESS,
                backend_type="simulator",
                qubits=64,
                operational=True,
                queue_length=0,
                seen_at=EPOCH,
            ),
            BackendInfo(
                name="fake_fez",
                backend_type="hardware",
                qubits=156,
                operational=True,
                queue_length=4,
                seen_at=EPOCH,
            ),
        ]

    def target(self, name: str) -> UnchangedTarget:
        """Return the target of a backend; ProviderError if there is no such backend."""
        if name not in {backend.name for backend in self.backends()}:
            raise ProviderError(f"There is no backend {name!r}.")
        return UnchangedTarget()

    def submit(
        self,
        pubs: Sequence[Any],
        backend: str,
        shots: int,
        tags: Sequence[str],
        primitive: Primitive = "sampler",
        simulator_options: Mapping[str, Any] = MappingProxyType({}),
    ) -> str:
        """Keep the job and return its id."""
        self.target(backend)
        with self._lock:
            number = len(self._views)
            job_id = f"job-{number}"
            self._views[job_id] = JobView(
                job_id=job_id,
                backend=backend,
                status="QUEUED",
                program_id="executor",
                reason=None,
                created=EPOCH + timedelta(seconds=number),
                running=None,
                finished=None,
            )
            self._tags[job_id] = frozenset(tags)
            self.submitted[job_id] = SubmittedPubs(pubs, shots, primitive)
            return job_id

    def tagged(self, *tags: str) -> list[JobView]:
        """Return the jobs that have all of these tags, newest first."""
        with self._lock:
            return [
                view for view in reversed(self._views.values()) if self._tags[view.job_id].issuperset(tags)
            ]

    def look(self, job_id: str) -> JobView:
        """Return one job; JobNotFoundError if there is none."""
        with self._lock:
            return self._view(job_id)

    def look_since(self, created_after: datetime, newest_first: bool = True) -> dict[str, JobView]:
        """Return the jobs that were created after an instant, by id."""
        with self._lock:
            views = [view for view in self._views.values() if view.created and view.created > created_after]
        ordered = views[::-1] if newest_first else views
        return {view.job_id: view for view in ordered[:LOOK_PAGE]}

    def result(self, view: JobView) -> JobResult:
        """Return the result of a finished job; ProviderError if it has none."""
        with self._lock:
            self._view(view.job_id)
            if view.job_id not in self._results:
                raise ProviderError("The job has no result.")
            return self._results[view.job_id]

    def cancel(self, job_id: str) -> None:
        """Cancel a job; JobNotFoundError if there is none."""
        with self._lock:
            if self._view(job_id).status == "QUEUED":
                self._end(job_id, "CANCELLED", None)

    def delete(self, job_id: str) -> None:
        """Delete a job; JobNotFoundError if there is none."""
        with self._lock:
            self._view(job_id)
            for known in (self._views, self._tags, self._results, self.submitted):
                known.pop(job_id, None)

    def abandon(self, job_id: str) -> None:
        """Cancel a job and remove its tags."""
        self.cancel(job_id)
        self.tag(job_id, [])

    def tag(self, job_id: str, tags: Sequence[str]) -> None:
        """Replace the tags of a job; JobNotFoundError if there is none."""
        with self._lock:
            self._view(job_id)
            self._tags[job_id] = frozenset(tags)

    def _view(self, job_id: str) -> JobView:
        view = self._views.get(job_id)
        if view is None:
            raise JobNotFoundError(f"There is no job {job_id!r}.")
        return view

    def _end(self, job_id: str, status: Status, reason: str | None) -> None:
        view = self._view(job_id)
        finished = EPOCH + timedelta(minutes=1)
        self._views[job_id] = replace(
            view, status=status, reason=reason, running=view.created, finished=finished
        )
