"""Qiskit's documented examples as their readers run them: unchanged except for the address."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.circuit.library import efficient_su2
from qiskit.quantum_info import SparsePauliOp
from qiskit.transpiler import generate_preset_pass_manager
from qiskit_ibm_runtime import Batch, EstimatorV2, QiskitRuntimeService, SamplerV2, Session
from qiskit_ibm_runtime.executor_estimator import Estimator
from qiskit_ibm_runtime.executor_sampler import Sampler

from .bodies import executor_request, sampler_request
from .circuits import dense, ghz, isa
from .conftest import Api
from .test_app import check_error
from .test_client import deprecated


def test_hello_world(client: QiskitRuntimeService) -> None:
    """A Bell state and its correlations, on the least busy device."""
    service = client
    qc = QuantumCircuit(2)
    qc.h(0)
    qc.cx(0, 1)
    observables_labels = ["IZ", "IX", "ZI", "XI", "ZZ", "XX"]
    observables = [SparsePauliOp(label) for label in observables_labels]
    backend = service.least_busy(simulator=False, operational=True)
    pm = generate_preset_pass_manager(backend=backend, optimization_level=1)
    isa_circuit = pm.run(qc)
    mapped_observables = [observable.apply_layout(isa_circuit.layout) for observable in observables]
    with deprecated():
        estimator = EstimatorV2(mode=backend)
        estimator.options.resilience_level = 1
        estimator.options.default_shots = 5000
        job = estimator.run([(isa_circuit, mapped_observables)])
        pub_result = job.result(timeout=60)[0]
    values, errors = pub_result.data.evs, pub_result.data.stds
    assert values == pytest.approx([0, 0, 0, 0, 1, 1], abs=0.15)
    assert len(errors) == len(values)
    assert job.usage() > 0


def test_a_large_ghz_state(client: QiskitRuntimeService) -> None:
    """The second half of hello world, 100 qubits: with noise, correlations fall with the distance."""
    backend = client.backend("aer_simulator_noisy_fez")
    qc = QuantumCircuit(100)
    qc.h(0)
    for i in range(99):
        qc.cx(i, i + 1)
    qc.measure_all()
    circuit = generate_preset_pass_manager(optimization_level=1, backend=backend, seed_transpiler=1).run(qc)
    job = Sampler(mode=backend).run([circuit], shots=500)
    bits = job.result(timeout=60)[0].data.meas.to_bool_array(order="little")
    agree = [np.mean(bits[:, 0] == bits[:, distance]) for distance in (1, 12)]
    assert agree[0] > 0.85
    assert 0.5 < agree[1] < agree[0]


def test_parametrised_circuit_with_broadcasting(client: QiskitRuntimeService) -> None:
    """The primitives' introduction: a sweep of parameters against several observables."""
    backend = client.backend("aer_simulator")
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.ry(Parameter("θ"), 0)
    params = np.vstack([np.linspace(-np.pi, np.pi, 9)]).T
    observables = [[SparsePauliOp(["XX", "IY"], [0.5, 0.5])], [SparsePauliOp("XX")], [SparsePauliOp("ZZ")]]
    pm = generate_preset_pass_manager(optimization_level=1, backend=backend)
    isa_circuit = pm.run(circuit)
    isa_observables = [[op.apply_layout(isa_circuit.layout) for op in row] for row in observables]
    with deprecated():
        result = (
            EstimatorV2(mode=backend).run([(isa_circuit, isa_observables, params)], precision=0.02).result()
        )
    evs = result[0].data.evs
    assert evs.shape == (3, 9)
    assert evs[2] == pytest.approx(np.cos(params[:, 0]), abs=0.12)
    assert evs[1] == pytest.approx(np.cos(params[:, 0]), abs=0.12)
    assert evs[0] == pytest.approx(evs[1] / 2, abs=0.12)


def test_sampler_example(client: QiskitRuntimeService) -> None:
    """The Sampler's guide: random parameters, several PUBs with their own shots, data bins and metadata."""
    backend = client.backend("aer_simulator")
    circuit = efficient_su2(4, entanglement="linear")
    circuit.measure_all()
    rng = np.random.default_rng(3)
    param_values = rng.random(circuit.num_parameters)
    pm = generate_preset_pass_manager(backend=backend, optimization_level=1)
    isa_circuit = pm.run(circuit)
    for make in (Sampler, SamplerV2):
        with deprecated():
            job = make(mode=backend).run(
                [(isa_circuit, param_values), (isa_circuit, [param_values] * 3)], shots=64
            )
            result = job.result(timeout=60)
        assert len(result) == 2
        assert sum(result[0].data.meas.get_counts().values()) == 64
        assert result[1].data.meas.shape == (3,)
        assert result[1].data.meas.num_shots == 64


def test_dynamic_circuit(client: QiskitRuntimeService) -> None:
    """Classical feedforward: a qubit is reset by a measurement, and a flip if the outcome was 1."""
    backend = client.backend("fake_fez")
    circuit = QuantumCircuit(1, 2)
    circuit.h(0)
    circuit.measure(0, 0)
    with circuit.if_test((circuit.clbits[0], 1)) as else_:
        circuit.x(0)
    with else_:
        circuit.id(0)
    circuit.measure(0, 1)
    prepared = generate_preset_pass_manager(backend=backend, optimization_level=0).run(circuit)
    counts = Sampler(mode=backend).run([prepared], shots=400).result(timeout=60)[0].data.c.get_counts()
    after = sum(number for key, number in counts.items() if key[0] == "1")
    before = sum(number for key, number in counts.items() if key[1] == "1")
    assert after < 60
    assert 120 < before < 280


@pytest.mark.parametrize("mode", [Session, Batch])
def test_sessions_and_batches(client: QiskitRuntimeService, mode: Callable[..., Any]) -> None:
    """Sampler and Estimator together in one session, found again by its id."""
    backend = client.backend("fake_fez")
    circuit = ghz(2)
    bare = circuit.remove_final_measurements(inplace=False)
    pm = generate_preset_pass_manager(backend=backend, optimization_level=1, seed_transpiler=1)
    isa_circuit, isa_bare = pm.run(circuit), pm.run(bare)
    with mode(backend=backend) as group:
        first = Sampler(mode=group).run([isa_circuit], shots=100)
        estimator = Estimator(mode=group)
        estimator.options.twirling.num_randomizations = 4
        second = estimator.run([(isa_bare, SparsePauliOp("ZZ").apply_layout(isa_bare.layout))])
    assert first.result(timeout=60)[0].data.meas.num_shots == 100
    assert second.result(timeout=60)[0].data.evs == pytest.approx(1, abs=0.25)
    assert {job.job_id() for job in client.jobs(session_id=group.session_id)} == {
        first.job_id(),
        second.job_id(),
    }
    assert group.details()["mode"] == ("batch" if mode is Batch else "dedicated")
    assert group.usage() > 0
    if mode is Batch:
        assert group.usage() == pytest.approx(first.usage() + second.usage(), abs=0.01)


def test_a_job_from_its_id_to_its_metrics(client: QiskitRuntimeService) -> None:
    backend = client.backend("fake_fez")
    began = datetime.now(UTC) - timedelta(seconds=1)
    sampler = Sampler(mode=backend)
    sampler.options.environment.job_tags = ["flow"]
    submitted = sampler.run([isa(ghz(2), backend)], shots=50)
    job = client.job(submitted.job_id())
    assert job.status() in ("QUEUED", "RUNNING")
    assert not job.in_final_state()
    assert [listed_job.job_id() for listed_job in client.jobs(pending=True, job_tags=["flow"])] == [
        job.job_id()
    ]
    assert job.result(timeout=60)[0].data.meas.num_shots == 50
    assert job.done()
    assert not job.errored()
    assert job.error_message() is None
    assert (job.backend().name, job.primitive_id, job.tags) == ("fake_fez", "executor", ["flow"])
    assert job.creation_date is not None
    metrics = job.metrics()
    assert metrics["usage"]["qpu_charge_time_seconds"] == job.usage() > 0
    assert set(metrics["timestamps"]) == {"created", "running", "finished"}
    listed = client.jobs(
        backend_name="fake_fez", program_id="executor", pending=False, created_after=began, limit=None
    )
    assert job.job_id() in {listed_job.job_id() for listed_job in listed}
    assert (
        client.jobs(skip=len(listed), created_after=began, backend_name="fake_fez", job_tags=["flow"]) == []
    )
    assert client.usage()["usage_consumed_seconds"] >= job.usage()


def test_openqasm_3(api: Api) -> None:
    """What users of the REST API send: text, on physical qubits, with parameters."""
    text = (
        'OPENQASM 3.0; include "stdgates.inc"; input float[64] theta; bit[2] meas;'
        "rz(theta) $0; sx $0; rz(theta) $0; x $1; meas[0] = measure $0; meas[1] = measure $1;"
    )
    request = sampler_request() | {"backend": "aer_simulator_noisy_fez"}
    request["params"]["pubs"] = [[text, [[0.0], [1.0]], 100]]
    answer = api("POST", "/jobs", json=request)
    assert answer.status_code == 200, answer.text
    job_id = answer.json()["id"]
    end = time.monotonic() + 10
    while api("GET", f"/jobs/{job_id}").json()["status"] != "Completed" and time.monotonic() < end:
        time.sleep(0.05)
    value = api("GET", f"/jobs/{job_id}/results").json()["__value__"]["pub_results"][0]["__value__"]
    assert value["data"]["__value__"]["shape"] == [2]
    for wrong in ("OPENQASM 3.0; foo", "OPENQASM 2.0; qreg q[1];", "x"):
        request["params"]["pubs"] = [[wrong, None, 100]]
        check_error(api("POST", "/jobs", json=request), 400)


def test_small_jobs_do_not_wait_behind_large_ones(api: Api) -> None:
    """While large jobs use as many workers as they may, and others wait, small ones are answered."""
    large = [api("POST", "/jobs", json=executor_request(dense(23))).json()["id"] for _ in range(4)]
    for _ in range(20):
        job_id = api("POST", "/jobs", json=executor_request()).json()["id"]
        assert api("GET", f"/jobs/{job_id}").json()["status"] == "Completed"
    states = [api("GET", f"/jobs/{job_id}").json()["status"] for job_id in large]
    assert "Running" in states
    assert "Queued" in states
    for job_id in large:
        api("POST", f"/jobs/{job_id}/cancel")
