"""Routes and headers of IBM's REST API that its clients and portals use besides jobs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from qiskit import QuantumCircuit
from qiskit_ibm_runtime.exceptions import IBMRuntimeError
from qiskit_ibm_runtime.executor_sampler import Sampler

from simulator.clock import Clock
from simulator.jobs import utc
from simulator.requests import read_time
from testkit.waiting import until

from .bodies import executor_request, sampler_request
from .circuits import ghz, isa
from .conftest import INSTANCE, Api, Running

ACCOUNT = "routes"
#: An instance with no other jobs than those of this module.
OWN = f"crn:v1:bluemix:public:quantum-computing:us-east:a/{ACCOUNT}:of-this-module::"
#: Seconds that a job of this module may take on a busy machine.
PATIENCE = 60.0


@pytest.fixture(scope="module")
def own(running: Running) -> Iterator[Api]:
    caller = Api(running)
    caller.session.headers["Service-CRN"] = OWN
    yield caller
    caller.session.close()


def finished(api: Api, request: dict[str, Any]) -> str:
    """Submit a job, wait for its end, and return its id."""
    job_id = str(api("POST", "/jobs", json=request).json()["id"])
    until(
        lambda: api("GET", f"/jobs/{job_id}").json()["state"]["status"] not in ("Queued", "Running"), PATIENCE
    )
    return job_id


def on_device(**fields: Any) -> dict[str, Any]:
    """Return a job of 100 shots on the device."""
    circuit = QuantumCircuit(1, 1)
    circuit.sx(0)
    circuit.measure(0, 0)
    return executor_request(circuit) | {"backend": "fake_fez"} | fields


@pytest.fixture(scope="module")
def workloads(own: Api) -> list[str]:
    """The ids of two jobs, and of a session with a job on the device."""
    first = finished(own, sampler_request() | {"tags": ["red", "round"]})
    second = finished(own, executor_request() | {"tags": ["blue"]})
    opened = own("POST", "/sessions", json={"backend": "fake_fez", "mode": "dedicated", "max_ttl": 600})
    session = str(opened.json()["id"])
    finished(own, on_device(session_id=session, tags=["red"]))
    assert own("DELETE", f"/sessions/{session}/close").status_code == 204
    return [first, second, session]


def listed(api: Api, query: str = "") -> list[str]:
    return [item["id"] for item in api("GET", f"/workloads?{query}").json()["workloads"]]


def test_workloads_are_jobs_and_sessions(own: Api, workloads: list[str]) -> None:
    document = own("GET", "/workloads?sort=createdAt").json()
    assert document["total_count"] == 3
    assert [item["id"] for item in document["workloads"]] == workloads
    job, _, session = document["workloads"]
    assert (job["mode"], job["status"], job["backend"]) == ("job", "completed", "aer_simulator")
    assert (session["mode"], session["status"], session["backend"]) == ("session", "completed", "fake_fez")
    assert job["tags"] == ["red", "round"]
    assert session["tags"] == ["red"]
    assert session["usage_seconds"] > 0
    assert {job["instance"], session["instance"]} == {OWN}
    assert job["created"] < session["created"] < session["ended"]


def test_workloads_are_selected(own: Api, workloads: list[str]) -> None:
    first, second, session = workloads
    assert listed(own) == [session, second, first]
    assert listed(own, "mode=session") == [session]
    assert listed(own, "backend=aer_simulator") == [second, first]
    assert listed(own, "tags=red") == [session, first]
    assert listed(own, "tags=red&tags=round") == [first]
    assert listed(own, "search=BLU") == [second]
    assert listed(own, f"search={first[2:9]}") == [first]
    assert listed(own, "status=failed&status=pending") == []
    created = own("GET", "/workloads?sort=createdAt").json()["workloads"][1]["created"]
    assert listed(own, f"created_after={created}") == [session, second]
    assert listed(own, f"created_before={created}") == [second, first]
    assert listed(own, "user=nobody") == []


def test_a_time_that_was_stated_selects_the_same_moment() -> None:
    """Otherwise a client that lists what followed a job would miss the job, or not."""
    clock = Clock()
    for _ in range(100):
        now = clock()
        assert read_time(utc(now), "created_after") == now


def test_pages_of_workloads_are_linked(own: Api, workloads: list[str]) -> None:
    seen = []
    page = own("GET", "/workloads?limit=1&sort=createdAt").json()
    assert "previous" not in page
    while True:
        seen += [item["id"] for item in page["workloads"]]
        if "next" not in page:
            break
        page = own("GET", page["next"]["href"]).json()
    assert seen == workloads
    back = own("GET", page["previous"]["href"]).json()
    assert [item["id"] for item in back["workloads"]] == workloads[1:2]


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=x", "sort=id", "next=a&previous=b", "next=unknown", "created_after=noon"],
)
def test_wrong_lists_of_workloads(own: Api, query: str) -> None:
    assert own("GET", f"/workloads?{query}").status_code == 400


def test_statistics_of_usage(own: Api, workloads: list[str]) -> None:
    total = own("GET", "/analytics/usage").json()
    assert (total["jobs"], total["individual_jobs"], total["dedicated_sessions"]) == (3, 2, 1)
    assert total["usage"] == total["dedicated_sessions_usage"] > 0
    groups = own("GET", "/analytics/usage_grouped?group_by=backend").json()["data"]
    assert {group["key"]: group["jobs"] for group in groups} == {"aer_simulator": 2, "fake_fez": 1}
    assert sum(group["usage"] for group in groups) == pytest.approx(total["usage"])
    days = own("GET", "/analytics/usage_grouped_by_date?group_by=instance").json()["data"]
    assert sum(day["jobs"] for day in days) == 3
    assert {day["key"] for day in days} == {OWN}
    assert all(day["interval_start"] < day["interval_end"] for day in days)
    assert own("GET", "/analytics/usage?simulators=false").json()["jobs"] == 1
    assert own("GET", "/analytics/usage?backend=aer_simulator&plan=local").json()["jobs"] == 2
    assert own("GET", "/analytics/usage?interval_end=2020-01-01T00:00:00Z").json()["jobs"] == 0
    assert own("GET", "/analytics/usage_grouped?group_by=moon").status_code == 400
    filters = own("GET", "/analytics/filters").json()
    assert {"name": "fake_fez"} in filters["backends"]
    assert filters["instances"] == [{"id": OWN, "deleted": False}]
    assert len(filters["users"]) == 1


def test_an_instance_and_its_account(own: Api) -> None:
    instance = own("GET", "/instance").json()
    assert instance["plan_id"] == "local"
    assert "fake_fez" in instance["backends"]
    [plan] = own("GET", f"/accounts/{ACCOUNT}").json()["plans"]
    assert plan["plan_id"] == "local"
    assert plan["backends"] == instance["backends"]
    assert own("GET", f"/accounts/{ACCOUNT}?plan_id=premium").json() == {"plans": []}
    assert own("GET", "/accounts/local").status_code == 404


def test_the_limit_of_an_instance() -> None:
    service = Running("--usage-limit-seconds", "7", "--workers", "2")
    try:
        api = Api(service)

        def limit() -> object:
            return api("GET", "/instances/configuration").json()["instance_limit"]

        assert limit() == 7
        for wrong in ({}, {"instance_limit": "8"}, {"instance_limit": True}, {"instance_limit": -1}):
            assert api("PUT", "/instances/configuration", json=wrong).status_code == 400
        assert limit() == 7
        for value in (0, 9.5, None):
            assert api("PUT", "/instances/configuration", json={"instance_limit": value}).status_code == 204
            assert limit() == value
        # Without a limit nothing remains to be stated.
        assert "usage_remaining_seconds" not in api("GET", "/instances/usage").json()
    finally:
        assert service.stop() == 0


def test_what_does_not_exist_here_is_empty(own: Api, workloads: list[str]) -> None:
    """Devices have no pulse defaults, and primitives no interim results."""
    assert own("GET", "/backends/fake_fez/defaults").json() == {}
    answer = own("GET", f"/jobs/{workloads[0]}/interim_results")
    assert (answer.status_code, answer.content) == (200, b"")
    for path in ("/backends/ibm_nowhere/defaults", "/jobs/unknown/interim_results"):
        assert own("GET", path).status_code == 404


def test_workloads_of_other_instances_are_not_visible(api: Api, own: Api, workloads: list[str]) -> None:
    assert not set(listed(api, "limit=200")).intersection(workloads)
    for path in (f"/jobs/{workloads[0]}", f"/jobs/{workloads[0]}/interim_results"):
        assert api("GET", path).status_code == 404
    assert "round" not in api("GET", "/tags?type=job").json()["tags"]
    assert own("GET", "/tags?type=job").json()["tags"] == ["blue", "red", "round"]


@pytest.mark.parametrize(
    ("header", "value", "message"),
    [
        ("IBM-API-Version", "2020-01-01", "is not an API version"),
        ("IBM-API-Version", "newest", "is not an API version"),
        ("IBM-API-Version", "", "is not an API version"),
        ("Service-CRN", None, "must have the CRN of an instance"),
        ("Service-CRN", "", "must have the CRN of an instance"),
        ("Service-CRN", "my instance", "must have the CRN of an instance"),
        (
            "Service-CRN",
            INSTANCE.replace("quantum-computing", "cloud-object-storage"),
            "must have the CRN of an instance",
        ),
        ("Service-CRN", INSTANCE + "x" * 300, "must have the CRN of an instance"),
    ],
)
def test_headers_are_checked(api: Api, header: str, value: str | None, message: str) -> None:
    answer = api("GET", "/backends", headers={header: value})
    assert answer.status_code == 400
    assert message in answer.json()["errors"][0]["message"]


def test_without_a_version_the_oldest_applies(api: Api) -> None:
    names = api("GET", "/backends", headers={"IBM-API-Version": None}).json()["devices"]
    assert names == [device["name"] for device in api("GET", "/backends").json()["devices"]]
    versions = api("GET", "/versions", headers={"IBM-API-Version": None}).json()["versions"]
    described = api("GET", "/versions").json()["versions"]
    assert [each["version"] for each in described] == versions
    assert [each["status"] for each in described].count("live") == 1
    for version in versions:
        assert api("GET", "/backends", headers={"IBM-API-Version": version}).status_code == 200


def test_a_job_occupies_a_device_for_its_overheads_and_shots() -> None:
    service = Running(
        *("--queue-initial", "0", "--queue-arrivals", "0", "--queue-speed-up", "100", "--workers", "2"),
        *("--job-overhead-seconds", "3", "--circuit-overhead-seconds", "0.5", "--rep-delay-seconds", "0.001"),
    )
    try:
        api = Api(service)
        backend = service.client().backend("fake_fez")
        circuit = isa(ghz(2), backend)
        sampler = Sampler(backend)
        plain = sampler.run([circuit] * 4, shots=100)
        sampler.options.execution.rep_delay = 0.0002
        faster = sampler.run([circuit] * 4, shots=100)
        for job, seconds in ((plain, 3 + 4 * 0.5 + 400 * 0.001), (faster, 3 + 4 * 0.5 + 400 * 0.0002)):
            job.wait_for_final_state(timeout=PATIENCE)
            assert job.usage() == pytest.approx(seconds)
        timestamps = api("GET", f"/jobs/{plain.job_id()}/metrics").json()["timestamps"]
        times = [datetime.fromisoformat(timestamps[name]) for name in ("running", "finished")]
        # The device is a hundred times as fast as it says.
        assert (times[1] - times[0]).total_seconds() >= 5.4 / 100 - 0.001
        sampler.options.execution.rep_delay = 1.0
        with pytest.raises(IBMRuntimeError, match="rep_delay must be from"):
            sampler.run([circuit], shots=100)
    finally:
        assert service.stop() == 0
