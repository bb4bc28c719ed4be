"""Stand-ins for the provider and the broker: they keep what they are given."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from qiskit import QuantumCircuit

from core.errors import InputError
from core.events import BackendInfo, JobEvent, decode
from core.provider import JobView


class Target:
    """Gives every circuit back as it is."""

    def __init__(self) -> None:
        self.keys: list[Any] = []

    def transpile(self, circuit: QuantumCircuit, key: Any) -> QuantumCircuit:
        self.keys.append(key)
        return circuit


class Provider:
    """One account that takes every job."""

    def __init__(self) -> None:
        self.submitted: list[tuple[QuantumCircuit, str, int, list[str]]] = []
        self.chosen: list[tuple[str, int, str | None]] = []
        self.primitives: list[str] = []
        self.gone: set[str] = set()
        self.known: dict[str, list[JobView]] = {}
        self.cancelled: list[str] = []
        self.cancel_error: Exception | None = None
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
        self, pubs: list[Any], backend: str, shots: int, tags: tuple[str, str], primitive: str = "sampler"
    ) -> str:
        self.primitives.append(primitive)
        self.submitted.append((pubs[0][0], backend, shots, list(tags)))
        return f"job-{len(self.submitted)}"

    def tagged(self, tag: str) -> list[JobView]:
        return self.known.get(tag, [])

    def abandon(self, job_id: str) -> None:
        self.cancelled.append(job_id)
        if self.cancel_error is not None:
            raise self.cancel_error


class Publisher:
    """Acknowledges every message, or fails as it is told to."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str, bytes]] = []
        self.error: Exception | None = None
        self.closed = False

    def publish(self, topic: str, key: str, value: bytes, headers: Any = None) -> None:
        if self.error is not None:
            raise self.error
        self.sent.append((topic, key, value))

    def events(self) -> list[JobEvent]:
        """What was published, read back as the poller reads it."""
        return [decode(JobEvent, value) for _, _, value in self.sent]

    def close(self) -> None:
        self.closed = True
