"""The unmodified client against the service, in the order in which a user meets its features."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit.circuit import Parameter
from qiskit.primitives import BitArray, PrimitiveResult
from qiskit.quantum_info import SparsePauliOp, Statevector
from qiskit_ibm_runtime import Batch, EstimatorV2, QiskitRuntimeService, SamplerV2, Session
from qiskit_ibm_runtime.exceptions import (
    IBMRuntimeError,
    RuntimeInvalidStateError,
    RuntimeJobMaxTimeoutError,
    RuntimeJobNotFound,
)
from qiskit_ibm_runtime.executor_estimator import Estimator
from qiskit_ibm_runtime.executor_sampler import Sampler
from scipy.stats import chisquare  # type: ignore[import-untyped]

from .circuits import dense, ghz, isa


@contextmanager
def deprecated() -> Iterator[None]:
    """Let the client's older primitives be used."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=DeprecationWarning, module=r"qiskit_ibm_runtime|tests")
        warnings.filterwarnings("ignore", message=".*deprecated.*", category=DeprecationWarning)
        yield


def old_sampler(backend: Any, **options: Any) -> Any:
    with deprecated():
        return SamplerV2(mode=backend, options=options or None)


def run(sampler: Any, pubs: list[Any], shots: int | None = None) -> Any:
    with deprecated():
        return sampler.run(pubs, shots=shots).result(timeout=60)


SAMPLERS = [pytest.param(Sampler, id="executor"), pytest.param(old_sampler, id="SamplerV2")]


def test_backends(client: QiskitRuntimeService) -> None:
    sizes = {backend.name: backend.num_qubits for backend in client.backends()}
    assert sizes == {"aer_simulator": 128, "fake_fez": 156, "aer_simulator_noisy_fez": 156}


def test_least_busy_device(client: QiskitRuntimeService) -> None:
    backend = client.least_busy(simulator=False, operational=True, min_num_qubits=16)
    assert backend.name == "fake_fez"
    assert backend.status().operational
    assert backend.status().status_msg == "active"


def test_targets(client: QiskitRuntimeService) -> None:
    device = client.backend("fake_fez")
    noisy = client.backend("aer_simulator_noisy_fez")
    assert set(device.target.build_coupling_map().get_edges()) == set(
        noisy.target.build_coupling_map().get_edges()
    )
    assert set(device.target.operation_names) == set(noisy.target.operation_names)
    assert 0 < device.target["sx"][(0,)].error < 0.1
    assert device.properties().t1(0) > 0
    assert client.backend("aer_simulator").coupling_map is None


def test_the_transpiler_chooses_the_same_as_for_the_device(client: QiskitRuntimeService) -> None:
    device, noisy = client.backend("fake_fez"), client.backend("aer_simulator_noisy_fez")
    for name in device.target.operation_names:
        for qubits, expected in (device.target[name] or {}).items():
            properties = noisy.target[name][qubits]
            assert (expected is None) == (properties is None)
            if expected is not None:
                assert (properties.error, properties.duration) == (expected.error, expected.duration)
    circuit = ghz(20)
    layouts = [isa(circuit, backend).layout.final_index_layout() for backend in (device, noisy)]
    assert layouts[0] == layouts[1]
    # The client does not consider it if real devices are requested.
    assert noisy not in client.backends(simulator=False)


@pytest.mark.parametrize("make", SAMPLERS)
@pytest.mark.parametrize(
    ("name", "qubits"), [("aer_simulator", 2), ("aer_simulator", 16), ("aer_simulator", 64)]
)
def test_noiseless_counts(client: QiskitRuntimeService, make: Any, name: str, qubits: int) -> None:
    backend = client.backend(name)
    result = run(make(backend), [isa(ghz(qubits), backend)], shots=2000)
    assert isinstance(result, PrimitiveResult)
    counts = result[0].data.meas.get_counts()
    assert set(counts) == {"0" * qubits, "1" * qubits}
    assert sum(counts.values()) == 2000
    assert chisquare(list(counts.values())).pvalue > 1e-6


def test_the_seed_determines_the_counts_and_the_distribution_is_right(client: QiskitRuntimeService) -> None:
    backend = client.backend("aer_simulator")
    circuit = QuantumCircuit(3)
    circuit.ry(1.1, 0)
    circuit.cx(0, 1)
    circuit.rx(0.7, 2)
    circuit.crz(0.4, 2, 1)
    circuit.ry(0.3, 1)
    expected = Statevector(circuit).probabilities_dict()
    circuit.measure_all()
    prepared = isa(circuit, backend)
    sampler = old_sampler(backend, simulator={"seed_simulator": 11})
    first, second = (run(sampler, [prepared], shots=20_000)[0].data.meas for _ in range(2))
    assert np.array_equal(first.array, second.array)
    counts = first.get_counts()
    outcomes = sorted(key for key, probability in expected.items() if probability > 1e-9)
    assert set(counts) <= set(outcomes)
    observed = [counts.get(key, 0) for key in outcomes]
    theory = np.array([expected[key] for key in outcomes])
    assert chisquare(observed, theory / theory.sum() * 20_000).pvalue > 0.001


@pytest.mark.parametrize("make", SAMPLERS)
def test_registers_bit_order_and_mid_circuit_measurement(client: QiskitRuntimeService, make: Any) -> None:
    backend = client.backend("aer_simulator")
    qubits, first, second = QuantumRegister(12, "q"), ClassicalRegister(3, "a"), ClassicalRegister(9, "b")
    circuit = QuantumCircuit(qubits, first, second)
    circuit.h(0)
    circuit.measure(0, first[0])
    circuit.cx(0, 1)
    circuit.x(0)
    circuit.measure(0, first[1])
    circuit.x(5)
    circuit.measure(1, second[8])
    circuit.measure(5, second[0])
    data = run(make(backend), [isa(circuit, backend)], shots=500)[0].data
    assert isinstance(data.a, BitArray)
    assert data.a.num_bits == 3
    assert data.b.num_bits == 9
    pairs = set(zip(data.a.get_bitstrings(), data.b.get_bitstrings(), strict=True))
    # a = (never, not first outcome, first outcome); b's highest bit is the first outcome, its lowest is 1.
    assert pairs == {("010", "000000001"), ("001", "100000001")}


@pytest.mark.parametrize("make", SAMPLERS)
def test_parameter_sweep_and_several_pubs(client: QiskitRuntimeService, make: Any) -> None:
    backend = client.backend("aer_simulator")
    a, b = Parameter("a"), Parameter("b")
    circuit = QuantumCircuit(2)
    circuit.rx(a, 0)
    circuit.cx(0, 1)
    circuit.ry(b, 1)
    circuit.measure_all()
    values = np.array([[[0, 0], [0, np.pi]], [[np.pi, 0], [np.pi, np.pi]], [[0, 2 * np.pi], [np.pi / 2, 0]]])
    result = run(make(backend), [(isa(circuit, backend), values), isa(ghz(3), backend)], shots=200)
    swept = result[0].data.meas
    assert swept.shape == (3, 2)
    assert [swept.get_counts((i, j)) for i, j in ((0, 0), (0, 1), (1, 0), (1, 1), (2, 0))] == [
        {"00": 200},
        {"10": 200},
        {"11": 200},
        {"01": 200},
        {"00": 200},
    ]
    assert set(swept.get_counts((2, 1))) == {"00", "11"}
    assert set(result[1].data.meas.get_counts()) == {"000", "111"}


def test_control_flow(client: QiskitRuntimeService) -> None:
    backend = client.backend("aer_simulator")
    circuit = QuantumCircuit(2, 2)
    circuit.h(0)
    circuit.measure(0, 0)
    with circuit.if_test((circuit.clbits[0], 1)):
        circuit.x(1)
    circuit.measure(1, 1)
    counts = run(Sampler(backend), [isa(circuit, backend)], shots=400)[0].data.c.get_counts()
    assert set(counts) == {"00", "11"}


def test_twirled_sampling(client: QiskitRuntimeService) -> None:
    backend = client.backend("aer_simulator_noisy_fez")
    sampler = Sampler(backend)
    sampler.options.twirling.enable_gates = True
    sampler.options.twirling.enable_measure = True
    sampler.options.twirling.num_randomizations = 8
    counts = run(sampler, [isa(ghz(3), backend)], shots=800)[0].data.meas.get_counts()
    assert sum(counts.values()) == 800
    assert counts["000"] + counts["111"] > 700
    assert min(counts["000"], counts["111"]) > 300


@pytest.mark.parametrize("name", ["aer_simulator", "aer_simulator_noisy_fez"])
@pytest.mark.parametrize("new", [True, False])
def test_expectation_values(client: QiskitRuntimeService, name: str, new: bool) -> None:
    backend = client.backend(name)
    circuit = QuantumCircuit(2)
    circuit.ry(0.8, 0)
    circuit.cx(0, 1)
    prepared = isa(circuit, backend)
    observables = [SparsePauliOp("ZZ"), SparsePauliOp("IZ"), SparsePauliOp("XX")]
    pub = (prepared, [observable.apply_layout(prepared.layout) for observable in observables])
    with deprecated():
        estimator = Estimator(backend) if new else EstimatorV2(backend)
        if new:
            # Eight are enough, and take a quarter of the time.
            estimator.options.twirling.num_randomizations = 8
        result = estimator.run([pub]).result(timeout=60)[0]
    assert result.data.evs == pytest.approx([1, np.cos(0.8), np.sin(0.8)], abs=0.12)


@pytest.mark.parametrize("make", SAMPLERS)
@pytest.mark.parametrize(
    ("qubits", "model", "method"), [(2, "full", "density_matrix"), (20, "reset_mixture", "stabilizer")]
)
def test_the_noise_model_is_reported(
    client: QiskitRuntimeService, make: Any, qubits: int, model: str, method: str
) -> None:
    backend = client.backend("aer_simulator_noisy_fez")
    prepared = isa(ghz(qubits), backend)
    with deprecated():
        job = make(backend).run([prepared], shots=1000)
        result = job.result(timeout=60)
    simulation = {"method": method, "noise_model": model, "active_qubits": qubits}
    assert job.metrics()["simulator"] == [simulation]
    assert result[0].metadata.get("simulator", simulation) == simulation
    # Nothing of the service is in the data of the circuit's author.
    assert "simulator" not in (result[0].metadata["circuit_metadata"] or {})
    counts = result[0].data.meas.get_counts()
    right = counts["0" * qubits] + counts["1" * qubits]
    assert 500 < right < 1000


def test_noise_on_16_qubits_is_fast(client: QiskitRuntimeService) -> None:
    backend = client.backend("aer_simulator_noisy_fez")
    prepared = isa(ghz(16), backend)
    run(Sampler(backend), [prepared], shots=1024)
    started = time.monotonic()
    run(Sampler(backend), [prepared], shots=1024)
    assert time.monotonic() - started < 3


def test_device_queue(client: QiskitRuntimeService) -> None:
    backend = client.backend("fake_fez")
    job = Sampler(backend).run([isa(ghz(2), backend)], shots=100)
    assert job.status() in ("QUEUED", "RUNNING")
    assert backend.status().pending_jobs >= 1
    assert job.usage_estimation["quantum_seconds"] == pytest.approx(0.025)
    result = job.result(timeout=60)
    assert sum(result[0].data.meas.get_counts().values()) == 100
    metrics = job.metrics()
    created, started, finished = (
        datetime.fromisoformat(metrics["timestamps"][name]) for name in ("created", "running", "finished")
    )
    assert created <= started < finished
    assert job.usage() > 0


def test_cancel_on_the_device(client: QiskitRuntimeService) -> None:
    backend = client.backend("fake_fez")
    job = Sampler(backend).run([isa(ghz(2), backend)], shots=100)
    job.cancel()
    again = client.job(job.job_id())
    assert again.status() == "CANCELLED"
    with pytest.raises(RuntimeInvalidStateError, match="was cancelled"):
        again.result(timeout=10)
    with pytest.raises(RuntimeInvalidStateError, match="cannot be cancelled"):
        again.cancel()


def test_find_tag_and_delete_jobs(client: QiskitRuntimeService) -> None:
    backend = client.backend("aer_simulator")
    began = datetime.now(UTC) - timedelta(seconds=1)
    sampler = Sampler(backend)
    sampler.options.environment.job_tags = ["tests", "find"]
    jobs = [sampler.run([isa(ghz(2), backend)], shots=10) for _ in range(3)]
    for job in jobs:
        job.result(timeout=30)
    listed = client.jobs(
        job_tags=["find", "tests"], program_id="executor", pending=False, created_after=began
    )
    assert [job.job_id() for job in listed] == [job.job_id() for job in reversed(jobs)]
    listed = client.jobs(
        limit=2, job_tags=["find"], descending=False, backend_name="aer_simulator", created_after=began
    )
    assert [job.job_id() for job in listed] == [job.job_id() for job in jobs[:2]]
    assert client.jobs(pending=True, job_tags=["find"]) == []
    assert client.jobs(created_before=began, job_tags=["find"]) == []
    assert set(jobs[0].update_tags(["other"])) == {"other"}
    assert client.job(jobs[0].job_id()).tags == ["other"]
    assert "completed" in jobs[1].logs()
    client.delete_job(jobs[2].job_id())
    with pytest.raises(RuntimeJobNotFound):
        client.job(jobs[2].job_id())


def test_inputs_can_be_read_back(client: QiskitRuntimeService) -> None:
    backend = client.backend("aer_simulator")
    circuit = isa(ghz(2), backend)
    with deprecated():
        job = old_sampler(backend).run([circuit], shots=10)
    assert job.inputs["pubs"][0][0] == circuit


def test_session_and_batch(client: QiskitRuntimeService) -> None:
    backend = client.backend("fake_fez")
    with Session(backend=backend) as session:
        job = Sampler(mode=session).run([isa(ghz(2), backend)], shots=10)
        assert session.details()["accepting_jobs"]
        assert job.session_id == session.session_id
    # It accepts no further jobs, and ends with its last job.
    assert session.details()["accepting_jobs"] is False
    late = Session(backend=backend, create_new=False)
    late._session_id = session.session_id
    with pytest.raises(IBMRuntimeError, match="is closed and accepts no jobs"):
        Sampler(mode=late).run([isa(ghz(2), backend)], shots=10)
    assert job.result(timeout=60)[0].data.meas.num_shots == 10
    assert session.status() == "Closed"
    assert session.usage() > 0
    details = session.details()
    assert [entry["status"] for entry in details["timestamps"]] == ["open", "active", "closed"]
    assert details["backend_name"] == "fake_fez"
    assert details["last_job_completed"] > details["last_job_started"] >= details["activated_at"]
    listed = client.jobs(session_id=session.session_id)
    assert [listed_job.job_id() for listed_job in listed] == [job.job_id()]
    with Batch(backend=backend, max_time="5m") as batch:
        queued = Sampler(mode=batch).run([isa(ghz(2), backend)], shots=10)
        assert batch.details()["max_time"] == 300
        batch.cancel()
    assert queued.status() == "CANCELLED"
    assert batch.status() == "Closed"


def test_a_session_ends_when_its_time_is_over(client: QiskitRuntimeService) -> None:
    backend = client.backend("fake_fez")
    session = Session(backend=backend, max_time=1)
    assert session.status() == "Pending"
    sampler = Sampler(mode=session)
    assert sampler.run([isa(ghz(2), backend)], shots=10).result(timeout=60)
    end = time.monotonic() + 5
    while session.status() != "Closed" and time.monotonic() < end:
        time.sleep(0.05)
    with pytest.raises(IBMRuntimeError, match="is closed and accepts no jobs"):
        sampler.run([isa(ghz(2), backend)], shots=10)


def test_usage(client: QiskitRuntimeService) -> None:
    assert client.usage()["usage_limit_reached"] is False


def test_rejections_are_reported(client: QiskitRuntimeService) -> None:
    backend = client.backend("aer_simulator")
    with pytest.raises(IBMRuntimeError, match="number of shots, 1000000, is not within 1 and 100000"):
        Sampler(backend).run([isa(ghz(2), backend)], shots=1_000_000)
    noisy = client.backend("aer_simulator_noisy_fez")
    with pytest.raises(IBMRuntimeError, match=r"h on qubits .* is not supported by the target system"):
        Sampler(noisy).run([ghz(2)], shots=10)
    far = QuantumCircuit(100)
    far.cz(0, 99)
    far.measure_all()
    with pytest.raises(IBMRuntimeError, match="has no cz on qubits"):
        Sampler(noisy).run([far], shots=10)
    # Without noise a matrix product state may fit, but not here.
    wide = QuantumCircuit(156)
    wide.rz(0.3, range(40))
    for pair in noisy.coupling_map:
        if max(pair) < 40:
            wide.cz(*pair)
    wide.measure_all()
    with pytest.raises(IBMRuntimeError, match="qubits and is not Clifford"):
        Sampler(noisy).run([wide], shots=10)


def test_a_job_that_runs_too_long_is_stopped(client: QiskitRuntimeService) -> None:
    backend = client.backend("aer_simulator")
    circuit = dense(26)
    sampler = Sampler(backend)
    sampler.options.max_execution_time = 1
    started = time.monotonic()
    job = sampler.run([circuit], shots=10)
    # Small jobs do not wait for it.
    assert run(Sampler(backend), [isa(ghz(2), backend)], shots=10)
    assert time.monotonic() - started < 1.5
    with pytest.raises(
        RuntimeJobMaxTimeoutError, match="longer than its maximum execution time of 1 seconds"
    ):
        job.result(timeout=30)
    assert time.monotonic() - started < 10
    assert run(Sampler(backend), [isa(ghz(2), backend)], shots=10)


def test_a_running_job_can_be_cancelled(client: QiskitRuntimeService) -> None:
    backend = client.backend("aer_simulator")
    circuit = dense(26)
    job = Sampler(backend).run([circuit], shots=10)
    assert job.status() == "RUNNING"
    job.cancel()
    assert client.job(job.job_id()).status() == "CANCELLED"
    assert run(Sampler(backend), [isa(ghz(2), backend)], shots=10)
