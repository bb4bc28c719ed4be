"""Stand-ins for the provider and the broker: they keep what they are given."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from qiskit import QuantumCircuit

from core.errors import InputError
from core.kafka.topics import CANCEL, JOBS
from core.protocol import BackendInfo, JobEvent, decode
from core.provider import JobView


class Target:
    """Returns every circuit unchanged."""

    def __init__(self) -> None:
        self.keys: list[Any] = []

    def transpile(self, circuit: QuantumCircuit, key: Any) -> QuantumCircuit:
        self.keys.append(key)
        return circuit


class Provider:
    """An account that accepts every job."""

    def __init__(self) -> None:
        self.submitted: list[tuple[QuantumCircuit, str, int, list[str]]] = []
        self.chosen: list[tuple[str, int, str | None]] = []
        self.primitives: list[str] = []
        self.simulator_options: list[dict[str, Any]] = []
        self.gone: set[str] = set()
        self.known: dict[str, list[JobView]] = {}
        self.cancelled: list[str] = []
        self.tagged_anew: list[tuple[str, list[str]]] = []
        self.cancel_error: Exception | None = None
        #: Raised by each look for jobs, in turn; None lets the look succeed.
        self.look_errors: list[Exception | None] = []
        self.looks = 0
        self.ready = Target()

    def choose(self, backend_type: Any, qubits: int, name: str | None) -> BackendInfo:
        self.chosen.append((backend_type, qubits, name))
        if name in self.gone:
            raise InputError(f"backend {name} is not operational now.")
        return BackendInfo(
            name="ibm_calm" if backend_type == "hardware" else "aer_simulator",
            backend_type=backend_type,
            qubits=64,
            operational=True,
            queue_length=9,
            seen_at=datetime(2026, 5, 1, tzinfo=UTC),
        )

    def account(self, backend_type: str) -> Provider:
        return self

    def target(self, name: str) -> Target:
        return self.ready

    def submit(
        self,
        pubs: list[Any],
        backend: str,
        shots: int,
        tags: tuple[str, str],
        primitive: str,
        simulator_options: dict[str, Any],
    ) -> str:
        self.simulator_options.append(simulator_options)
        self.primitives.append(primitive)
        self.submitted.append((pubs[0][0], backend, shots, list(tags)))
        return f"job-{len(self.submitted)}"

    def tagged(self, tag: str, *_run: str) -> list[JobView]:
        self.looks += 1
        if self.look_errors and (error := self.look_errors.pop(0)) is not None:
            raise error
        return self.known.get(tag, [])

    def look(self, job_id: str) -> JobView:
        """A job that was submitted just now."""
        return JobView(job_id, "aer_simulator", "QUEUED", "executor", None, datetime.now(UTC), None, None)

    def tag(self, job_id: str, tags: list[str]) -> None:
        self.tagged_anew.append((job_id, list(tags)))

    def abandon(self, job_id: str) -> None:
        self.cancelled.append(job_id)
        if self.cancel_error is not None:
            raise self.cancel_error


class Publisher:
    """Acknowledges every message, or fails if it is set to."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str, bytes]] = []
        self.error: Exception | None = None
        self.closed = False

    def publish(self, topic: str, key: str, value: bytes, headers: Any = None) -> None:
        if self.error is not None and topic == JOBS:
            raise self.error
        self.sent.append((topic, key, value))

    def events(self) -> list[JobEvent]:
        """Return what was announced, read as the poller reads it."""
        return [decode(JobEvent, value) for topic, _, value in self.sent if topic == JOBS]

    def requests(self) -> list[JobEvent]:
        """Return the cancellation requests to the pollers."""
        return [decode(JobEvent, value) for topic, _, value in self.sent if topic == CANCEL]

    def close(self) -> None:
        self.closed = True
