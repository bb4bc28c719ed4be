"""A job whose result is larger than a message of Kafka."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import jwt
from qiskit import QuantumCircuit

from core.kafka.publisher import Publisher
from core.kafka.topics import JOBS
from core.protocol import JobEvent, encode
from core.provider import connect, run_tag
from core.settings import KafkaSettings, ProviderSettings
from testkit.stack import Client

QUBITS = 20


def submit_large(env: Mapping[str, str], client: Client, circuits: int, shots: int) -> str:
    """Submit a job with so many circuits that nearly all outcomes are different; return its id.

    No action of ours requests that much, so this announces the job to the poller.

    Args:
        env: the poller's environment.
        client: the job's client.
        circuits: the number of circuits.
        shots: the shots of each circuit; 50,000 give over a megabyte.
    """
    small = client.smile()
    circuit = QuantumCircuit(QUBITS)
    circuit.h(range(QUBITS))
    circuit.measure_all()
    account = connect(ProviderSettings.from_env(env)).account("simulator")
    process_job_id = f"large-{small['process_job_id']}"
    circuit = account.target("aer_simulator").transpile(circuit, "large")
    job_id = account.submit([circuit] * circuits, "aer_simulator", shots, [run_tag(process_job_id)])
    fields = {name: small[name] for name in ("backend_type", "backend", "function", "client_id")}
    topic = jwt.decode(client.token, options={"verify_signature": False})["topic"]
    event = JobEvent(
        job_id=job_id,
        process_job_id=process_job_id,
        topic=topic,
        submitted_at=datetime.now(UTC),
        **fields,
    )
    publisher = Publisher(KafkaSettings.from_env(env))
    publisher.publish(JOBS, process_job_id, encode(event))
    publisher.close()
    return process_job_id
