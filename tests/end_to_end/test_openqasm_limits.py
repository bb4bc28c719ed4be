"""Programs that the simulator cannot run are the caller's error, and answers say how they were simulated."""

from __future__ import annotations

from testkit.stack import Client

#: 40 qubits, entangled by gates that are not Clifford: with noise, no method has memory for the state.
WIDE = 'OPENQASM 2.0; include "qelib1.inc"; qreg q[40]; creg c[40];' + "".join(
    "u2(0.3,0.4) q;" + "".join(f"cx q[{place}],q[{place + 1}];" for place in range(layer % 2, 39, 2))
    for layer in range(60)
)


def test_a_circuit_that_the_simulator_cannot_run_is_refused_with_the_limit(client: Client) -> None:
    answer = client.submit(function="run_openqasm", program=WIDE, backend_type="noisy_simulator")
    assert answer.status_code == 422, answer.text
    detail = answer.json()["detail"]
    assert "At most" in detail
    assert "IBM" not in detail


def test_the_answer_names_the_method_that_the_simulator_used(client: Client) -> None:
    program = "OPENQASM 3.0; qubit[30] q; h q[0]; for int i in [0:28] { cx q[i], q[i + 1]; }"
    job = client.submit(function="run_openqasm", program=program).json()["process_job_id"]
    event = client.get(f"/jobs/{job}", wait=60).json()
    assert event["status"] == "DONE", event
    assert event["answer"]["simulation"]["method"] == "stabilizer"
    assert event["answer"]["simulation"]["active_qubits"] == 30
    assert event["answer"]["ideal"] == {"0" * 30: 0.5, "1" * 30: 0.5}
