"""Messages of participants for the tests of pooling."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from qiskit import QuantumCircuit

from actions.framework.job import Job, Pub
from actions.framework.pooling import pool_submission
from core.protocol import POOLED_JOB, JobEvent, PoolSubmission
from poller.pooling.member import Member

TOPIC = "results." + "t" * 32


def circuit(bits: int = 1) -> QuantumCircuit:
    """A circuit that measures `bits` qubits in the state 1."""
    made = QuantumCircuit(bits)
    made.x(range(bits))
    made.measure_all()
    return made


def submission(run: str = "run", client: str = "client", pubs: int = 1, **more: Any) -> PoolSubmission:
    """A participant with `pubs` circuits."""
    values: dict[str, Any] = {
        "job_id": POOLED_JOB,
        "backend": "fake_fez",
        "backend_type": "hardware",
        "function": "ghz_state",
        "client_id": client,
        "process_job_id": run,
        "topic": TOPIC,
        "submitted_at": datetime.now(UTC),
    }
    event = JobEvent(**(values | more))
    circuits = [circuit(1 + number) for number in range(pubs)]
    return pool_submission(event, Job([Pub(each) for each in circuits]), circuits, shots=100)


def member(run: str = "run", offset: int = 0, at: float = 0.0, **more: Any) -> Member:
    """A participant whose message was consumed."""
    return Member(submission(run, **more), ("pool", 0), offset, at)
