"""A result over the broker's limit: by reference, and for its own client alone."""

from __future__ import annotations

import sys
from datetime import UTC, datetime

import pytest
from qiskit import QuantumCircuit

from core.events import JobEvent, encode
from core.provider import Provider, run_tag
from core.settings import KafkaSettings, ProviderSettings
from core.streams import Publisher
from core.topics import JOBS
from tests.processes import part_environment
from tests.stack import Stack

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads a part's environment in /proc")

QUBITS, SHOTS = 20, 50_000


def test_a_large_result_is_read_back_by_its_own_client_alone(stack: Stack) -> None:
    """No action of ours asks for so much, so the job comes to the poller from here."""
    client, other = stack.client(), stack.client()
    small = client.smile()
    env = part_environment(stack, "poller")
    circuit = QuantumCircuit(QUBITS)
    circuit.h(range(QUBITS))
    circuit.measure_all()
    account = Provider(ProviderSettings.from_env(env)).account("simulator")
    process_job_id = "large-" + small["process_job_id"]
    circuit = account.target("aer_simulator").transpile(circuit, "large")
    job_id = account.submit([circuit], "aer_simulator", SHOTS, [run_tag(process_job_id)])
    fields = {name: small[name] for name in ("backend_type", "backend", "function", "client_id", "topic")}
    event = JobEvent(job_id=job_id, process_job_id=process_job_id, submitted_at=datetime.now(UTC), **fields)
    publisher = Publisher(KafkaSettings.from_env(env))
    publisher.publish(JOBS, process_job_id, encode(event))
    publisher.close()

    final = client.get(f"/jobs/{process_job_id}", wait=60).json()
    assert final["status"] == "DONE"
    assert final["result"] is None
    assert final["result_url"] == f"/api/v1/jobs/{process_job_id}/result"
    found = client.http.get(f"{stack.gateway}{final['result_url']}", timeout=30)
    assert found.status_code == 200, found.text
    [register] = found.json()["result"]["counts"].values()
    assert sum(register.values()) == SHOTS
    assert len(found.content) > 1_000_000
    assert other.http.get(f"{stack.gateway}{final['result_url']}", timeout=30).status_code == 404
    assert client.get("/jobs/nosuchjob/result").status_code == 404
