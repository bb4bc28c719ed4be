"""IBM's integration flows with the unmodified client: jobs, sessions, instances, calibrations, usage.

Each is a flow of the client's own integration tests, or one that its documentation describes.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from qiskit import QuantumCircuit
from qiskit.providers.exceptions import QiskitBackendNotFoundError
from qiskit.quantum_info import SparsePauliOp, Statevector
from qiskit.transpiler import generate_preset_pass_manager
from qiskit_ibm_runtime import Batch, EstimatorV2, QiskitRuntimeService, Session
from qiskit_ibm_runtime.exceptions import (
    IBMInputValueError,
    IBMRuntimeError,
    RuntimeInvalidStateError,
    RuntimeJobFailureError,
    RuntimeJobMaxTimeoutError,
    RuntimeJobNotFound,
)
from qiskit_ibm_runtime.executor_sampler import Sampler

from .bodies import executor_request
from .circuits import dense, ghz, isa
from .conftest import INSTANCE, Api, Running
from .test_client import deprecated, old_sampler

OTHER_INSTANCE = "crn:v1:bluemix:public:quantum-computing:us-east:a/local:other::"


@pytest.fixture(scope="module")
def slow() -> Iterator[Running]:
    """A service whose device never finishes a job, since it starts none, and has no jobs of other people."""
    alone = ("--queue-initial", "0", "--queue-arrivals", "0")
    service = Running("--faults", '{"devices": {"fake_fez": "down"}}', "--workers", "2", *alone)
    yield service
    assert service.stop() == 0
    assert "Traceback" not in "".join(service.log)


def submit(client: QiskitRuntimeService, backend: str, **environment: Any) -> Any:
    device = client.backend(backend)
    sampler = Sampler(mode=device)
    for name, value in environment.items():
        setattr(sampler.options.environment, name, value)
    return sampler.run([isa(ghz(2), device)], shots=50)


def test_a_private_job(client: QiskitRuntimeService) -> None:
    """Its input is never returned, and its result can be read once."""
    job = submit(client, "aer_simulator", private=True)
    assert job.private
    job.wait_for_final_state(timeout=60)
    assert job.inputs == {}
    again = client.job(job.job_id())
    assert again.private
    assert again.result(timeout=60)[0].data.meas.num_shots == 50
    with pytest.raises(Exception, match="were read and are deleted"):
        job.result(timeout=60)
    assert client.job(job.job_id()).status() == "DONE"
    public = submit(client, "aer_simulator")
    for _ in range(2):
        assert public.result(timeout=60)[0].data.meas.num_shots == 50
    assert not client.job(public.job_id()).private
    assert "quantum_program" in public.inputs


def test_the_inputs_of_a_private_job_are_not_returned_before_its_end(slow: Running) -> None:
    job = submit(slow.client(), "fake_fez", private=True)
    assert job.status() == "QUEUED"
    assert job.inputs == {}
    assert "params" not in Api(slow)("GET", "/jobs?exclude_params=false").json()["jobs"][0]


def test_delete_a_queued_job(slow: Running) -> None:
    client = slow.client()
    job = submit(client, "fake_fez")
    pending = client.backend("fake_fez").status().pending_jobs
    client.delete_job(job.job_id())
    with pytest.raises(RuntimeJobNotFound):
        client.job(job.job_id())
    assert client.backend("fake_fez").status().pending_jobs == pending - 1
    with pytest.raises(RuntimeJobNotFound):
        client.delete_job(job.job_id())


def test_delete_a_running_job(client: QiskitRuntimeService, api: Api) -> None:
    job = Sampler(client.backend("aer_simulator")).run([dense(26)], shots=10)
    assert job.status() == "RUNNING"
    client.delete_job(job.job_id())
    with pytest.raises(RuntimeJobNotFound):
        client.job(job.job_id())
    assert submit(client, "aer_simulator").result(timeout=60)
    assert api("GET", "/jobs", params={"pending": "true", "backend": "aer_simulator"}).json()["jobs"] == []


def test_a_job_that_ran_too_long(client: QiskitRuntimeService, api: Api) -> None:
    sampler = Sampler(client.backend("aer_simulator"))
    sampler.options.max_execution_time = 1
    job = sampler.run([dense(26)], shots=10)
    with pytest.raises(RuntimeJobMaxTimeoutError):
        job.result(timeout=30)
    assert job.status() == "ERROR"
    assert "ran longer than maximum execution time" in str(job.error_message())
    document = api("GET", f"/jobs/{job.job_id()}").json()
    assert document["status"] == "Cancelled - Ran too long"
    assert document["state"] == {
        "status": "Cancelled",
        "reason": "The job ran longer than its maximum execution time of 1 seconds.",
        "reason_code": 1305,
    }
    assert document["cost"] == 1


def test_a_failed_job_says_why() -> None:
    faults = '{"jobs": [{"outcome": "failed", "reason": "The cryostat is warm.", "code": 7001}]}'
    service = Running("--faults", faults, "--workers", "2")
    try:
        job = submit(service.client(), "aer_simulator")
        with pytest.raises(RuntimeJobFailureError, match="The cryostat is warm"):
            job.result(timeout=30)
        assert job.errored()
        assert "The cryostat is warm" in str(job.error_message())
    finally:
        assert service.stop() == 0


def test_cancel(client: QiskitRuntimeService, slow: Running) -> None:
    job = submit(slow.client(), "fake_fez")
    job.cancel()
    assert job.cancelled()
    assert slow.client().job(job.job_id()).status() == "CANCELLED"
    done = submit(client, "aer_simulator")
    done.wait_for_final_state(timeout=60)
    with pytest.raises(RuntimeInvalidStateError):
        done.cancel()


def test_retrieve_jobs_with_filters(client: QiskitRuntimeService) -> None:
    began = datetime.now(UTC) - timedelta(seconds=1)
    jobs = [submit(client, "aer_simulator", job_tags=["retrieve", f"number {index}"]) for index in range(4)]
    for job in jobs:
        job.wait_for_final_state(timeout=60)
    ids = [job.job_id() for job in reversed(jobs)]

    def listed(**filters: Any) -> list[str]:
        return [job.job_id() for job in client.jobs(created_after=began, job_tags=["retrieve"], **filters)]

    assert listed() == ids
    assert listed(limit=2) == ids[:2]
    assert listed(skip=1, limit=2) == ids[1:3]
    assert listed(limit=None) == ids
    assert listed(descending=False) == ids[::-1]
    assert listed(pending=True) == []
    assert listed(pending=False) == ids
    assert listed(backend_name="fake_fez") == []
    assert listed(program_id="executor") == ids
    assert listed(program_id="sampler") == []
    assert listed(session_id="unknown") == []
    assert [job.job_id() for job in client.jobs(job_tags=["retrieve", "number 2"])] == [ids[1]]
    assert client.jobs(created_before=began, job_tags=["retrieve"]) == []
    with pytest.raises(RuntimeJobNotFound):
        client.job("unknown")


def test_jobs_belong_to_their_instance(running: Running, client: QiskitRuntimeService) -> None:
    other = running.client(instance=OTHER_INSTANCE)
    job = submit(client, "aer_simulator")
    job.wait_for_final_state(timeout=60)
    with pytest.raises(RuntimeJobNotFound):
        other.job(job.job_id())
    assert other.jobs(limit=None) == []
    assert other.usage()["usage_consumed_seconds"] == 0
    assert other.usage()["instance_id"] == OTHER_INSTANCE
    assert job.instance == INSTANCE
    backend = other.least_busy(simulator=False)
    assert backend._instance == OTHER_INSTANCE


def test_an_instance_that_does_not_exist() -> None:
    service = Running("--instances", f"{INSTANCE}, {OTHER_INSTANCE}", "--workers", "2")
    try:
        assert service.client().backends()
        unknown = INSTANCE.replace("local::", "unknown::")
        with pytest.raises(QiskitBackendNotFoundError):
            service.client(instance=unknown).backend("fake_fez")
    finally:
        assert service.stop() == 0


def test_usage_and_its_limit() -> None:
    """Usage is counted for devices. With no time left, jobs are refused, as the client warns."""
    service = Running("--usage-limit-seconds", "0.4", "--queue-initial", "0", "--queue-arrivals", "0")
    try:
        client = service.client()
        assert client.usage()["usage_remaining_seconds"] == pytest.approx(0.4)
        job = submit(client, "fake_fez")
        assert job.usage() == 0
        job.wait_for_final_state(timeout=60)
        # Half a second of overhead, and 50 shots.
        assert job.usage() == pytest.approx(0.5125)
        assert job.usage(partial=True) == job.usage()
        usage = client.usage()
        assert usage["usage_limit_reached"] is True
        assert usage["usage_limit_seconds"] == pytest.approx(0.4)
        assert usage["usage_remaining_seconds"] == 0
        with (
            pytest.warns(UserWarning, match="has met its usage limit"),
            pytest.raises(IBMRuntimeError, match="used up its limit"),
        ):
            submit(client, "fake_fez")
        api = Api(service)
        assert api("PUT", "/instances/configuration", json={"instance_limit": 100}).status_code == 204
        assert api("GET", "/instances/configuration").json() == {"instance_limit": 100}
        assert submit(client, "aer_simulator").result(timeout=60)
    finally:
        assert service.stop() == 0


def test_calibrations(client: QiskitRuntimeService) -> None:
    backend = client.backend("fake_fez")
    calibrated = backend.properties().last_update_date
    assert backend.properties(datetime=datetime.now(UTC)).last_update_date == calibrated
    assert backend.properties(datetime=calibrated - timedelta(days=1)) is None
    assert backend.target_history(datetime=datetime.now(UTC) - timedelta(days=30)) is not None
    job = submit(client, "fake_fez")
    assert job.properties().last_update_date == calibrated
    with pytest.raises(QiskitBackendNotFoundError):
        client.backend("fake_fez", calibration_id="invalid_id")
    backend.refresh()
    assert backend.properties().last_update_date == calibrated


def test_a_job_on_an_unknown_calibration(api: Api) -> None:
    answer = api("POST", "/jobs", json=executor_request() | {"calibration_id": "invalid_id"})
    assert answer.status_code == 404
    assert "has no calibration 'invalid_id'" in answer.text


@pytest.mark.parametrize("mode", [Session, Batch])
def test_a_session_from_its_id(client: QiskitRuntimeService, mode: Any) -> None:
    backend = client.backend("fake_fez")
    session = mode(backend=backend, max_time="10m")
    assert session.details()["max_time"] == 600
    assert session.details()["active_timeout"] == 600
    job = Sampler(mode=session).run([isa(ghz(2), backend)], shots=10)
    found = mode.from_id(session_id=session.session_id, service=client)
    assert found.session_id == session.session_id
    other = Batch if mode is Session else Session
    with pytest.raises(IBMInputValueError):
        other.from_id(session_id=session.session_id, service=client)
    job.result(timeout=60)
    time.sleep(0.02)
    assert 0 < session.details()["active_timeout"] < 601
    assert session.details()["state"] == "active"
    found.close()
    assert session.status() == "Closed"
    assert session.details()["active_timeout"] == 0
    assert job.session_id == session.session_id


def test_the_active_time_of_a_session_is_what_remains(client: QiskitRuntimeService, api: Api) -> None:
    backend = client.backend("fake_fez")
    session = Session(backend=backend, max_time=3)
    Sampler(mode=session).run([isa(ghz(2), backend)], shots=10).result(timeout=60)
    end = time.monotonic() + 10
    while api("GET", f"/sessions/{session.session_id}").json()["active_ttl"] == 3:
        assert time.monotonic() < end
        time.sleep(0.05)
    details = api("GET", f"/sessions/{session.session_id}").json()
    assert 0 <= details["active_ttl"] < 3
    assert details["user_id"].startswith("IBMid-")
    session.cancel()


def test_tags(client: QiskitRuntimeService, api: Api) -> None:
    job = submit(client, "aer_simulator", job_tags=["tag of a flow"])
    assert api("GET", "/tags?type=job&search=Of+A+Fl").json() == {"tags": ["tag of a flow"]}
    assert set(job.update_tags(["new tag of a flow"])) == {"new tag of a flow"}
    assert client.job(job.job_id()).tags == ["new tag of a flow"]
    assert job.update_tags([]) == []
    assert api("GET", "/tags?type=job&search=of+a+flow").json() == {"tags": []}


def test_what_programs_read_from_metrics(client: QiskitRuntimeService) -> None:
    job = submit(client, "fake_fez")
    waiting = job.metrics()
    now = datetime.now(UTC)
    start = datetime.fromisoformat(waiting["estimated_start_time"])
    assert start < datetime.fromisoformat(waiting["estimated_completion_time"])
    assert start < now + timedelta(minutes=2)
    assert "position_in_queue" not in waiting
    assert waiting["usage"]["status"] == "pending"
    job.result(timeout=60)
    metrics = job.metrics()
    assert metrics["circuits_execution_time_ns"] == 50 * 250_000
    assert metrics["num_circuits"] == 1
    assert metrics["qiskit_version"].count(".") >= 1
    assert metrics["usage"] == {"status": "done", "qpu_charge_time_seconds": job.usage()}
    assert not {"bss", "estimated_start_time", "position_in_queue"} & metrics.keys()


def test_execution_spans(client: QiskitRuntimeService) -> None:
    backend = client.backend("aer_simulator")
    circuit = isa(ghz(2), backend)
    with deprecated():
        job = old_sampler(backend).run([circuit, (circuit, None, 30)], shots=20)
        result = job.result(timeout=60)
    spans = result.metadata["execution"]["execution_spans"]
    assert spans.pub_idxs == [0, 1]
    assert sum(span.size for span in spans) == 50
    assert spans[0].mask(0).shape == (20,)
    assert spans[0].mask(1).all()
    timestamps = job.metrics()["timestamps"]
    created = datetime.fromisoformat(timestamps["created"])
    finished = datetime.fromisoformat(timestamps["finished"])
    assert created <= spans.start <= spans.stop <= finished + timedelta(seconds=0.5)


def test_options_without_an_effect_are_named(client: QiskitRuntimeService) -> None:
    backend = client.backend("aer_simulator")
    sampler = old_sampler(backend)
    sampler.options.dynamical_decoupling.enable = True
    sampler.options.twirling.enable_gates = True
    sampler.options.experimental = {"speed": "ludicrous"}
    with deprecated():
        job = sampler.run([isa(ghz(2), backend)], shots=20)
        lines = job.result(timeout=60).metadata["options_without_effect"]
    assert [line.split(" ")[0] for line in lines] == [
        "options.dynamical_decoupling.enable",
        "options.twirling.enable_gates",
        "options.experimental.speed",
    ]
    assert all("had no effect" in line for line in lines)
    assert job.metrics()["options_without_effect"] == lines
    quiet = Sampler(backend).run([isa(ghz(2), backend)], shots=20)
    quiet.result(timeout=60)
    assert quiet.metrics()["options_without_effect"] == []


def test_error_mitigation_by_the_server_is_accepted_and_named(client: QiskitRuntimeService) -> None:
    """IBM has deprecated it. Nothing but the lines in the metadata differs."""
    backend = client.backend("aer_simulator_noisy_fez")
    circuit = isa(ghz(3).remove_final_measurements(inplace=False), backend)
    observable = SparsePauliOp("ZZI").apply_layout(circuit.layout)
    values = []
    for options in (
        {},
        {
            "resilience_level": 2,
            "resilience": {"measure_mitigation": True, "zne_mitigation": True},
            "twirling": {"enable_gates": True, "enable_measure": True},
            "dynamical_decoupling": {"enable": True},
        },
        {"resilience_level": 0, "resilience": {"pec_mitigation": True}},
    ):
        with deprecated():
            estimator = EstimatorV2(backend, options={"seed_estimator": 5, **options})
            job = estimator.run([(circuit, observable)], precision=0.05)
            result = job.result(timeout=60)
        lines = result.metadata.get("options_without_effect", [])
        assert job.metrics()["options_without_effect"] == lines
        values.append((float(result[0].data.evs), {line.split(" ")[0] for line in lines}))
    assert len({value for value, _ in values}) == 1
    assert [named for _, named in values] == [
        set(),
        {
            "options.resilience_level",
            "options.resilience.measure_mitigation",
            "options.resilience.zne_mitigation",
            "options.twirling.enable_gates",
            "options.twirling.enable_measure",
            "options.dynamical_decoupling.enable",
        },
        {"options.resilience.pec_mitigation"},
    ]


def test_circuit_metadata_is_unchanged(client: QiskitRuntimeService) -> None:
    backend = client.backend("aer_simulator")
    circuit = isa(ghz(2), backend)
    circuit.metadata = {"mine": [1, {"a": None}]}
    result = Sampler(backend).run([circuit], shots=20).result(timeout=60)
    assert result[0].metadata["circuit_metadata"] == {"mine": [1, {"a": None}]}


def test_fractional_gates(client: QiskitRuntimeService) -> None:
    plain = client.backend("aer_simulator_noisy_fez")
    assert not {"rx", "rzz"} & set(plain.basis_gates)
    backend = client.backend("aer_simulator_noisy_fez", use_fractional_gates=True)
    assert {"rx", "rzz"} <= set(backend.basis_gates)
    circuit = QuantumCircuit(2)
    circuit.rx(1.0, 0)
    circuit.rzz(0.7, 0, 1)
    circuit.rx(-1.0, 0)
    circuit.measure_all()
    # Many couplings of this device have an rzz that is out of order, with an error of 1.
    places = backend.target["rzz"]
    best = min(places, key=lambda qubits: places[qubits].error)
    prepared = generate_preset_pass_manager(
        optimization_level=1, backend=backend, initial_layout=best, seed_transpiler=1
    ).run(circuit)
    operations = prepared.count_ops()
    assert operations["rzz"] == 1
    assert "cz" not in operations
    bare = circuit.remove_final_measurements(inplace=False)
    expected = Statevector(bare).probabilities_dict()
    counts = Sampler(backend).run([prepared], shots=20_000).result(timeout=60)[0].data.meas.get_counts()
    distance = sum(abs(expected.get(key, 0) - counts.get(key, 0) / 20_000) for key in expected) / 2
    assert distance < 0.05


def test_a_position_in_the_queue_if_it_is_published() -> None:
    service = Running(
        *("--queue-positions", "1", "--queue-initial", "3", "--queue-arrivals", "0"),
        *("--faults", '{"devices": {"fake_fez": "down"}}', "--workers", "2"),
    )
    try:
        client, api = service.client(), Api(service)
        jobs = [submit(client, "fake_fez") for _ in range(2)]
        positions = [job.metrics()["position_in_queue"] for job in jobs]
        assert positions[1] == positions[0] + 1 > 0
        listed = api("GET", "/jobs").json()["jobs"]
        assert [job["position_in_queue"] for job in listed] == positions[::-1]
        assert all(job["estimated_completion_time"] for job in listed)
    finally:
        assert service.stop() == 0
