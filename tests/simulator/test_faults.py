"""Faults that are caused on purpose, by settings and at run time."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import pytest
import requests
from qiskit_ibm_runtime.exceptions import RuntimeJobFailureError, RuntimeJobMaxTimeoutError
from qiskit_ibm_runtime.executor_sampler import Sampler

from simulator.device_queue import DeviceQueue
from simulator.errors import FaultsWrong
from simulator.faults import Faults, HttpFault, read
from simulator.settings import QueueSettings

from .bodies import executor_request, sampler_request
from .circuits import ghz, isa
from .conftest import Api, Running
from .test_app import check_error
from .test_main import run_main

BACKENDS = {"fake_fez": True, "aer_simulator": False}


@pytest.fixture(scope="module")
def faulty() -> Iterator[Running]:
    """A service whose faults can be changed."""
    service = Running(
        *("--admin", "1", "--workers", "2", "--queue-arrivals", "0", "--queue-initial", "0"),
        *("--queue-service-seconds", "0.1"),
    )
    yield service
    assert service.stop() == 0
    assert "Traceback" not in "".join(service.log)


@pytest.fixture
def set_faults(faulty: Running) -> Iterator[Any]:
    """Sets faults, and removes them after the test."""
    api = Api(faulty)

    def put(**document: Any) -> Api:
        answer = api("PUT", "/admin/faults", json=document)
        assert answer.status_code == 200, answer.text
        return api

    yield put
    put()
    api.session.close()


@pytest.mark.parametrize(
    ("state", "operational", "reported"), [("down", False, "maintenance"), ("paused", True, "internal")]
)
def test_a_device_that_is_down_keeps_its_jobs_waiting(
    faulty: Running, set_faults: Any, state: str, operational: bool, reported: str
) -> None:
    client = faulty.client()
    backend = client.backend("fake_fez")
    circuit = isa(ghz(2), backend)
    api = set_faults(devices={"fake_fez": state})
    status = backend.status()
    assert (status.operational, status.status_msg) == (operational, reported)
    listed = {
        device["name"]: device["status"]["name"] for device in api("GET", "/backends").json()["devices"]
    }
    assert listed["fake_fez"] == ("online" if operational else "offline")
    # The client itself warns about a paused device.
    with pytest.warns(UserWarning, match="status of internal") if operational else nullcontext():
        job = Sampler(backend).run([circuit], shots=10)
    time.sleep(0.3)
    assert job.status() == "QUEUED"
    set_faults()
    assert job.result(timeout=20)[0].data.meas.num_shots == 10


def test_jobs_that_fail_with_a_reason(faulty: Running, set_faults: Any) -> None:
    backend = faulty.client().backend("aer_simulator")
    circuit = isa(ghz(2), backend)
    set_faults(
        jobs=[{"backend": "aer_simulator", "reason": "The cryostat is warm.", "code": 7001, "count": 1}]
    )
    job = Sampler(backend).run([circuit], shots=10)
    with pytest.raises(RuntimeJobFailureError, match="The cryostat is warm"):
        job.result(timeout=20)
    assert job.errored()
    assert "The cryostat is warm" in str(job.error_message())
    # Only one job failed.
    assert Sampler(backend).run([circuit], shots=10).result(timeout=20)


@pytest.mark.parametrize("name", ["aer_simulator", "fake_fez"])
def test_jobs_cancelled_for_running_too_long(faulty: Running, set_faults: Any, name: str) -> None:
    backend = faulty.client().backend(name)
    api = set_faults(jobs=[{"backend": name, "outcome": "ran_too_long", "count": 1}])
    job = Sampler(backend).run([isa(ghz(2), backend)], shots=10)
    with pytest.raises(RuntimeJobMaxTimeoutError):
        job.result(timeout=20)
    state = api("GET", f"/jobs/{job.job_id()}").json()["state"]
    assert (state["status"], state["reason_code"]) == ("Cancelled", 1305)


def test_requests_answered_with_errors(set_faults: Any) -> None:
    api = set_faults(
        http=[
            {"method": "POST", "path": "/jobs", "status": 429, "retry_after": 7, "count": 1},
            {"method": "POST", "path": "/jobs", "status": 503, "count": 2},
        ]
    )
    first = api("POST", "/api/v1/jobs", json=sampler_request())
    check_error(first, 429)
    assert first.headers["Retry-After"] == "7"
    for _ in range(2):
        check_error(api("POST", "/jobs", json=sampler_request()), 503)
    assert api("POST", "/jobs", json=sampler_request()).status_code == 200
    assert [rule["count"] for rule in api("GET", "/admin/faults").json()["http"]] == [0, 0]


def test_requests_carried_out_whose_answer_is_lost(set_faults: Any) -> None:
    lost = sampler_request() | {"tags": ["lost"]}
    api = set_faults(http=[{"path": "/jobs", "method": "POST", "status": 502, "after": True, "count": 1}])
    check_error(api("POST", "/jobs", json=lost), 502)
    set_faults(http=[{"path": "/jobs", "method": "POST", "after": True, "drop": True, "count": 1}])
    with pytest.raises(requests.ConnectionError):
        api("POST", "/jobs", json=lost)
    assert api("GET", "/jobs?tags=lost").json()["count"] == 2


def test_requests_carried_out_whose_answer_cannot_be_read(set_faults: Any) -> None:
    taken = sampler_request() | {"tags": ["garbled"]}
    fault = {"path": "/jobs", "method": "POST", "garbled": True, "after": True, "count": 1}
    api = set_faults(http=[fault])
    answer = api("POST", "/jobs", json=taken)
    assert answer.status_code == 200
    with pytest.raises(ValueError, match=r"JSON|Expecting|Unterminated"):
        answer.json()
    assert api("GET", "/jobs?tags=garbled").json()["count"] == 1
    set_faults(http=[fault | {"after": False}])
    assert api("POST", "/jobs", json=sampler_request()).status_code == 200


def test_new_jobs_that_no_list_shows_yet(set_faults: Any) -> None:
    api = set_faults(unlisted=600)
    job = api("POST", "/jobs", json=sampler_request() | {"tags": ["late"]}).json()["id"]
    assert api("GET", "/jobs?tags=late").json()["count"] == 0
    assert api("GET", f"/jobs/{job}").status_code == 200, "a request with its id must find it"
    set_faults()
    assert api("GET", "/jobs?tags=late").json()["count"] == 1


@pytest.mark.parametrize("seconds", [-1, 601, True, "1", None])
def test_the_delay_until_a_job_is_listed_is_bounded(seconds: Any) -> None:
    with pytest.raises(FaultsWrong, match="unlisted must be from 0 to 600"):
        read({"unlisted": seconds}, BACKENDS)


def test_slow_answers(set_faults: Any) -> None:
    api = set_faults(http=[{"path": "/backends", "delay": 0.4}])
    began = time.monotonic()
    assert api("GET", "/backends").status_code == 200
    assert time.monotonic() - began > 0.4
    began = time.monotonic()
    assert api("GET", "/jobs").status_code == 200
    assert time.monotonic() - began < 0.3


def test_faults_by_chance_repeat_with_a_seed() -> None:
    def fate(seed: int) -> list[bool]:
        faults = Faults(http=[HttpFault(probability=0.3, status=500)], seed=seed)
        return [faults.of_request("GET", "/jobs") is not None for _ in range(1000)]

    assert fate(1) == fate(1)
    assert fate(1) != fate(2)
    assert 240 < sum(fate(1)) < 360


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ([], "must be a JSON object"),
        ({"device": {}}, "there is no 'device'"),
        ({"devices": {"aer_simulator": "down"}}, "there is no 'aer_simulator'"),
        ({"devices": {"fake_fez": "broken"}}, "must be one of down, paused"),
        ({"jobs": {}}, "jobs must be a list"),
        ({"jobs": [{"outcome": "lost"}]}, r"jobs\[0\].outcome"),
        ({"jobs": [{"backend": "ibm_nowhere"}]}, "there is no 'ibm_nowhere'"),
        ({"jobs": [{"count": -1}]}, "count must not be negative"),
        ({"jobs": [{"count": True}]}, "count must be of type int"),
        ({"http": [{"status": 200}]}, "from 400 to 599"),
        ({"http": [{"delay": 1e9}]}, "0 to 600"),
        ({"http": [{"probability": 2}]}, "probability"),
        ({"http": [{"path": None}]}, "path must be of type str"),
        ({"seed": "x"}, "seed"),
    ],
)
def test_invalid_descriptions(document: object, message: str) -> None:
    with pytest.raises(FaultsWrong, match=message):
        read(document, BACKENDS)


def test_wrong_faults_at_run_time_and_at_the_start(faulty: Running, set_faults: Any) -> None:
    api = set_faults()
    check_error(api("PUT", "/admin/faults", json={"devices": {"fake_nowhere": "down"}}), 400)
    done = run_main("--port", "0", "--faults", '{"jobs": 1}', SIMULATOR_API_KEY="x")
    assert done.returncode == 2
    assert "jobs must be a list" in done.stderr


def test_faults_cannot_be_changed_unless_a_setting_allows_it(api: Api, faulty: Running) -> None:
    check_error(api("PUT", "/admin/faults", json={}), 404)
    check_error(api("GET", "/admin/faults"), 404)
    check_error(requests.get(f"{faulty.url}/admin/faults", timeout=10), 401)


def test_users_are_limited_separately() -> None:
    running = Running("--rate-limit", "2", "--workers", "1")
    try:
        api = Api(running)
        for _ in range(2):
            assert api("POST", "/jobs", json=executor_request()).status_code == 200
        refused = api("POST", "/jobs", json=executor_request())
        assert "limit is 2 per minute" in check_error(refused, 429)
        assert 50 < int(refused.headers["Retry-After"]) <= 60
        assert api("GET", "/jobs").status_code == 200
        api.session.close()
    finally:
        running.stop()


def test_a_paused_queue_starts_nothing() -> None:
    queue = DeviceQueue(
        QueueSettings(arrivals_per_second=0, initial_length=2, service_seconds=1, seed=1), 0.0
    )
    queue.pause(True, 0.0)
    queue.submit("ours", 0.5)
    # The job that ran when it was paused has ended; nothing else happened.
    assert queue.advance(100.0) == []
    assert queue.length == 2
    assert queue.pause(False, 100.0) == []
    assert [event.kind for event in queue.advance(200.0)] == ["started"]


def test_faults_may_be_set_by_any_address_of_the_services_own_machine() -> None:
    """A stack that containers can reach does not listen on the loopback address."""
    address = own_address()
    service = Running("--admin", "1", "--host", address, "--hosts", address)
    try:
        api = Api(service)
        assert api("PUT", "/admin/faults", json={"devices": {"fake_fez": "paused"}}).status_code == 200
        api.session.close()
    finally:
        assert service.stop() == 0


def own_address() -> str:
    """Return an address of this machine other than loopback; skip the test if it has none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            # Nothing is sent: this only chooses the address for a route.
            probe.connect(("192.0.2.1", 9))
        except OSError:
            pytest.skip("this machine has no address but loopback")
        address: str = probe.getsockname()[0]
        return address
